// SPDX-License-Identifier: Apache-2.0
/*
 * runner PORT: runs commands for the host beyond the virtio-serial port PORT, several at once.
 *
 * It is started before a machine's template is saved. It starts programs with vfork(2), tells of their output as it
 * comes and of their end at once, and never waits for a host that does not read. It is locked in memory, and the
 * kernel's OOM killer passes it by; what it starts it does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runner/runner.h"

static volatile sig_atomic_t reap;

static void on_signal(int number)
{
	if (number == SIGCHLD)
		reap = 1;
}

static void handle(struct request *request)
{
	uint32_t word = 0;

	switch (request->type) {
	case REQUEST_SYNC:
		job_forget_all();
		job_drop_data();
		if (request->length == NONCE)
			port_answer(ANSWER_SYNC, request->id, request->body, NONCE);
		break;
	case REQUEST_PING:
		if (request->length == NONCE)
			port_answer(ANSWER_PONG, request->id, request->body, NONCE);
		break;
	case REQUEST_DATA:
		job_data(request->body, request->length);
		break;
	case REQUEST_RUN:
		job_run(request->id, request->body, request->length);
		break;
	case REQUEST_KILL:
		if (request->length == sizeof(word)) {
			memcpy(&word, request->body, sizeof(word));
			job_kill(request->id, word);
		}
		break;
	case REQUEST_FORGET:
		job_forget(request->id);
		break;
	}
}

static void handle_requests(void)
{
	struct request request;

	do {
		while (port_room_for_requests() && port_next(&request)) {
			handle(&request);
			port_flush();
		}
	} while (port_room_for_requests() && port_read());
}

/* Wait until something happens; the two signals come only here. */
static void wait_for_events(struct pollfd *set)
{
	unsigned int count;
	sigset_t none;

	sigemptyset(&none);
	set[0] = (struct pollfd){ .fd = port_fd(), .events = port_events() };
	count = 1 + job_poll_set(set + 1);
	if (ppoll(set, count, NULL, &none) < 0) { /* a signal */
		while (count--)
			set[count].revents = 0;
	}
	port_polled(set[0].revents);
}

static int prepare(const char *path)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t ours;
	int fd;

	/* What whoever started this ignored would be ignored by every program below. */
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&ours);
	sigaddset(&ours, SIGCHLD);
	sigaddset(&ours, SIGIO);
	sigprocmask(SIG_BLOCK, &ours, NULL);
	sigaction(SIGCHLD, &action, NULL);
	sigaction(SIGIO, &action, NULL);
	if (port_open(path)) {
		perror(path);
		return -1;
	}
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || (write(fd, "-1000", 5) != 5 && errno != EACCES)) { /* EACCES: not root, as where it is tested */
		perror("oom_score_adj");
		return -1;
	}
	close(fd);
	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		perror("mlockall");
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct pollfd set[1 + STREAMS * JOBS];

	if (argc != 2) {
		fputs("usage: runner PORT\n", stderr);
		return 2;
	}
	if (daemon(0, 1))
		return 1;
	if (prepare(argv[1]))
		return 1;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		close(fd);
		if (open("/dev/null", O_RDWR) != fd)
			return 1;
	}
	for (;;) {
		wait_for_events(set);
		if (reap) {
			reap = 0;
			job_reap();
		}
		handle_requests();
		job_read(set + 1);
		port_flush();
	}
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runner/runner.h"

enum { STRINGS = 4096 };

struct job {
	bool used;
	bool silent;
	bool group;
	bool exited;
	uint32_t id;
	pid_t pid;
	int pipes[STREAMS]; /* our ends, -1 once they are at their end */
	int slots[STREAMS]; /* where they are in the set that is polled, -1: nowhere */
	uint64_t left[STREAMS]; /* bytes that are still sent */
	struct ended ended;
	uint64_t begun;
};

static struct job jobs[JOBS];

static int data_fd = -1;
static int data_error;

static char *strings[STRINGS + 2]; /* arguments and environment, each with its final NULL */
static volatile int exec_error; /* set by a child that shares our memory until it has executed its program */

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

static struct job *find(uint32_t id)
{
	for (struct job *job = jobs; job < jobs + JOBS; job++) {
		if (job->used && job->id == id && !job->silent)
			return job;
	}
	return NULL;
}

static struct job *find_free(void)
{
	for (struct job *job = jobs; job < jobs + JOBS; job++) {
		if (!job->used)
			return job;
	}
	return NULL;
}

void job_drop_data(void)
{
	if (data_fd >= 0)
		close(data_fd);
	data_fd = -1;
	data_error = 0;
}

void job_data(const char *data, uint32_t length)
{
	if (data_fd < 0 && !data_error)
		data_fd = memfd_create("stdin", MFD_CLOEXEC);
	if (data_fd < 0 && !data_error)
		data_error = errno;
	while (length && !data_error) {
		ssize_t done = write(data_fd, data, length);

		if (done < 0) {
			data_error = errno;
			return;
		}
		data += done;
		length -= done;
	}
}

/* Point strings[] into the body; return the environment's first, NULL where the body is none. */
static char **split(const char *body, uint32_t length, const struct run *run)
{
	unsigned int total = run->arguments + run->variables;
	char **to = strings;
	char *at = (char *)body + sizeof(*run);
	char *end = (char *)body + length;

	if (!run->arguments || total > STRINGS)
		return NULL;
	for (unsigned int i = 0; i < total; i++) {
		char *zero = memchr(at, 0, end - at);

		if (!zero)
			return NULL;
		*to++ = at;
		at = zero + 1;
		if (i + 1 == run->arguments)
			*to++ = NULL;
	}
	*to = NULL;
	return strings + run->arguments + 1;
}

/*
 * The child's part: it runs in our memory, and we stand still until its program does. The kernel gives a child of
 * vfork(2) an oom_score_adj of its own (__set_oom_adj in fs/proc/base.c).
 */
static void become(int input, const int ends[STREAMS], bool group, char **environment)
{
	sigset_t none;
	int fd;

	if (group)
		setpgid(0, 0);
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, "0", 1) != 1)
			exec_error = 0; /* there is nobody to tell */
		close(fd);
	}
	if (dup2(input, STDIN_FILENO) < 0 || dup2(ends[0], STDOUT_FILENO) < 0 || dup2(ends[1], STDERR_FILENO) < 0)
		goto failed;
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvpe(strings[0], strings, environment);
failed:
	exec_error = errno;
	_exit(127);
}

/* Return the child's process id; -1 with errno where there is none, or its program was not executed. */
static __attribute__((noinline)) pid_t spawn(int input, const int ends[STREAMS], bool group, char **environment)
{
	pid_t pid;

	exec_error = 0;
	pid = vfork();
	if (!pid)
		become(input, ends, group, environment);
	if (pid > 0 && exec_error) {
		waitpid(pid, NULL, 0);
		errno = exec_error;
		return -1;
	}
	return pid;
}

static int start(struct job *job, char **environment)
{
	int ends[STREAMS] = { -1, -1 };
	int error = 0;
	int both[2];
	int input;

	input = data_fd >= 0 ? data_fd : open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (input < 0)
		return errno;
	if (data_fd >= 0)
		lseek(data_fd, 0, SEEK_SET);
	data_fd = -1;
	for (int i = 0; i < STREAMS; i++) {
		if (pipe2(both, O_CLOEXEC)) {
			error = errno;
			goto out;
		}
		job->pipes[i] = both[0];
		ends[i] = both[1];
		fcntl(both[0], F_SETFL, O_NONBLOCK);
	}
	job->pid = spawn(input, ends, job->group, environment);
	if (job->pid < 0)
		error = errno;
out:
	close(input);
	for (int i = 0; i < STREAMS; i++) {
		if (ends[i] >= 0)
			close(ends[i]);
		if (error && job->pipes[i] >= 0)
			close(job->pipes[i]);
	}
	return error;
}

void job_run(uint32_t id, const char *body, uint32_t length)
{
	struct job *job = find_free();
	struct ended failed = { 0 };
	char **environment = NULL;
	struct run run = { 0 };
	uint32_t pid;

	if (length >= sizeof(run)) {
		memcpy(&run, body, sizeof(run));
		environment = split(body, length, &run);
	}
	failed.error = data_error;
	if (!environment)
		failed.error = E2BIG;
	else if (!job)
		failed.error = EAGAIN;
	if (!failed.error) {
		*job = (struct job){
			.id = id, .group = run.group, .pipes = { -1, -1 }, .slots = { -1, -1 },
			.left = { run.most, run.most }, .begun = now(),
		};
		failed.error = start(job, environment);
	}
	job_drop_data();
	if (failed.error) {
		port_answer(ANSWER_ENDED, id, &failed, sizeof(failed));
		return;
	}
	job->used = true;
	pid = job->pid;
	port_answer(ANSWER_STARTED, id, &pid, sizeof(pid));
}

void job_kill(uint32_t id, uint32_t signal)
{
	struct job *job = find(id);

	if (job && job->group)
		kill(-job->pid, signal);
	else if (job && !job->exited)
		kill(job->pid, signal);
}

void job_forget(uint32_t id)
{
	struct job *job = find(id);

	if (job)
		job->silent = true;
}

void job_forget_all(void)
{
	for (struct job *job = jobs; job < jobs + JOBS; job++)
		job->silent = true;
}

void job_reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (struct job *job = jobs; job < jobs + JOBS; job++) {
			if (!job->used || job->exited || job->pid != pid)
				continue;
			job->exited = true;
			job->ended.nanoseconds = now() - job->begun;
			if (WIFSIGNALED(status))
				job->ended.signal = WTERMSIG(status);
			else
				job->ended.status = WEXITSTATUS(status);
		}
	}
}

unsigned int job_poll_set(struct pollfd *set)
{
	unsigned int count = 0;

	for (struct job *job = jobs; job < jobs + JOBS; job++) {
		for (int i = 0; job->used && i < STREAMS; i++) {
			job->slots[i] = -1;
			if (job->pipes[i] < 0 || !(job->silent || port_room_for_output()))
				continue;
			set[count] = (struct pollfd){ .fd = job->pipes[i], .events = POLLIN };
			job->slots[i] = count++;
		}
	}
	return count;
}

/* Read one stream until it has no more for now, or there is no room. */
static void read_stream(struct job *job, int stream)
{
	static char dropped[16 << 10];
	ssize_t got;

	for (;;) {
		if (job->silent || !job->left[stream]) {
			got = read(job->pipes[stream], dropped, sizeof(dropped));
			if (got > 0)
				job->ended.cut |= 1U << stream;
		} else if (port_room_for_output()) {
			got = port_copy(stream ? ANSWER_ERR : ANSWER_OUT, job->id, job->pipes[stream], job->left[stream]);
			if (got > 0) {
				job->left[stream] -= got;
				port_flush();
			}
		} else {
			return;
		}
		if (got > 0)
			continue;
		if (!got || errno != EAGAIN) {
			close(job->pipes[stream]);
			job->pipes[stream] = -1;
		}
		return;
	}
}

void job_read(const struct pollfd *set)
{
	for (struct job *job = jobs; job < jobs + JOBS; job++) {
		if (!job->used)
			continue;
		for (int i = 0; i < STREAMS; i++) {
			bool ready = job->slots[i] >= 0 && set[job->slots[i]].revents;

			if (job->pipes[i] >= 0 && (ready || job->exited))
				read_stream(job, i);
		}
		if (!job->exited || job->pipes[0] >= 0 || job->pipes[1] >= 0)
			continue;
		if (!job->silent)
			port_answer(ANSWER_ENDED, job->id, &job->ended, sizeof(job->ended));
		job->used = false;
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Takes the place of the guest's agent: stops it, takes over its port, and
 * answers what no agent would. The argument names what.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEEP 100000
#define HUGE_MIB 200

static int port;

static void put(const char *text, size_t size)
{
	while (size) {
		ssize_t done = write(port, text, size);

		if (done <= 0) {
			usleep(1000);
			continue;
		}
		text += done;
		size -= done;
	}
}

static void say(const char *text)
{
	put(text, strlen(text));
}

/* The process whose name begins with qemu-ga, 0 if there is none. */
static int find_agent(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	while ((entry = readdir(proc))) {
		char path[300], name[64] = "";
		FILE *file;

		if (!atoi(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "r");
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) && !strncmp(name, "qemu-ga", 7)) {
			fclose(file);
			return atoi(entry->d_name);
		}
		fclose(file);
	}
	return 0;
}

static int find_port(int agent)
{
	for (int fd = 0; fd < 64; fd++) {
		char path[64], link[300];
		ssize_t size;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", agent, fd);
		size = readlink(path, link, sizeof(link) - 1);
		if (size <= 0)
			continue;
		link[size] = 0;
		if (strstr(link, "vport"))
			return fd;
	}
	return -1;
}

static void answer(const char *mode, const char *request)
{
	const char *id = strstr(request, "\"id\": ");
	int status = strstr(request, "guest-exec-status") != NULL;

	if (strstr(request, "guest-sync-delimited") && id) {
		char text[64];

		snprintf(text, sizeof(text), "\xff{\"return\": %ld}\n", atol(id + 6));
		say(text);
	} else if (!strcmp(mode, "forge")) {
		say(status ? "{\"return\": {\"exited\": true, \"exitcode\": 0}}\n" : "{\"return\": {\"pid\": 7}}\n");
	} else if (!strcmp(mode, "b64")) {
		say(status ? "{\"return\": {\"exited\": true, \"exitcode\": 0, \"out-data\": \"A\"}}\n" :
			     "{\"return\": {\"pid\": 7}}\n");
	} else if (!strcmp(mode, "infinite")) {
		say(status ? "{\"return\": {\"exited\": true, \"exitcode\": 1e999}}\n" : "{\"return\": {\"pid\": 7}}\n");
	} else if (!strcmp(mode, "errstr")) {
		say("{\"error\": \"\\u001b[31mboo\"}\n");
	} else if (!strcmp(mode, "null")) {
		say("{\"return\": null}\n");
	} else if (!strcmp(mode, "int")) {
		say("{\"return\": 5}\n");
	} else if (!strcmp(mode, "garbage")) {
		say("\x01\x02garbage \xff\xfe\n");
	} else if (!strcmp(mode, "deep")) {
		static char deep[DEEP + 1];

		memset(deep, '[', DEEP);
		deep[DEEP] = '\n';
		put(deep, sizeof(deep));
	}
}

static void serve(const char *mode)
{
	static char request[1 << 20];
	size_t have = 0;

	for (;;) {
		ssize_t got = read(port, request + have, sizeof(request) - have - 1);
		char *end;

		if (got <= 0) {
			usleep(20000);
			continue;
		}
		have += got;
		request[have] = 0;
		while ((end = memchr(request, '\n', have))) {
			*end = 0;
			answer(mode, request);
			have -= end - request + 1;
			memmove(request, end + 1, have);
		}
	}
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "never";
	int agent = find_agent(), fd = find_port(agent);

	printf("agent %d port %d\n", agent, fd);
	fflush(stdout);
	if (fork())
		return 0;
	setsid();
	for (int each = 0; each < 3; each++)
		close(each);
	open("/dev/null", O_RDWR);
	dup(0);
	dup(0);
	port = syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, agent, 0), fd, 0);
	usleep(700000); /* the agent tells the end of this program first */
	kill(agent, SIGSTOP);
	fcntl(port, F_SETFL, fcntl(port, F_GETFL) & ~O_NONBLOCK);
	if (!strcmp(mode, "never"))
		pause();
	if (!strcmp(mode, "huge")) {
		char *big = malloc(1 << 20);

		memset(big, 'A', 1 << 20);
		for (int mib = 0; mib < HUGE_MIB; mib++)
			put(big, 1 << 20);
		pause();
	}
	serve(mode);
}

// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/child.h"

#define STRETCH 8

double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/*
 * A host that is busy with other work wakes us late; of such a pause no more than twice what was asked for counts, since
 * the child could not run either. STRETCH bounds it all the same.
 */
bool wait_for(pid_t pid, int *status, double timeout)
{
	struct timespec pause = { 0, 200000 };
	double start = seconds(), last = start, spent = 0;

	while (waitpid(pid, status, WNOHANG) != pid) {
		double now = seconds(), most = 2 * pause.tv_nsec / 1e9;

		spent += now - last < most ? now - last : most;
		last = now;
		if (spent > timeout || now - start > STRETCH * timeout)
			return false;
		if (pause.tv_nsec < 5000000)
			pause.tv_nsec *= 2;
		nanosleep(&pause, NULL);
	}
	return true;
}

void describe_hang(pid_t pid, char *text, size_t room)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	fd = open(path, O_RDONLY);
	len = fd < 0 ? -1 : read(fd, text, room - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	for (char *at = text; *at; at++)
		if (*at == '\n')
			*at = ' ';
}

// SPDX-License-Identifier: Apache-2.0
/* Documentation/fault-injection/fault-injection.rst: what fails, and when. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fsfault/fsfault.h"

#define DEBUGFS "/sys/kernel/debug"
#define BLOCK 4096
#define MANY_BLOCKS 262144

static int nth_fd = -1;

static bool put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY);
	bool done;

	if (fd < 0)
		return false;
	done = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

static long get(const char *file)
{
	char text[32] = "";
	int fd = open(file, O_RDONLY);

	if (fd < 0)
		return -1;
	if (read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return atol(text);
}

/* The messages tell which call failed, with its stack: each of them, however many. */
static bool loud(const char *kind)
{
	static const char *const words[][2] = {
		{ "verbose", "2" },
		{ "verbose_ratelimit_interval_ms", "0" },
		{ "probability", "0" },
		{ "interval", "1" },
		{ "times", "-1" },
		{ "space", "0" },
		{ "task-filter", "N" },
	};
	char file[256];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(file, sizeof(file), DEBUGFS "/%s/%s", kind, words[i][0]);
		if (!put(file, words[i][1]))
			return false;
	}
	return true;
}

/* Allocations count: those that may wait, too, of every cache and of a single page. */
static bool allocations(bool on)
{
	return put(DEBUGFS "/failslab/ignore-gfp-wait", on ? "N" : "Y") &&
	       put(DEBUGFS "/failslab/cache-filter", on ? "N" : "Y") &&
	       put(DEBUGFS "/fail_page_alloc/ignore-gfp-wait", on ? "N" : "Y") &&
	       put(DEBUGFS "/fail_page_alloc/ignore-gfp-highmem", on ? "N" : "Y") &&
	       put(DEBUGFS "/fail_page_alloc/min-order", on ? "0" : "20");
}

static bool device_fails(const char *device, bool on)
{
	char file[128];
	struct stat st;

	if (stat(device, &st) || !S_ISBLK(st.st_mode))
		return false;
	snprintf(file, sizeof(file), "/sys/dev/block/%u:%u/make-it-fail", major(st.st_rdev), minor(st.st_rdev));
	return put(file, on ? "1" : "0");
}

bool inject_setup(enum fault fault, const char *device)
{
	if (access(DEBUGFS "/failslab", F_OK)) {
		errno = ENOENT; /* whoever runs us has mounted debugfs */
		return false;
	}
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (nth_fd < 0)
		return false;
	if (!loud("failslab") || !loud("fail_page_alloc") || !loud("fail_make_request"))
		return false;
	return allocations(fault == ALLOCATION) && (fault == ALLOCATION || device_fails(device, true));
}

static bool arm_io(unsigned int nth)
{
	char text[32];

	/* should_fail_ex: what is left of the budget is counted down by the bytes of each request, then one fails. */
	snprintf(text, sizeof(text), "%u", (nth - 1) * BLOCK);
	return put(DEBUGFS "/fail_make_request/space", text) && put(DEBUGFS "/fail_make_request/times", "1") &&
	       put(DEBUGFS "/fail_make_request/probability", "100");
}

bool inject_arm(enum fault fault, unsigned int nth)
{
	char text[32];

	if (fault == IO)
		return arm_io(nth > MANY_BLOCKS ? MANY_BLOCKS : nth);
	snprintf(text, sizeof(text), "%u", nth);
	return pwrite(nth_fd, text, strlen(text), 0) == (ssize_t)strlen(text);
}

bool inject_disarm(enum fault fault)
{
	char left[32] = "";
	ssize_t len;
	bool failed;

	if (fault == IO) {
		failed = get(DEBUGFS "/fail_make_request/times") == 0;
		put(DEBUGFS "/fail_make_request/probability", "0");
		return failed;
	}
	/* Copies to programs count, too: where this one is the n-th, nothing before it has failed, and it fails. */
	len = pread(nth_fd, left, sizeof(left) - 1, 0);
	failed = len > 0 && atol(left) == 0;
	while (pwrite(nth_fd, "0", 1, 0) != 1 && errno == EFAULT)
		;
	return failed;
}

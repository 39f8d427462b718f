// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/inputs.h"

#define KNOWN 16
#define SIZE_OF_FILE (INPUTS_HEADER + INPUTS_COUNT * INPUTS_CELLS * sizeof(uint64_t))

static char *table;

struct known {
	dev_t device;
	bool counted;
};

static _Thread_local struct known known[KNOWN];
static _Thread_local unsigned int filled;

/* Before the program begins: it may give up rights, or its root, later. */
__attribute__((constructor)) static void map_table(void)
{
	const char *path = getenv(INPUTS_VARIABLE);
	int err = errno, fd = open(path ? path : INPUTS_FILE, O_RDWR | O_CLOEXEC);
	struct stat st;
	void *map;

	if (fd >= 0 && !fstat(fd, &st) && st.st_size == SIZE_OF_FILE) {
		map = mmap(NULL, SIZE_OF_FILE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		table = map == MAP_FAILED ? NULL : map;
	}
	if (fd >= 0)
		close(fd);
	errno = err;
}

/* 36 25 254:32 / /mnt rw,relatime - vexfs /dev/vdc rw */
static bool is_under_test(dev_t device)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	unsigned int major, minor;
	char line[1024], *type;
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		type = strstr(line, " - ");
		if (!type || sscanf(line, "%*d %*d %u:%u", &major, &minor) != 2 || makedev(major, minor) != device)
			continue;
		type += strlen(" - ");
		type[strcspn(type, " ")] = '\0';
		found = !strncmp(type, table, INPUTS_HEADER);
	}
	if (file)
		fclose(file);
	return found;
}

/* A device may be mounted anew with another filesystem in the life of a program, but no program of ours does so. */
static bool is_counted(dev_t device)
{
	struct known *next;

	for (unsigned int i = 0; i < filled; i++)
		if (known[i].device == device)
			return known[i].counted;
	next = &known[filled < KNOWN ? filled++ : KNOWN - 1];
	*next = (struct known){ .device = device, .counted = is_under_test(device) };
	return next->counted;
}

bool inputs_fd(int fd)
{
	int err = errno;
	struct stat st;
	bool on = table && !fstat(fd, &st) && is_counted(st.st_dev);

	errno = err;
	return on;
}

bool inputs_path(int dirfd, const char *path)
{
	int err = errno;
	char copy[PATH_MAX];
	struct stat st;
	bool on = false;

	if (table && path) {
		snprintf(copy, sizeof(copy), "%s", path);
		on = (!fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) || !fstatat(dirfd, dirname(copy), &st, 0)) &&
		     is_counted(st.st_dev);
	}
	errno = err;
	return on;
}

static unsigned int digits(unsigned long long value)
{
	return value ? 64 - __builtin_clzll(value) : 0;
}

static void add(enum inputs_operation operation, unsigned int cell)
{
	uint64_t *counters = (uint64_t *)(table + INPUTS_HEADER);

	__atomic_fetch_add(&counters[operation * INPUTS_CELLS + cell], 1, __ATOMIC_RELAXED);
}

long inputs_count(bool on, enum inputs_operation operation, uint32_t flags, long long size, int64_t offset, long value)
{
	int err = errno;

	if (!on)
		return value;
	add(operation, INPUTS_CALLS);
	if (!flags)
		add(operation, INPUTS_FLAG);
	for (unsigned int bit = 0; bit < 32; bit++)
		if (flags & 1U << bit)
			add(operation, INPUTS_FLAG + 1 + bit);
	if (size >= 0)
		add(operation, INPUTS_SIZE + digits(size));
	if (offset >= 0)
		add(operation, INPUTS_OFFSET + digits(offset));
	else if (offset != NO_OFFSET)
		add(operation, INPUTS_ERRNO - 1);
	add(operation, INPUTS_ERRNO + (value != -1 ? 0 : err <= INPUTS_ERRNO_MOST ? err : 0));
	return value;
}

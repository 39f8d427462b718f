// SPDX-License-Identifier: Apache-2.0
/* Phases on one file's contents, and on the whole filesystem. A block is 4096 bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fsperf/fsperf.h"

#define BLOCK 4096
#define PIECE (32 * BLOCK)

static char buffer[BLOCK];

/* Bytes that no filesystem takes for a hole. */
static void __attribute__((constructor)) fill_buffer(void)
{
	memset(buffer, 'v', sizeof(buffer));
}

static bool closed(int fd, bool good)
{
	int why = errno;

	if (fd >= 0 && close(fd))
		return false;
	errno = why;
	return good;
}

/* The file of this kind: each thread's own, also where all share one directory. */
static int opened(struct job *job, char kind, int flags)
{
	char name[16] = { kind };

	if (job->shared)
		snprintf(name, sizeof(name), "%c%02d", kind, job->thread);
	return openat(job->dir, name, flags, 0644);
}

static bool write_blocks(struct job *job, char kind, int flags, int (*after)(int))
{
	int fd = opened(job, kind, O_WRONLY | O_CREAT | flags);
	bool good = fd >= 0;

	for (long i = job->base; good && i < job->base + job->count; i++) {
		good = pwrite(fd, buffer, BLOCK, i % job->most * BLOCK) == BLOCK;
		if (good && after)
			good = !after(fd);
	}
	return closed(fd, good);
}

static bool do_write(struct job *job)
{
	return write_blocks(job, 'w', 0, NULL);
}

static bool do_fsync(struct job *job)
{
	return write_blocks(job, 'y', 0, fsync);
}

/* Over blocks that are there: no size, no map changes. */
static bool do_fdatasync(struct job *job)
{
	return write_blocks(job, 'w', 0, fdatasync);
}

/* The blocks in an order that repeats none (5381 is prime), so that neighbours are written far apart in time. */
static bool scatter(struct job *job, int fd)
{
	bool good = fd >= 0;

	for (long i = 0; good && i < job->count; i++)
		good = pwrite(fd, buffer, BLOCK, i * 5381 % job->count % job->most * BLOCK) == BLOCK;
	return closed(fd, good);
}

static bool do_scatter(struct job *job)
{
	return scatter(job, opened(job, 'w', O_WRONLY));
}

/* The same into a file that is all hole, as fio's randwrite does it. */
static bool do_holes(struct job *job)
{
	int fd = opened(job, 'w', O_WRONLY | O_CREAT);
	long count = job->count < job->most ? job->count : job->most;

	if (fd >= 0 && ftruncate(fd, count * BLOCK))
		return closed(fd, false);
	return scatter(job, fd);
}

static bool do_read(struct job *job)
{
	static _Thread_local char into[PIECE];
	int fd = opened(job, 'w', O_RDONLY);
	long long left = (job->count < job->most ? job->count : job->most) * (long long)BLOCK;
	bool good = fd >= 0;

	while (good && left > 0) {
		ssize_t got = read(fd, into, sizeof(into));

		good = got > 0;
		left -= got;
	}
	return closed(fd, good);
}

/* The file of do_write goes, and its blocks with it. */
static bool do_remove(struct job *job)
{
	char name[16] = "w";

	if (job->shared)
		snprintf(name, sizeof(name), "w%02d", job->thread);
	return !unlinkat(job->dir, name, 0);
}

static bool do_sync(struct job *job)
{
	return !syncfs(job->dir);
}

static bool drop(struct job *job, const char *what)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY);

	return closed(fd, !syncfs(job->dir) && fd >= 0 && write(fd, what, 1) == 1);
}

static bool do_drop(struct job *job)
{
	return drop(job, "3");
}

static bool do_forget(struct job *job)
{
	return drop(job, "2");
}

static bool do_idle(struct job *job)
{
	struct timespec pause = { .tv_sec = job->count / 1000, .tv_nsec = job->count % 1000 * 1000000 };

	return !nanosleep(&pause, NULL);
}

const struct phase io_phases[] = {
	{ .name = "write", .needs = "write", .work = do_write, .file = true },
	{ .name = "scatter", .needs = "write", .work = do_scatter, .file = true },
	{ .name = "holes", .needs = "truncate_up", .work = do_holes, .file = true },
	{ .name = "read", .work = do_read, .file = true },
	{ .name = "remove", .needs = "unlink", .work = do_remove, .file = true },
	{ .name = "fsync", .needs = "fsync", .work = do_fsync, .file = true },
	{ .name = "fdatasync", .needs = "fdatasync", .work = do_fdatasync, .file = true },
	{ .name = "sync", .work = do_sync, .alone = true },
	{ .name = "drop", .work = do_drop, .alone = true },
	{ .name = "forget", .work = do_forget, .alone = true },
	{ .name = "idle", .work = do_idle, .alone = true },
	{ 0 },
};

// SPDX-License-Identifier: Apache-2.0
/* Phases on names: each does one kind of operation on every name of its job. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fsperf/fsperf.h"

typedef bool (*one_fn)(int dir, const char *name, long number);

/* "f000017" and so on: names of one length, so that each takes the same room. */
static bool each(struct job *job, one_fn one)
{
	long first = job->shared ? job->thread * 1000000L / 16 : 0;
	char name[32];

	for (long i = job->base; i < job->base + job->count; i++) {
		snprintf(name, sizeof(name), "f%06ld", first + i);
		if (!one(job->dir, name, first + i))
			return false;
	}
	return true;
}

static bool create_one(int dir, const char *name, long number)
{
	int fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY, 0644);

	(void)number;
	return fd >= 0 && !close(fd);
}

static bool open_one(int dir, const char *name, long number)
{
	int fd = openat(dir, name, O_RDONLY);

	(void)number;
	return fd >= 0 && !close(fd);
}

static bool stat_one(int dir, const char *name, long number)
{
	struct stat st;

	(void)number;
	return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
}

static bool unlink_one(int dir, const char *name, long number)
{
	(void)number;
	return !unlinkat(dir, name, 0);
}

static bool chmod_one(int dir, const char *name, long number)
{
	return !fchmodat(dir, name, number % 2 ? 0600 : 0640, 0);
}

static bool rename_one(int dir, const char *name, long number)
{
	char other[32];

	/* There and back, so that what comes after finds the names it knows. */
	snprintf(other, sizeof(other), "r%06ld", number);
	return !renameat(dir, name, dir, other) && !renameat(dir, other, dir, name);
}

static bool link_one(int dir, const char *name, long number)
{
	char other[32];

	snprintf(other, sizeof(other), "l%06ld", number);
	return !linkat(dir, name, dir, other, 0) && !unlinkat(dir, other, 0);
}

static bool symlink_one(int dir, const char *name, long number)
{
	char other[32];

	snprintf(other, sizeof(other), "s%06ld", number);
	return !symlinkat(name, dir, other) && !unlinkat(dir, other, 0);
}

static bool mkdir_one(int dir, const char *name, long number)
{
	char other[32];

	(void)name;
	snprintf(other, sizeof(other), "d%06ld", number);
	return !mkdirat(dir, other, 0755) && !unlinkat(dir, other, AT_REMOVEDIR);
}

static bool xattr_one(int dir, const char *name, long number)
{
	int fd = openat(dir, name, O_RDONLY);
	bool good = fd >= 0 && !fsetxattr(fd, "user.number", &number, sizeof(number), 0);

	return fd >= 0 && !close(fd) && good;
}

static bool absent_one(int dir, const char *name, long number)
{
	struct stat st;

	(void)number;
	if (!fstatat(dir, name, &st, 0)) {
		errno = EEXIST;
		return false;
	}
	return errno == ENOENT;
}

/* 25 files to a directory, so that a growing filesystem has no large directory. */
static bool spread_one(int dir, const char *name, long number)
{
	char path[64];

	snprintf(path, sizeof(path), "p%05ld", number / 25);
	if (number % 25 == 0 && mkdirat(dir, path, 0755))
		return false;
	snprintf(path, sizeof(path), "p%05ld/%s", number / 25, name);
	return create_one(dir, path, number);
}

/* A file of 1000 bytes, as source trees are full of. */
static bool small_one(int dir, const char *name, long number)
{
	int fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY, 0644);
	char text[1000];
	bool good;

	memset(text, 'a' + number % 26, sizeof(text));
	good = fd >= 0 && write(fd, text, sizeof(text)) == sizeof(text);
	return fd >= 0 && !close(fd) && good;
}

static bool load_one(int dir, const char *name, long number)
{
	int fd = openat(dir, name, O_RDONLY);
	char text[1000];
	bool good = fd >= 0 && read(fd, text, sizeof(text)) == sizeof(text);

	(void)number;
	return fd >= 0 && !close(fd) && good;
}

/* A file that is safe when the call returns, as a mail server makes them. */
static bool durable_one(int dir, const char *name, long number)
{
	int fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY, 0644);
	bool good = fd >= 0 && write(fd, &number, sizeof(number)) == sizeof(number) && !fsync(fd);

	return fd >= 0 && !close(fd) && good;
}

static bool do_create(struct job *job) { return each(job, create_one); }
static bool do_open(struct job *job) { return each(job, open_one); }
static bool do_stat(struct job *job) { return each(job, stat_one); }
static bool do_unlink(struct job *job) { return each(job, unlink_one); }
static bool do_chmod(struct job *job) { return each(job, chmod_one); }
static bool do_rename(struct job *job) { return each(job, rename_one); }
static bool do_link(struct job *job) { return each(job, link_one); }
static bool do_symlink(struct job *job) { return each(job, symlink_one); }
static bool do_mkdir(struct job *job) { return each(job, mkdir_one); }
static bool do_xattr(struct job *job) { return each(job, xattr_one); }
static bool do_spread(struct job *job) { return each(job, spread_one); }
static bool do_small(struct job *job) { return each(job, small_one); }
static bool do_load(struct job *job) { return each(job, load_one); }
static bool do_durable(struct job *job) { return each(job, durable_one); }

/* Names that are not there, others in each round: an absent name is remembered by the kernel. */
static bool do_absent(struct job *job)
{
	struct job away = *job;

	away.base += 1000000 + job->round * job->count;
	return each(&away, absent_one);
}

static bool do_readdir(struct job *job)
{
	int fd = openat(job->dir, ".", O_RDONLY | O_DIRECTORY);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct stat st;

	if (!dir)
		return false;
	job->done = 0;
	errno = 0;
	for (struct dirent *entry; (entry = readdir(dir));)
		job->done += entry->d_name[0] == 'f';
	closedir(dir);
	if (errno || fstat(job->dir, &st))
		return false;
	errno = EBADMSG;
	return job->done >= job->count;
}

const struct phase phases[] = {
	{ .name = "create", .needs = "create", .work = do_create },
	{ .name = "open", .work = do_open },
	{ .name = "stat", .work = do_stat },
	{ .name = "absent", .work = do_absent },
	{ .name = "readdir", .work = do_readdir },
	{ .name = "chmod", .needs = "chmod", .work = do_chmod },
	{ .name = "rename", .needs = "rename", .work = do_rename },
	{ .name = "link", .needs = "link", .work = do_link },
	{ .name = "symlink", .needs = "symlink", .work = do_symlink },
	{ .name = "mkdir", .needs = "mkdir", .work = do_mkdir },
	{ .name = "xattr", .needs = "xattr", .work = do_xattr },
	{ .name = "spread", .needs = "mkdir", .work = do_spread },
	{ .name = "small", .needs = "create", .work = do_small },
	{ .name = "load", .work = do_load },
	{ .name = "durable", .needs = "fsync", .work = do_durable },
	{ .name = "unlink", .needs = "unlink", .work = do_unlink },
	{ 0 },
};

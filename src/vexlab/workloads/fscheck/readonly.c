// SPDX-License-Identifier: Apache-2.0
/* A filesystem mounted read-only, with what `fscheck mark` made: nothing changes, and everything says EROFS. */
#include <sys/xattr.h>

#include "fscheck/run.h"

static void is_readonly(void)
{
	EQ(filesystem().f_flag & ST_RDONLY, ST_RDONLY);
}

static void making(void)
{
	FAILS(open("new", O_CREAT | O_RDWR, 0644), EROFS);
	FAILS(mkdir("new", 0755), EROFS);
	FAILS(mknod("new", S_IFIFO | 0644, 0), EROFS);
	FAILS(symlink("x", "new"), EROFS);
	FAILS(link("links/f", "new"), EROFS);
	FAILS(open(".", O_TMPFILE | O_RDWR, 0600), EROFS, EOPNOTSUPP);
	expect_missing("new");
}

static void removing(void)
{
	FAILS(unlink("links/f"), EROFS);
	FAILS(rmdir("tree/side"), EROFS);
	FAILS(rename("links/f", "links/g"), EROFS);
	FAILS(renameat2(AT_FDCWD, "links/f", AT_FDCWD, "links/l0", RENAME_EXCHANGE), EROFS);
	EQ(look("links/f").st_nlink, 50);
	EQ(entries("links"), 50);
}

static void writing(void)
{
	FAILS(open("links/f", O_WRONLY), EROFS);
	FAILS(open("links/f", O_RDWR), EROFS);
	FAILS(open("links/f", O_RDONLY | O_TRUNC), EROFS);
	FAILS(truncate("links/f", 0), EROFS);
	EQ(access("links/f", W_OK), -1);
	EQ(errno, EROFS);
	expect_made("links/f", 100, 1);
}

static void attributes(void)
{
	struct stat before = look("links/f");

	FAILS(chmod("links/f", 0600), EROFS);
	FAILS(chown("links/f", 5, 5), EROFS);
	FAILS(utimensat(AT_FDCWD, "links/f", NULL, 0), EROFS);
	FAILS(setxattr("links/f", "user.a", "b", 1, 0), EROFS, EOPNOTSUPP);
	EQ(look("links/f").st_mode, before.st_mode);
	EQ(same_time(look("links/f").st_ctim, before.st_ctim), 1);
}

static void other_errors_first(void)
{
	FAILS(mkdir("links", 0755), EEXIST);
	FAILS(open("links/f", O_CREAT | O_EXCL | O_RDONLY, 0644), EEXIST);
	closed(OK(open("links/f", O_CREAT | O_RDONLY, 0644)));
}

static void reading_changes_nothing(void)
{
	struct stat before = look("times/f1"), dir = look("times");
	int fd = opened("times/f1", O_RDONLY);

	expect_pattern(fd, 0, 10, 1);
	OK(fsync(fd));
	closed(fd);
	EQ(entries("times") > 0, 1);
	settle();
	EQ(same_time(look("times/f1").st_atim, before.st_atim), 1);
	EQ(same_time(look("times").st_atim, dir.st_atim), 1);
}

static void mapping(void)
{
	int fd = opened("contents/f4096", O_RDONLY);
	unsigned char *map = (void *)OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));

	FAILS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EACCES);
	map[0]++;
	OK(munmap(map, 4096));
	closed(fd);
	expect_made("contents/f4096", 4096, 4);
}

static const struct check checks[] = {
	{ "readonly", "is_readonly", "POSIX.1-2017 statvfs(), ST_RDONLY", is_readonly },
	{ "readonly", "making", "POSIX.1-2017 open(), mkdir(), symlink(), link() EROFS", making },
	{ "readonly", "removing", "POSIX.1-2017 unlink(), rmdir(), rename() EROFS", removing },
	{ "readonly", "writing", "POSIX.1-2017 open(), truncate(), access() EROFS", writing },
	{ "readonly", "attributes", "POSIX.1-2017 chmod(), chown(), utimensat() EROFS", attributes },
	{ "readonly", "other_errors_first", "POSIX.1-2017 mkdir(), open() EEXIST", other_errors_first },
	{ "readonly", "reading_changes_nothing", "mount(2), MS_RDONLY", reading_changes_nothing },
	{ "readonly", "mapping", "mmap(2) EACCES", mapping },
};

static const struct check *current;

static void work(void)
{
	current->run();
}

bool readonly(const char *path, double timeout)
{
	bool good = true;

	if (chdir(path)) {
		fprintf(stderr, "fscheck: %s: %s\n", path, strerror(errno));
		return false;
	}
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		double start = seconds();

		current = &checks[i];
		announce(current->family, current->name);
		guarded(work, timeout);
		print_outcome(current, (seconds() - start) * 1000);
		good &= outcome->result != FAIL && outcome->result != TIMEOUT;
	}
	announce("end", "");
	return good;
}

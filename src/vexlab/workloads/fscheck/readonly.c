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
	FAILS(link("plain/f", "new"), EROFS);
	FAILS(open(".", O_TMPFILE | O_RDWR, 0600), EROFS, EOPNOTSUPP);
	expect_missing("new");
}

static void removing(void)
{
	FAILS(unlink("plain/f"), EROFS);
	FAILS(rmdir("plain/d"), EROFS);
	FAILS(rename("plain/f", "plain/g"), EROFS);
	FAILS(renameat2(AT_FDCWD, "plain/f", AT_FDCWD, "plain/page", RENAME_EXCHANGE), EROFS);
	EQ(look("plain/f").st_nlink, 1);
	EQ(entries("plain"), 3);
}

static void writing(void)
{
	FAILS(open("plain/f", O_WRONLY), EROFS);
	FAILS(open("plain/f", O_RDWR), EROFS);
	FAILS(open("plain/f", O_RDONLY | O_TRUNC), EROFS);
	FAILS(truncate("plain/f", 0), EROFS);
	EQ(access("plain/f", W_OK), -1);
	EQ(errno, EROFS);
	expect_made("plain/f", 100, 1);
}

static void attributes(void)
{
	struct stat before = look("plain/f");

	FAILS(chmod("plain/f", 0600), EROFS);
	FAILS(chown("plain/f", 5, 5), EROFS);
	FAILS(utimensat(AT_FDCWD, "plain/f", NULL, 0), EROFS);
	FAILS(setxattr("plain/f", "user.a", "b", 1, 0), EROFS, EOPNOTSUPP);
	EQ(look("plain/f").st_mode, before.st_mode);
	EQ(same_time(look("plain/f").st_ctim, before.st_ctim), 1);
}

static void other_errors_first(void)
{
	FAILS(mkdir("plain", 0755), EEXIST);
	FAILS(open("plain/f", O_CREAT | O_EXCL | O_RDONLY, 0644), EEXIST);
	closed(OK(open("plain/f", O_CREAT | O_RDONLY, 0644)));
}

static void reading_changes_nothing(void)
{
	struct stat before = look("plain/f"), dir = look("plain");
	int fd = opened("plain/f", O_RDONLY);

	expect_pattern(fd, 0, 100, 1);
	if (profile_works("fsync"))
		OK(fsync(fd));
	closed(fd);
	EQ(entries("plain"), 3);
	settle();
	EQ(same_time(look("plain/f").st_atim, before.st_atim), 1);
	EQ(same_time(look("plain").st_atim, dir.st_atim), 1);
}

static void mapping(void)
{
	int fd = opened("plain/page", O_RDONLY);
	unsigned char *map;

	need("mmap_private");
	map = (void *)OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));

	FAILS(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), EACCES);
	map[0]++;
	OK(munmap(map, 4096));
	closed(fd);
	expect_made("plain/page", 4096, 4);
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

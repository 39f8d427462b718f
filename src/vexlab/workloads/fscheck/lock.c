// SPDX-License-Identifier: Apache-2.0
/* Advisory locks. */
#include <sys/file.h>

#include "fscheck/check.h"

static int record(int fd, int command, short type, off_t start, off_t len)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len };

	return fcntl(fd, command, &lock);
}

static void records(void)
{
	pid_t child;
	int fd;

	make("f", 100, 1);
	fd = opened("f", O_RDWR);
	OK(record(fd, F_SETLK, F_WRLCK, 10, 10));
	OK(record(fd, F_SETLK, F_RDLCK, 50, 10));
	child = background_begin();
	if (!child) {
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 100 };
		int other = opened("f", O_RDWR);

		FAILS(record(other, F_SETLK, F_WRLCK, 15, 1), EAGAIN, EACCES);
		FAILS(record(other, F_SETLK, F_RDLCK, 19, 5), EAGAIN, EACCES);
		FAILS(record(other, F_SETLK, F_WRLCK, 55, 1), EAGAIN, EACCES);
		OK(record(other, F_SETLK, F_RDLCK, 55, 1));
		OK(record(other, F_SETLK, F_WRLCK, 20, 10));
		OK(fcntl(other, F_GETLK, &lock));
		EQ(lock.l_type, F_WRLCK);
		EQ(lock.l_start, 10);
		EQ(lock.l_len, 10);
		EQ(lock.l_pid, getppid());
		as_end();
	}
	background_end(child);
	OK(record(fd, F_SETLK, F_UNLCK, 0, 0));
	child = background_begin();
	if (!child) {
		OK(record(opened("f", O_RDWR), F_SETLK, F_WRLCK, 0, 0));
		as_end();
	}
	background_end(child);
	closed(fd);
}

static void released_by_close(void)
{
	pid_t child;
	int fd;

	make("f", 100, 1);
	fd = opened("f", O_RDWR);
	OK(record(fd, F_SETLK, F_WRLCK, 0, 0));
	closed(opened("f", O_RDWR));
	child = background_begin();
	if (!child) {
		OK(record(opened("f", O_RDWR), F_SETLK, F_WRLCK, 0, 0));
		as_end();
	}
	background_end(child);
	OK(record(fd, F_SETLK, F_WRLCK, 0, 0));
	closed(fd);
}

static void of_descriptions(void)
{
	int a, b;

	make("f", 100, 1);
	a = opened("f", O_RDWR);
	b = opened("f", O_RDWR);
	OK(record(a, F_OFD_SETLK, F_WRLCK, 0, 50));
	FAILS(record(b, F_OFD_SETLK, F_WRLCK, 49, 10), EAGAIN, EACCES);
	OK(record(b, F_OFD_SETLK, F_WRLCK, 50, 10));
	closed(a);
	OK(record(b, F_OFD_SETLK, F_WRLCK, 0, 50));
	closed(b);
}

static void whole_files(void)
{
	int a, b;

	make("f", 100, 1);
	a = opened("f", O_RDWR);
	b = opened("f", O_RDONLY);
	OK(flock(a, LOCK_SH));
	OK(flock(b, LOCK_SH | LOCK_NB));
	FAILS(flock(a, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	OK(flock(b, LOCK_UN));
	OK(flock(a, LOCK_EX | LOCK_NB));
	FAILS(flock(b, LOCK_SH | LOCK_NB), EWOULDBLOCK);
	closed(a);
	OK(flock(b, LOCK_EX | LOCK_NB));
	closed(b);
}

static void waits(void)
{
	pid_t child;
	int fd;

	make("f", 8, 1);
	fd = opened("f", O_RDWR);
	OK(record(fd, F_SETLK, F_WRLCK, 0, 0));
	child = background_begin();
	if (!child) {
		int other = opened("f", O_RDWR);

		OK(record(other, F_SETLKW, F_WRLCK, 0, 0));
		expect_text("said", "first");
		as_end();
	}
	usleep(200000);
	put("said", "first");
	OK(record(fd, F_SETLK, F_UNLCK, 0, 0));
	background_end(child);
	closed(fd);
}

static const struct check lock_checks[] = {
	{ "lock", "records", "POSIX.1-2017 fcntl(), F_SETLK, F_GETLK", records },
	{ "lock", "released_by_close", "POSIX.1-2017 fcntl(): close of any descriptor releases", released_by_close },
	{ "lock", "of_descriptions", "fcntl(2), open file description locks", of_descriptions },
	{ "lock", "whole_files", "flock(2)", whole_files },
	{ "lock", "waits", "POSIX.1-2017 fcntl(), F_SETLKW", waits },
};

FAMILY(lock);

// SPDX-License-Identifier: Apache-2.0
/* The full filesystem: refusals are clean, what is there stays, and what is freed comes back. */
#include "fscheck/check.h"

static void one_file(void)
{
	unsigned long before = 0;

	need_small();
	for (int round = 0; round < 2; round++) {
		int fd = created("f", 0644);
		size_t size = write_until_full(fd, MIB, round);

		HOLDS(size / MIB >= free_mib(), "ENOSPC after %zu MiB, and %lu MiB are free", size / MIB, free_mib());
		flushed(fd);
		expect_pattern(fd, 0, MIB, round);
		expect_pattern(fd, size / 2, MIB / 4, round);
		expect_pattern(fd, size - MIB / 4, MIB / 4, round);
		closed(fd);
		OK(unlink("f"));
		/* The first round lets the filesystem's own maps grow. */
		if (round)
			expect_free_blocks(before);
		settle();
		usleep(100000);
		before = filesystem().f_bfree;
	}
}

static void contents_stay(void)
{
	need_small();
	OK(mkdir("d", 0755));
	make("d/f", 100000, 1);
	OK(symlink("target", "d/s"));
	fill_up();
	expect_made("d/f", 100000, 1);
	EQ(look("d/s").st_size, 6);
	OK(unlink("rest"));
	OK(unlink("ballast"));
	settle();
	make("d/g", 100000, 2);
	expect_made("d/g", 100000, 2);
	expect_made("d/f", 100000, 1);
}

static void removing_works(void)
{
	char name[16];

	need_small();
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make(name, 5000, i);
	}
	OK(mkdir("d", 0755));
	fill_up();
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		expect_made(name, 5000, i);
		if (i % 2)
			OK(unlink(name));
		else
			OK(truncate(name, 100));
	}
	OK(rmdir("d"));
	OK(chmod("f0", 0600));
	expect_made("f0", 100, 0);
	OK(truncate("rest", 0));
	OK(unlink("rest"));
	settle();
	make("new", 20000, 3);
	expect_made("new", 20000, 3);
}

/* Whoever writes need not know that a journal's commit gives back what was freed. */
static void freed_at_once(void)
{
	const size_t freed = 4 * MIB, len = freed - freed / 16;
	void *data;
	int fd;

	need_small();
	data = patterned(len, 0, 1);
	make("freed", freed, 2);
	fill_up();
	for (int round = 0; round < 3; round++) {
		OK(unlink(round ? "f" : "freed"));
		fd = created("f", 0644);
		EQ(OK(pwrite(fd, data, len, 0)), len);
		flushed(fd);
		forget(fd);
		expect_pattern(fd, 0, len, 1);
		closed(fd);
	}
}

static void overwriting(void)
{
	void *data = patterned(50000, 0, 2);
	ssize_t put;
	int fd;

	need_small();
	make("f", 50000, 1);
	fd = opened("f", O_RDWR);
	flushed(fd);
	fill_up();
	put = pwrite(fd, data, 50000, 0);
	/* A filesystem that writes elsewhere needs room even for this; then it says so. */
	if (put < 0) {
		EQ(errno, ENOSPC);
		expect_pattern(fd, 0, 50000, 1);
		report(REFUSED, ENOSPC, "overwriting needs free blocks here");
	}
	EQ(put, 50000);
	flushed(fd);
	forget(fd);
	expect_pattern(fd, 0, 50000, 2);
	closed(fd);
}

static void partial_write(void)
{
	size_t len = 8 * MIB;
	void *data;
	ssize_t put;
	int fd;

	need_small();
	data = patterned(len, 0, 1);
	ballast(3);
	fd = created("f", 0644);
	put = pwrite(fd, data, len, 0);
	if (put < 0) {
		EQ(errno, ENOSPC);
		put = 0;
	}
	EQ(look_fd(fd).st_size, put);
	if ((size_t)put == len)
		skip("there was room for 8 MiB all the same");
	if (put)
		expect_pattern(fd, 0, put, 1);
	OK(unlink("ballast"));
	settle();
	EQ(OK(pwrite(fd, (char *)data + put, len - put, put)), len - put);
	forget(fd);
	expect_pattern(fd, 0, len, 1);
	closed(fd);
}

static const struct check full_checks[] = {
	{ "full", "one_file", "POSIX.1-2017 write() ENOSPC; statvfs()", one_file },
	{ "full", "contents_stay", "POSIX.1-2017 write() ENOSPC", contents_stay },
	{ "full", "removing_works", "POSIX.1-2017 unlink(), truncate()", removing_works },
	{ "full", "freed_at_once", "POSIX.1-2017 unlink(): the space is freed; write()", freed_at_once },
	{ "full", "overwriting", "POSIX.1-2017 write() ENOSPC", overwriting },
	{ "full", "partial_write", "POSIX.1-2017 write(): only as many bytes as there is room for", partial_write },
};

FAMILY(full);

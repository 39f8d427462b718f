// SPDX-License-Identifier: Apache-2.0
/* Whatever else asks the full filesystem for room: pages stored to, fallocate, attributes, renames, maps, inodes. */
#include <setjmp.h>
#include <sys/xattr.h>

#include "fscheck/check.h"

static sigjmp_buf escape;

static void on_sigbus(int signal)
{
	(void)signal;
	siglongjmp(escape, 1);
}

static void mapped_hole(void)
{
	volatile unsigned char *map;
	volatile int stored = 0;
	int fd;

	need_small();
	fd = created("f", 0644);
	OK(ftruncate(fd, 4 * MIB));
	fill_up();
	map = (void *)OK(mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	signal(SIGBUS, on_sigbus);
	if (!sigsetjmp(escape, 1))
		for (; stored < 1024; stored++)
			map[stored * 4096] = 7;
	HOLDS(stored < 1024, "4 MiB were stored into a hole of the full filesystem");
	OK(unlink("rest"));
	OK(unlink("ballast"));
	settle();
	map[stored * 4096] = 7;
	map_flushed((void *)map, 4 * MIB, fd);
	forget(fd);
	for (int i = 0; i < 1024; i++)
		HOLDS(map[i * 4096] == (i <= stored ? 7 : 0), "page %d: expected %d, got %d", i, i <= stored ? 7 : 0,
		      map[i * 4096]);
	closed(fd);
}

static void stored_at_once(volatile unsigned char *byte)
{
	signal(SIGBUS, on_sigbus);
	if (sigsetjmp(escape, 1))
		report(REFUSED, ENOSPC, "a store into a hole does not wait for what was just freed");
	*byte = 7;
	signal(SIGBUS, SIG_DFL);
}

/* What was freed a moment ago may wait for the journal; who asks for it waits as well, whatever it is for. */
static void freed_at_once_by_others(void)
{
	volatile unsigned char *map;
	char target[900], name[16];
	int fd;

	need_small();
	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = 0;
	make("f", 10, 1);
	make("moved", 10, 2);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		OK(mkdir(name, 0755));
	}
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "freed%d", i);
		make(name, MIB, 3);
	}
	fd = created("hole", 0644);
	OK(ftruncate(fd, 4 * MIB));
	map = (void *)OK(mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	fill_up();
	for (int i = 0; i < 6; i++) {
		snprintf(name, sizeof(name), "freed%d", i);
		OK(unlink(name));
		if (i == 0)
			OK(symlink(target, "d0/symlink"));
		else if (i == 1)
			OK(mkdir("d0/inner", 0755));
		else if (i == 2)
			OK(link("f", "d1/link"));
		else if (i == 3)
			OK(rename("moved", "d2/moved"));
		else if (i == 5)
			stored_at_once(map + MIB);
		else if (setxattr("f", "user.long", target, sizeof(target), 0))
			HOLDS(errno == EOPNOTSUPP, "setxattr: expected success, got %s", errno_name(errno));
		snprintf(name, sizeof(name), "again%d", i);
		fill_rest(name);
	}
	map_flushed((void *)map, 4 * MIB, fd);
	forget(fd);
	EQ(map[MIB], 7);
	closed(fd);
}

static void fallocate_refused(void)
{
	unsigned long before;
	int fd;

	need_small();
	make("f", 5000, 1);
	fd = opened("f", O_RDWR);
	settle();
	before = free_mib();
	OPTIONAL(fallocate(fd, 0, 0, 6000), EOPNOTSUPP);
	FAILS(fallocate(fd, 0, 0, (off_t)(before + 64) * MIB), ENOSPC, EFBIG);
	EQ(OK(ftruncate(fd, 5000)), 0);
	expect_pattern(fd, 0, 5000, 1);
	settle();
	usleep(200000);
	settle();
	HOLDS(free_mib() + 1 >= before, "a fallocate that failed kept %lu MiB", before - free_mib());
	closed(fd);
}

static void attributes(void)
{
	unsigned char *data;
	char value[16];

	need_small();
	data = patterned(2000, 0, 1);
	make("f", 10, 1);
	OPTIONAL(setxattr("f", "user.small", "small", 5, 0), EOPNOTSUPP);
	fill_up();
	if (setxattr("f", "user.big", data, 2000, 0)) {
		HOLDS(errno == ENOSPC, "setxattr: expected ENOSPC, got %s", errno_name(errno));
		FAILS(getxattr("f", "user.big", value, 0), ENODATA);
	} else {
		EQ(OK(getxattr("f", "user.big", NULL, 0)), 2000);
	}
	EQ(OK(getxattr("f", "user.small", value, sizeof(value))), 5);
	BYTES(value, "small", 5);
	expect_made("f", 10, 1);
}

static void renaming(void)
{
	char name[64];

	need_small();
	OK(mkdir("d", 0755));
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make(name, 100, i);
	}
	fill_up();
	for (int i = 0; i < 50; i++) {
		char old[16];

		snprintf(old, sizeof(old), "f%d", i);
		snprintf(name, sizeof(name), "d/%040d", i);
		if (rename(old, name)) {
			HOLDS(errno == ENOSPC, "rename: expected ENOSPC, got %s", errno_name(errno));
			expect_made(old, 100, i);
			expect_missing(name);
		} else {
			expect_made(name, 100, i);
			expect_missing(old);
		}
	}
}

static void many_writers(void)
{
	need_small();
	ballast(24);
	WORKERS(4, number) {
		char name[16];
		size_t size;
		int fd;

		snprintf(name, sizeof(name), "f%d", number);
		fd = created(name, 0644);
		size = write_until_full(fd, 10000 * (number + 1), number);
		if (fsync(fd))
			HOLDS(errno == ENOSPC, "fsync: expected success, got %s", errno_name(errno));
		expect_pattern(fd, 0, size, number);
		closed(fd);
	}
	for (int i = 0; i < 4; i++) {
		char name[16];
		int fd;

		snprintf(name, sizeof(name), "f%d", i);
		fd = opened(name, O_RDWR);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		expect_pattern(fd, 0, look_fd(fd).st_size, i);
		closed(fd);
	}
}

/* Blocks far apart, each of which needs blocks of the file's map too, so that the map itself meets ENOSPC. */
static void far_apart(void)
{
	unsigned char block[4096];
	bool there[6][40];
	int fds[6], fd;

	need_small();
	fd = created("later", 0644);
	for (int f = 0; f < 6; f++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", f);
		fds[f] = created(name, 0644);
	}
	fill_up();
	for (int round = 0; round < 40; round++)
		for (int f = 0; f < 6; f++) {
			off_t at = ((off_t)round << 26) + f * 4096;
			ssize_t put;

			/* Now and then a little room, so that the failing step is another one each time. */
			if ((round * 6 + f) % 7 == 0 && look("rest").st_size > 4096 * (round % 5 + 1)) {
				OK(truncate("rest", look("rest").st_size - 4096 * (round % 5 + 1)));
				settle();
			}
			pattern(block, sizeof(block), at, f);
			put = pwrite(fds[f], block, sizeof(block), at);
			HOLDS(put == 4096 || put == -1, "a write of one block wrote %zd bytes", put);
			if (put < 0)
				HOLDS(errno == ENOSPC || errno == EFBIG, "expected ENOSPC, got %s", errno_name(errno));
			there[f][round] = put > 0;
		}
	/* What was given back after a failure now goes to another file; no map may still lead there. */
	OK(truncate("ballast", 0));
	settle();
	write_until_full(fd, 65536, 99);
	for (int pass = 0; pass < 2; pass++)
		for (int f = 0; f < 6; f++) {
			OK(ftruncate(fds[f], (off_t)41 << 26));
			for (int round = 0; round < 40; round++) {
				off_t at = ((off_t)round << 26) + f * 4096;

				if (there[f][round])
					expect_pattern(fds[f], at, 4096, f);
				else
					expect_zeros(fds[f], at, 4096);
				expect_zeros(fds[f], at + 65536, 4096);
			}
			posix_fadvise(fds[f], 0, 0, POSIX_FADV_DONTNEED);
		}
	expect_pattern(fd, 0, look_fd(fd).st_size, 99);
	for (int f = 0; f < 6; f++) {
		OK(ftruncate(fds[f], 0));
		closed(fds[f]);
	}
	expect_pattern(fd, 0, look_fd(fd).st_size, 99);
	closed(fd);
}

#define INODES 30000

static void inodes(void)
{
	unsigned long before, limit;
	char name[24];
	int made;

	need("statfs_inodes");
	need_small();
	before = filesystem().f_ffree;
	limit = filesystem().f_files;
	if (!limit || before > INODES)
		skip("%lu inodes are free, more than the %d that may be taken", before, INODES);
	OK(mkdir("d", 0755));
	for (made = 0; made < INODES + 1; made++) {
		snprintf(name, sizeof(name), "d/f%d", made);
		if (mknod(name, S_IFREG | 0644, 0))
			break;
	}
	EQ(errno, ENOSPC);
	expect_missing(name);
	EQ(made, before - 1);
	EQ(filesystem().f_ffree, 0);
	FAILS(mkdir("e", 0755), ENOSPC);
	FAILS(symlink("x", "s"), ENOSPC);
	OK(link("d/f0", "hard"));
	EQ(entries("d"), made);
	OK(unlink("hard"));
	for (int i = 0; i < made; i++) {
		snprintf(name, sizeof(name), "d/f%d", i);
		OK(unlink(name));
	}
	OK(rmdir("d"));
	expect_used_inodes(limit - before);
}

static const struct check full_requests_checks[] = {
	{ "full", "mapped_hole", "mmap(2) SIGBUS: no room for the page", mapped_hole },
	{ "full", "freed_at_once_by_others", "POSIX.1-2017 unlink(): the space is freed", freed_at_once_by_others },
	{ "full", "fallocate_refused", "fallocate(2) ENOSPC", fallocate_refused },
	{ "full", "attributes", "setxattr(2) ENOSPC", attributes },
	{ "full", "renaming", "POSIX.1-2017 rename() ENOSPC", renaming },
	{ "full", "many_writers", "POSIX.1-2017 write() ENOSPC", many_writers },
	{ "full", "far_apart", "POSIX.1-2017 write() ENOSPC", far_apart },
	{ "full", "inodes", "POSIX.1-2017 open() ENOSPC; statvfs(), f_ffree", inodes },
};

FAMILY(full_requests);

// SPDX-License-Identifier: Apache-2.0
/* The full filesystem: refusals are clean, what is there stays, and what is freed comes back. */
#include <setjmp.h>
#include <sys/xattr.h>

#include "fscheck/check.h"

#define MIB (1UL << 20)

static sigjmp_buf escape;

static unsigned long free_mib(void)
{
	struct statvfs fs = filesystem();

	return fs.f_bfree * fs.f_frsize / MIB;
}

static void need_small(void)
{
	need_own_filesystem();
	if (free_mib() > settings.fill_mib)
		skip("%lu MiB are free, more than the %lu that may be filled (--fill)", free_mib(), settings.fill_mib);
}

/* Appends the pattern in pieces until ENOSPC; the bytes that were taken. */
static size_t write_until_full(int fd, size_t piece, unsigned int seed)
{
	unsigned char *data = malloc(piece);
	size_t size = look_fd(fd).st_size;

	for (;;) {
		ssize_t put;

		pattern(data, piece, size, seed);
		put = pwrite(fd, data, piece, size);
		if (put < 0) {
			HOLDS(errno == ENOSPC, "writing to the full filesystem: expected ENOSPC, got %s", errno_name(errno));
			break;
		}
		HOLDS(put, "a write of %zu bytes wrote 0", piece);
		size += put;
	}
	free(data);
	EQ(look_fd(fd).st_size, size);
	return size;
}

/* Takes all but about `leave` MiB, by fallocate where there is one, for that is fast. */
static void ballast(unsigned long leave)
{
	int fd = created("ballast", 0600);
	unsigned char *data = calloc(1, MIB);
	off_t size = 0;

	while (free_mib() > leave + 1) {
		unsigned long want = (free_mib() - leave) * 9 / 10;

		if (!want || fallocate(fd, 0, size, want * MIB))
			break;
		size += want * MIB;
		settle();
	}
	for (int left = free_mib() - leave; left > 0; left--, size += MIB)
		if (pwrite(fd, data, MIB, size) != MIB)
			break;
	settle();
	free(data);
	closed(fd);
}

static void fill_up(void)
{
	int fd = created("rest", 0600);

	ballast(1);
	write_until_full(fd, 65536, 1);
	/* The last blocks, for a write of a whole piece may fail although smaller ones would fit. */
	write_until_full(fd, 1024, 1);
	if (fsync(fd))
		HOLDS(errno == ENOSPC, "fsync: expected success or ENOSPC, got %s", errno_name(errno));
	closed(fd);
}

static void one_file(void)
{
	unsigned long before = 0;

	need_small();
	for (int round = 0; round < 2; round++) {
		int fd = created("f", 0644);
		size_t size = write_until_full(fd, MIB, round);

		HOLDS(size / MIB >= free_mib(), "ENOSPC after %zu MiB, and %lu MiB are free", size / MIB, free_mib());
		OK(fsync(fd));
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

static void overwriting(void)
{
	void *data = patterned(50000, 0, 2);
	ssize_t put;
	int fd;

	need_small();
	make("f", 50000, 1);
	fd = opened("f", O_RDWR);
	OK(fsync(fd));
	fill_up();
	put = pwrite(fd, data, 50000, 0);
	/* A filesystem that writes elsewhere needs room even for this; then it says so. */
	if (put < 0) {
		EQ(errno, ENOSPC);
		expect_pattern(fd, 0, 50000, 1);
		report(REFUSED, ENOSPC, "overwriting needs free blocks here");
	}
	EQ(put, 50000);
	OK(fsync(fd));
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

static void small_files(void)
{
	unsigned long before;
	char name[24];
	int made;

	need_small();
	ballast(6);
	OK(mkdir("d", 0755));
	settle();
	before = free_mib();
	for (made = 0; made < 20000; made++) {
		int fd;

		snprintf(name, sizeof(name), "d/f%d", made);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
		if (fd < 0) {
			HOLDS(errno == ENOSPC, "creating: expected ENOSPC, got %s", errno_name(errno));
			expect_missing(name);
			break;
		}
		if (write(fd, name, strlen(name)) < 0) {
			HOLDS(errno == ENOSPC, "writing: expected ENOSPC, got %s", errno_name(errno));
			closed(fd);
			OK(unlink(name));
			break;
		}
		closed(fd);
	}
	EQ(entries("d"), made);
	/* btrfs keeps room for data and for names apart, and the ballast may have left the one only. */
	if (made < 100)
		report(REFUSED, ENOSPC, "only %d small files went into %lu MiB", made, before);
	for (int i = 0; i < made; i++) {
		snprintf(name, sizeof(name), "d/f%d", i);
		expect_text(name, name);
		OK(unlink(name));
	}
	OK(rmdir("d"));
	settle();
	usleep(200000);
	settle();
	HOLDS(free_mib() + 1 >= before, "%lu MiB were free before, %lu after all files went", before, free_mib());
}

static void names(void)
{
	int made[4] = { 0 };
	char name[256];

	need_small();
	make("source", 10, 1);
	OK(mkdir("d", 0755));
	fill_up();
	/* Each takes names until it is refused; each that was taken must be there, each that was not must not. */
	for (int kind = 0; kind < 4; kind++)
		for (int i = 0; i < 2000; i++) {
			int done;

			snprintf(name, sizeof(name), "d/%d-%0150d", kind, i);
			if (kind == 0)
				done = mknod(name, S_IFREG | 0644, 0);
			else if (kind == 1)
				done = mkdir(name, 0755);
			else if (kind == 2)
				done = symlink(name, name);
			else
				done = link("source", name);
			if (done) {
				HOLDS(errno == ENOSPC || errno == EMLINK, "kind %d: expected ENOSPC, got %s", kind,
				      errno_name(errno));
				expect_missing(name);
				break;
			}
			made[kind]++;
		}
	EQ(entries("d"), made[0] + made[1] + made[2] + made[3]);
	EQ(look("source").st_nlink, 1 + made[3]);
	for (int kind = 0; kind < 4; kind++)
		for (int i = 0; i < made[kind]; i++) {
			snprintf(name, sizeof(name), "d/%d-%0150d", kind, i);
			OK(kind == 1 ? rmdir(name) : unlink(name));
		}
	EQ(look("source").st_nlink, 1);
	OK(rmdir("d"));
}

/* A creation that fails may not keep the inode that it had taken. */
static void failures_cost_nothing(void)
{
	unsigned long before, used;
	int failed = 0;
	char name[256];

	need_small();
	OK(mkdir("d", 0755));
	fill_up();
	for (int i = 0; i < 4000; i++) {
		snprintf(name, sizeof(name), "d/%0240d", i);
		if (mknod(name, S_IFREG | 0644, 0))
			break;
	}
	HOLDS(errno == ENOSPC, "creating names on the full filesystem: expected ENOSPC, got %s", errno_name(errno));
	settle();
	before = filesystem().f_files - filesystem().f_ffree;
	for (int i = 0; i < 900; i++) {
		int done;

		snprintf(name, sizeof(name), "d/x%d%0238d", i % 3, i);
		done = i % 3 == 0 ? mknod(name, S_IFREG | 0644, 0) : i % 3 == 1 ? mkdir(name, 0755) : symlink("x", name);
		if (done)
			failed++;
		else
			OK(i % 3 == 1 ? rmdir(name) : unlink(name));
	}
	settle();
	used = filesystem().f_files - filesystem().f_ffree;
	/* XFS counts in batches of 128 for each processor; a leak is as large as the number of failures. */
	HOLDS(failed < 600 || used < before + 512, "%d creations failed: expected %lu inodes in use as before, got %lu",
	      failed, before, used);
	if (failed < 600)
		skip("only %d of 900 creations failed", failed);
}

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
	OK(msync((void *)map, 4 * MIB, MS_SYNC));
	forget(fd);
	for (int i = 0; i < 1024; i++)
		HOLDS(map[i * 4096] == (i <= stored ? 7 : 0), "page %d: expected %d, got %d", i, i <= stored ? 7 : 0,
		      map[i * 4096]);
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

static const struct check full_checks[] = {
	{ "full", "one_file", "POSIX.1-2017 write() ENOSPC; statvfs()", one_file },
	{ "full", "contents_stay", "POSIX.1-2017 write() ENOSPC", contents_stay },
	{ "full", "removing_works", "POSIX.1-2017 unlink(), truncate()", removing_works },
	{ "full", "overwriting", "POSIX.1-2017 write() ENOSPC", overwriting },
	{ "full", "partial_write", "POSIX.1-2017 write(): only as many bytes as there is room for", partial_write },
	{ "full", "small_files", "POSIX.1-2017 open(), write() ENOSPC", small_files },
	{ "full", "names", "POSIX.1-2017 open(), mkdir(), symlink(), link() ENOSPC", names },
	{ "full", "failures_cost_nothing", "POSIX.1-2017 open(), mkdir(), symlink() ENOSPC: the file is not created",
	  failures_cost_nothing },
	{ "full", "mapped_hole", "mmap(2) SIGBUS: no room for the page", mapped_hole },
	{ "full", "fallocate_refused", "fallocate(2) ENOSPC", fallocate_refused },
	{ "full", "attributes", "setxattr(2) ENOSPC", attributes },
	{ "full", "renaming", "POSIX.1-2017 rename() ENOSPC", renaming },
	{ "full", "many_writers", "POSIX.1-2017 write() ENOSPC", many_writers },
	{ "full", "far_apart", "POSIX.1-2017 write() ENOSPC", far_apart },
	{ "full", "inodes", "POSIX.1-2017 open() ENOSPC; statvfs(), f_ffree", inodes },
};

FAMILY(full);

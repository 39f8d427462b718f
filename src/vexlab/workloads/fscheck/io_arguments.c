// SPDX-License-Identifier: Apache-2.0
/* Special arguments of read(2), write(2): vectors, no bytes at all, bad buffers, too large offsets, directories. */
#include <sys/resource.h>
#include <sys/uio.h>

#include "fscheck/check.h"

static void vectors(void)
{
	char a[5], b[7], c[100];
	const struct iovec out[] = { { "hello", 5 }, { "", 0 }, { " world", 6 }, { "!", 1 } };
	const struct iovec in[] = { { a, 5 }, { b, 7 }, { c, 100 } };
	int fd = created("f", 0644);

	EQ(OK(writev(fd, out, 4)), 12);
	EQ(OK(preadv(fd, in, 3, 0)), 12);
	BYTES(a, "hello", 5);
	BYTES(b, " world!", 7);
	EQ(OK(pwritev(fd, out, 1, 6)), 5);
	EQ(look_fd(fd).st_size, 12);
	closed(fd);
	expect_text("f", "hello hello!");
}

static void write_nothing(void)
{
	struct stat before;
	int fd;

	make("f", 10, 1);
	aged("f");
	before = look("f");
	fd = opened("f", O_RDWR);
	EQ(OK(pwrite(fd, "", 0, 5)), 0);
	EQ(OK(pwrite(fd, "", 0, 100000)), 0);
	EQ(look_fd(fd).st_size, 10);
	EQ(same_time(look_fd(fd).st_mtim, before.st_mtim), 1);
	closed(fd);
}

static void bad_buffer(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct stat st;
	ssize_t put;
	int fd;

	OK(page);
	make("f", 9000, 1);
	fd = opened("f", O_RDWR);
	OK(munmap(page + 4096, 4096));
	FAILS(pwrite(fd, page + 4096, 100, 0), EFAULT);
	FAILS(pread(fd, page + 4096, 100, 0), EFAULT);
	expect_pattern(fd, 0, 9000, 1);
	memset(page, 'x', 4096);
	put = pwrite(fd, page, 8192, 9000);
	st = look_fd(fd);
	if (put == -1) {
		EQ(errno, EFAULT);
		EQ(st.st_size, 9000);
	} else {
		HOLDS(put <= 4096, "a write of 4096 readable bytes wrote %zd", put);
		EQ(st.st_size, 9000 + put);
	}
	expect_pattern(fd, 0, 9000, 1);
	closed(fd);
}

static void size_limit(void)
{
	const struct rlimit limit = { 5000, RLIM_INFINITY };
	int fd = created("f", 0644);

	signal(SIGXFSZ, SIG_IGN);
	OK(setrlimit(RLIMIT_FSIZE, &limit));
	EQ(OK(pwrite(fd, "abcdefgh", 8, 4996)), 4);
	FAILS(pwrite(fd, "x", 1, 5000), EFBIG);
	FAILS(ftruncate(fd, 5001), EFBIG);
	EQ(look_fd(fd).st_size, 5000);
	closed(fd);
}

static void far_offset(void)
{
	int fd = created("f", 0644);

	FAILS(pwrite(fd, "xy", 2, LLONG_MAX - 1), EFBIG, EINVAL);
	EQ(look_fd(fd).st_size, 0);
	if (ftruncate(fd, LLONG_MAX)) {
		HOLDS(errno == EFBIG || errno == EINVAL, "ftruncate: expected EFBIG, got %s", errno_name(errno));
		EQ(look_fd(fd).st_size, 0);
	} else {
		EQ(look_fd(fd).st_size, LLONG_MAX);
		OK(ftruncate(fd, 0));
	}
	closed(fd);
}

static void read_directory(void)
{
	char byte;
	int fd;

	OK(mkdir("d", 0755));
	fd = opened("d", O_RDONLY);
	FAILS(read(fd, &byte, 1), EISDIR);
	FAILS(pread(fd, &byte, 1, 0), EISDIR);
	closed(fd);
}

static const struct check io_arguments_checks[] = {
	{ "io", "vectors", "POSIX.1-2017 readv(), writev(); preadv(2)", vectors },
	{ "io", "write_nothing", "POSIX.1-2017 write() of 0 bytes has no other results", write_nothing },
	{ "io", "bad_buffer", "write(2), read(2) EFAULT", bad_buffer },
	{ "io", "size_limit", "POSIX.1-2017 write() EFBIG, RLIMIT_FSIZE", size_limit },
	{ "io", "far_offset", "POSIX.1-2017 pwrite() EFBIG, ftruncate() EFBIG", far_offset },
	{ "io", "read_directory", "POSIX.1-2017 read() EISDIR", read_directory },
};

FAMILY(io_arguments);

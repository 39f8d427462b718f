// SPDX-License-Identifier: Apache-2.0
/* read(2), write(2), lseek(2) and their relatives. */
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "fscheck/check.h"

static const size_t borders[] = {
	1, 2, 511, 512, 513, 1023, 1024, 1025, 4095, 4096, 4097, 8191, 8192, 8193, 12287, 12288, 16385, 32768, 49151,
	49152, 49153, 65535, 65536, 65537, 131073, 262144, 1048575, 1048577,
};

static void sizes(void)
{
	char name[32];

	for (size_t i = 0; i < ARRAY_SIZE(borders); i++) {
		snprintf(name, sizeof(name), "f%zu", borders[i]);
		make(name, borders[i], i);
	}
	for (size_t i = 0; i < ARRAY_SIZE(borders); i++) {
		snprintf(name, sizeof(name), "f%zu", borders[i]);
		expect_made(name, borders[i], i);
	}
}

static void sizes_from_device(void)
{
	char name[32];

	for (size_t i = 0; i < ARRAY_SIZE(borders); i++) {
		int fd;

		snprintf(name, sizeof(name), "f%zu", borders[i]);
		make(name, borders[i], i);
		fd = opened(name, O_RDWR);
		forget(fd);
		closed(fd);
		expect_made(name, borders[i], i);
	}
}

static void end_of_file(void)
{
	char data[20];
	int fd;

	make("f", 10, 1);
	fd = opened("f", O_RDONLY);
	EQ(OK(read(fd, data, 20)), 10);
	EQ(OK(read(fd, data, 20)), 0);
	EQ(OK(pread(fd, data, 20, 7)), 3);
	EQ(OK(pread(fd, data, 20, 10)), 0);
	EQ(OK(pread(fd, data, 20, 1 << 20)), 0);
	EQ(OK(pread(fd, data, 20, 1LL << 40)), 0);
	closed(fd);
}

static void offsets(void)
{
	char data[10];
	int fd = created("f", 0644), twin;

	EQ(OK(write(fd, "0123456789", 10)), 10);
	EQ(lseek(fd, 0, SEEK_CUR), 10);
	EQ(OK(pwrite(fd, "ab", 2, 3)), 2);
	EQ(lseek(fd, 0, SEEK_CUR), 10);
	EQ(OK(pread(fd, data, 4, 2)), 4);
	BYTES(data, "2ab5", 4);
	EQ(lseek(fd, 0, SEEK_CUR), 10);
	EQ(lseek(fd, -4, SEEK_END), 6);
	EQ(lseek(fd, -2, SEEK_CUR), 4);
	EQ(OK(read(fd, data, 1)), 1);
	EQ(data[0], 'b');
	twin = OK(dup(fd));
	EQ(lseek(twin, 0, SEEK_CUR), 5);
	EQ(OK(write(twin, "X", 1)), 1);
	EQ(lseek(fd, 0, SEEK_CUR), 6);
	closed(twin);
	closed(fd);
	expect_text("f", "012abX6789");
}

static void seek_errors(void)
{
	int fd = created("f", 0644);

	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(lseek(fd, -1, SEEK_CUR), EINVAL);
	FAILS(lseek(fd, -1, SEEK_END), EINVAL);
	FAILS(lseek(fd, 0, 99), EINVAL);
	EQ(lseek(fd, 0, SEEK_CUR), 0);
	EQ(OK(lseek(fd, 1 << 20, SEEK_SET)), 1 << 20);
	EQ(look_fd(fd).st_size, 0);
	FAILS(pread(fd, &(char){ 0 }, 1, -1), EINVAL);
	FAILS(pwrite(fd, "x", 1, -1), EINVAL);
	EQ(look_fd(fd).st_size, 0);
	closed(fd);
}

static void gap_reads_zero(void)
{
	static const off_t gaps[] = { 1, 100, 4095, 4096, 5000, 65536, 300000 };

	for (size_t i = 0; i < ARRAY_SIZE(gaps); i++) {
		int fd;

		make("f", 100, 1);
		fd = opened("f", O_RDWR);
		EQ(OK(pwrite(fd, "end", 3, 100 + gaps[i])), 3);
		EQ(look_fd(fd).st_size, 103 + gaps[i]);
		expect_pattern(fd, 0, 100, 1);
		expect_zeros(fd, 100, gaps[i]);
		forget(fd);
		expect_pattern(fd, 0, 100, 1);
		expect_zeros(fd, 100, gaps[i]);
		closed(fd);
	}
}

static void overwrite_middle(void)
{
	void *data = patterned(5000, 3000, 2);
	int fd;

	make("f", 20000, 1);
	fd = opened("f", O_RDWR);
	EQ(OK(pwrite(fd, data, 5000, 3000)), 5000);
	EQ(look_fd(fd).st_size, 20000);
	for (int i = 0; i < 2; i++, forget(fd)) {
		expect_pattern(fd, 0, 3000, 1);
		expect_pattern(fd, 3000, 5000, 2);
		expect_pattern(fd, 8000, 12000, 1);
	}
	closed(fd);
}

#define MODEL (256 * 1024)

static void random_writes(void)
{
	unsigned char *model = calloc(1, MODEL), *got = malloc(MODEL), data[9000];
	uint64_t state = 7;
	off_t size = 0;
	int fd = created("f", 0644);

	for (int i = 0; i < 300; i++) {
		size_t len = 1 + random_below(&state, sizeof(data));
		off_t at = random_below(&state, MODEL - len);

		pattern(data, len, at, i);
		EQ(OK(pwrite(fd, data, len, at)), len);
		memcpy(model + at, data, len);
		if (at + (off_t)len > size)
			size = at + len;
		if (i % 60 == 59)
			forget(fd);
		if (i % 20)
			continue;
		EQ(look_fd(fd).st_size, size);
		EQ(read_all(fd, got, MODEL, 0), size);
		BYTES(got, model, size);
	}
	forget(fd);
	EQ(read_all(fd, got, MODEL, 0), size);
	BYTES(got, model, size);
	closed(fd);
}

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

static void two_descriptors(void)
{
	char data[4];
	int a = created("f", 0644), b = opened("f", O_RDWR);

	for (int i = 0; i < 200; i++) {
		memset(data, i, 4);
		EQ(OK(pwrite(i & 1 ? a : b, data, 4, i * 1000)), 4);
		memset(data, 0, 4);
		EQ(OK(pread(i & 1 ? b : a, data, 4, i * 1000)), 4);
		EQ((unsigned char)data[3], i);
		EQ(look_fd(i & 1 ? b : a).st_size, i * 1000 + 4);
	}
	closed(a);
	closed(b);
}

static void large_write(void)
{
	size_t len = 4 << 20;
	void *data = patterned(len, 0, 3);
	int fd = created("f", 0644);

	EQ(OK(write(fd, data, len)), len);
	expect_pattern(fd, 0, len, 3);
	forget(fd);
	expect_pattern(fd, 0, len, 3);
	closed(fd);
}

static void byte_by_byte(void)
{
	int fd = created("f", 0644);
	unsigned char byte;

	for (int i = 0; i < 9000; i++) {
		pattern(&byte, 1, i, 5);
		EQ(write(fd, &byte, 1), 1);
	}
	EQ(look_fd(fd).st_size, 9000);
	expect_pattern(fd, 0, 9000, 5);
	forget(fd);
	expect_pattern(fd, 0, 9000, 5);
	closed(fd);
}

static void backwards(void)
{
	unsigned char block[4096];
	int fd = created("f", 0644);

	for (off_t i = 99; i >= 0; i--) {
		pattern(block, sizeof(block), i * 4096, 6);
		EQ(OK(pwrite(fd, block, sizeof(block), i * 4096)), 4096);
		EQ(look_fd(fd).st_size, 100 * 4096);
	}
	expect_pattern(fd, 0, 100 * 4096, 6);
	forget(fd);
	expect_pattern(fd, 0, 100 * 4096, 6);
	closed(fd);
}

static void interleaved_files(void)
{
	unsigned char piece[3000];
	int fds[8];
	char name[8];

	for (int f = 0; f < 8; f++) {
		snprintf(name, sizeof(name), "f%d", f);
		fds[f] = created(name, 0644);
	}
	for (off_t i = 0; i < 40; i++)
		for (int f = 0; f < 8; f++) {
			pattern(piece, sizeof(piece), i * 3000, f);
			EQ(OK(pwrite(fds[f], piece, sizeof(piece), i * 3000)), 3000);
			if (i % 10 == f)
				OK(fdatasync(fds[f]));
		}
	for (int f = 0; f < 8; f++) {
		forget(fds[f]);
		EQ(look_fd(fds[f]).st_size, 120000);
		expect_pattern(fds[f], 0, 120000, f);
		closed(fds[f]);
	}
}

static void copies_in_kernel(void)
{
	int from, to = created("g", 0644);
	loff_t at = 0;
	off_t sent = 0;

	make("f", 100000, 1);
	from = opened("f", O_RDONLY);
	while (sent < 100000)
		HOLDS(sendfile(to, from, &sent, 100000 - sent) > 0, "sendfile: %s", errno_name(errno));
	expect_made("g", 100000, 1);
	closed(to);
	to = created("h", 0644);
	while (at < 100000) {
		long done = OPTIONAL(copy_file_range(from, &at, to, NULL, 100000 - at, 0), EOPNOTSUPP, ENOSYS, EXDEV);

		HOLDS(done > 0, "copy_file_range: expected progress, got 0 at %lld", (long long)at);
	}
	expect_made("h", 100000, 1);
	EQ(OK(copy_file_range(from, &(loff_t){ 100000 }, to, NULL, 10, 0)), 0);
	closed(to);
	closed(from);
}

static void splices(void)
{
	int pipes[2], from, to = created("g", 0644);
	size_t done = 0;

	make("f", 50000, 1);
	from = opened("f", O_RDONLY);
	OK(pipe(pipes));
	while (done < 50000) {
		long in = OK(splice(from, NULL, pipes[1], NULL, 10000, 0));

		HOLDS(in > 0, "splice ended at %zu", done);
		for (long out = 0; out < in;)
			out += OK(splice(pipes[0], NULL, to, NULL, in - out, 0));
		done += in;
	}
	closed(to);
	expect_made("g", 50000, 1);
}

static const struct check io_checks[] = {
	{ "io", "sizes", "POSIX.1-2017 write(), read()", sizes },
	{ "io", "sizes_from_device", "POSIX.1-2017 fsync(), read()", sizes_from_device },
	{ "io", "end_of_file", "POSIX.1-2017 read(): 0 at end-of-file", end_of_file },
	{ "io", "offsets", "POSIX.1-2017 pread(), pwrite(), lseek(), dup()", offsets },
	{ "io", "seek_errors", "POSIX.1-2017 lseek() EINVAL, pread() EINVAL", seek_errors },
	{ "io", "gap_reads_zero", "POSIX.1-2017 lseek(): data in the gap reads as 0", gap_reads_zero },
	{ "io", "overwrite_middle", "POSIX.1-2017 write()", overwrite_middle },
	{ "io", "random_writes", "POSIX.1-2017 write(): any read gets the data of the last write", random_writes },
	{ "io", "vectors", "POSIX.1-2017 readv(), writev(); preadv(2)", vectors },
	{ "io", "write_nothing", "POSIX.1-2017 write() of 0 bytes has no other results", write_nothing },
	{ "io", "bad_buffer", "write(2), read(2) EFAULT", bad_buffer },
	{ "io", "size_limit", "POSIX.1-2017 write() EFBIG, RLIMIT_FSIZE", size_limit },
	{ "io", "far_offset", "POSIX.1-2017 pwrite() EFBIG, ftruncate() EFBIG", far_offset },
	{ "io", "read_directory", "POSIX.1-2017 read() EISDIR", read_directory },
	{ "io", "two_descriptors", "POSIX.1-2017 write(): visible to every later read", two_descriptors },
	{ "io", "large_write", "POSIX.1-2017 write()", large_write },
	{ "io", "byte_by_byte", "POSIX.1-2017 write()", byte_by_byte },
	{ "io", "backwards", "POSIX.1-2017 pwrite()", backwards },
	{ "io", "interleaved_files", "POSIX.1-2017 write(): files do not share bytes", interleaved_files },
	{ "io", "copies_in_kernel", "sendfile(2), copy_file_range(2)", copies_in_kernel },
	{ "io", "splices", "splice(2)", splices },
};

FAMILY(io);

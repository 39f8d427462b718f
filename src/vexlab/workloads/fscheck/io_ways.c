// SPDX-License-Identifier: Apache-2.0
/* Ways for bytes to get into a file: at once, byte by byte, backwards, from several places, inside the kernel. */
#include <sys/sendfile.h>

#include "fscheck/check.h"

static void two_descriptors(void)
{
	int a = created("f", 0644), b = opened("f", O_RDWR), count = file_bytes(200 * 1000) / 1000;
	char data[4];

	for (int i = 0; i < count; i++) {
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
	size_t len = file_bytes(4 << 20);
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
	off_t blocks = sparse_bytes(file_bytes(100 * 4096)) / 4096;
	unsigned char block[4096];
	int fd = created("f", 0644);

	for (off_t i = blocks - 1; i >= 0; i--) {
		pattern(block, sizeof(block), i * 4096, 6);
		EQ(OK(pwrite(fd, block, sizeof(block), i * 4096)), 4096);
		EQ(look_fd(fd).st_size, blocks * 4096);
	}
	expect_pattern(fd, 0, blocks * 4096, 6);
	forget(fd);
	expect_pattern(fd, 0, blocks * 4096, 6);
	closed(fd);
}

static void flushed_data(int fd)
{
	if (can("fdatasync"))
		OK(fdatasync(fd));
	else
		flushed(fd);
}

static void interleaved_files(void)
{
	off_t pieces = file_bytes(40 * 3000) / 3000;
	unsigned char piece[3000];
	int fds[8];
	char name[8];

	for (int f = 0; f < 8; f++) {
		snprintf(name, sizeof(name), "f%d", f);
		fds[f] = created(name, 0644);
	}
	for (off_t i = 0; i < pieces; i++)
		for (int f = 0; f < 8; f++) {
			pattern(piece, sizeof(piece), i * 3000, f);
			EQ(OK(pwrite(fds[f], piece, sizeof(piece), i * 3000)), 3000);
			if (i % 10 == f)
				flushed_data(fds[f]);
		}
	for (int f = 0; f < 8; f++) {
		forget(fds[f]);
		EQ(look_fd(fds[f]).st_size, pieces * 3000);
		expect_pattern(fds[f], 0, pieces * 3000, f);
		closed(fds[f]);
	}
}

static void copies_in_kernel(void)
{
	int from, to = created("g", 0644);
	off_t size = file_bytes(100000), sent = 0;
	loff_t at = 0;

	need("splice");
	make("f", size, 1);
	from = opened("f", O_RDONLY);
	while (sent < size)
		HOLDS(sendfile(to, from, &sent, size - sent) > 0, "sendfile: %s", errno_name(errno));
	expect_made("g", size, 1);
	closed(to);
	to = created("h", 0644);
	while (at < size) {
		long done = OPTIONAL(copy_file_range(from, &at, to, NULL, size - at, 0), EOPNOTSUPP, ENOSYS, EXDEV);

		HOLDS(done > 0, "copy_file_range: expected progress, got 0 at %lld", (long long)at);
	}
	expect_made("h", size, 1);
	EQ(OK(copy_file_range(from, &(loff_t){ size }, to, NULL, 10, 0)), 0);
	closed(to);
	closed(from);
}

static void splices(void)
{
	int pipes[2], from, to = created("g", 0644);
	size_t size = file_bytes(50000), done = 0;

	need("splice");
	make("f", size, 1);
	from = opened("f", O_RDONLY);
	OK(pipe(pipes));
	while (done < size) {
		long in = OK(splice(from, NULL, pipes[1], NULL, 10000, 0));

		HOLDS(in > 0, "splice ended at %zu", done);
		for (long out = 0; out < in;)
			out += OK(splice(pipes[0], NULL, to, NULL, in - out, 0));
		done += in;
	}
	closed(to);
	expect_made("g", size, 1);
}

static const struct check io_ways_checks[] = {
	{ "io", "two_descriptors", "POSIX.1-2017 write(): visible to every later read", two_descriptors },
	{ "io", "large_write", "POSIX.1-2017 write()", large_write },
	{ "io", "byte_by_byte", "POSIX.1-2017 write()", byte_by_byte },
	{ "io", "backwards", "POSIX.1-2017 pwrite()", backwards },
	{ "io", "interleaved_files", "POSIX.1-2017 write(): files do not share bytes", interleaved_files },
	{ "io", "copies_in_kernel", "sendfile(2), copy_file_range(2)", copies_in_kernel },
	{ "io", "splices", "splice(2)", splices },
};

FAMILY(io_ways);

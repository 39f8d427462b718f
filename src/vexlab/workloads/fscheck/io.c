// SPDX-License-Identifier: Apache-2.0
/* read(2), write(2), lseek(2): what was written is read, at any size and offset. */
#include "fscheck/check.h"

static const size_t borders[] = {
	1, 2, 511, 512, 513, 1023, 1024, 1025, 4095, 4096, 4097, 8191, 8192, 8193, 12287, 12288, 16385, 32768, 49151,
	49152, 49153, 65535, 65536, 65537, 131073, 262144, 1048575, 1048577,
};

/* How many of `borders` a file may be as large as. */
static size_t reached(void)
{
	size_t most = file_bytes(borders[ARRAY_SIZE(borders) - 1]), count = 0;

	while (count < ARRAY_SIZE(borders) && borders[count] <= most)
		count++;
	return count;
}

static void sizes(void)
{
	size_t count = reached();
	char name[32];

	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "f%zu", borders[i]);
		make(name, borders[i], i);
	}
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "f%zu", borders[i]);
		expect_made(name, borders[i], i);
	}
}

static void sizes_from_device(void)
{
	size_t count = reached();
	char name[32];

	for (size_t i = 0; i < count; i++) {
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
	off_t far = profile_within("file_sparse", 1 << 20);
	int fd = created("f", 0644);

	FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
	FAILS(lseek(fd, -1, SEEK_CUR), EINVAL);
	FAILS(lseek(fd, -1, SEEK_END), EINVAL);
	FAILS(lseek(fd, 0, 99), EINVAL);
	EQ(lseek(fd, 0, SEEK_CUR), 0);
	EQ(OK(lseek(fd, far, SEEK_SET)), far);
	EQ(look_fd(fd).st_size, 0);
	FAILS(pread(fd, &(char){ 0 }, 1, -1), EINVAL);
	FAILS(pwrite(fd, "x", 1, -1), EINVAL);
	EQ(look_fd(fd).st_size, 0);
	closed(fd);
}

static void gap_reads_zero(void)
{
	static const off_t gaps[] = { 1, 100, 4095, 4096, 5000, 65536, 300000 };
	off_t most = sparse_bytes(103 + 300000);

	for (size_t i = 0; i < ARRAY_SIZE(gaps) && 103 + gaps[i] <= most; i++) {
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
	size_t most = sparse_bytes(file_bytes(MODEL));
	uint64_t state = 7;
	off_t size = 0;
	int fd = created("f", 0644);

	if (!can("file_sparse")) {	/* no write may leave a gap */
		EQ(write_all(fd, model, most, 0), most);
		size = most;
	}
	for (int i = 0; i < 300; i++) {
		size_t len = 1 + random_below(&state, sizeof(data) < most / 2 ? sizeof(data) : most / 2);
		off_t at = random_below(&state, most - len);

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

static const struct check io_checks[] = {
	{ "io", "sizes", "POSIX.1-2017 write(), read()", sizes },
	{ "io", "sizes_from_device", "POSIX.1-2017 fsync(), read()", sizes_from_device },
	{ "io", "end_of_file", "POSIX.1-2017 read(): 0 at end-of-file", end_of_file },
	{ "io", "offsets", "POSIX.1-2017 pread(), pwrite(), lseek(), dup()", offsets },
	{ "io", "seek_errors", "POSIX.1-2017 lseek() EINVAL, pread() EINVAL", seek_errors },
	{ "io", "gap_reads_zero", "POSIX.1-2017 lseek(): data in the gap reads as 0", gap_reads_zero },
	{ "io", "overwrite_middle", "POSIX.1-2017 write()", overwrite_middle },
	{ "io", "random_writes", "POSIX.1-2017 write(): any read gets the data of the last write", random_writes },
};

FAMILY(io);

// SPDX-License-Identifier: Apache-2.0
/* Offsets beyond 32 bits, and files with data at every power of two. */
#include "fscheck/check.h"
#include "fscheck/compat.h"

#define GIB (1LL << 30)

/* A filesystem may have a smaller limit: EFBIG says so and is a refusal. */
static void write_at(int fd, off_t at, size_t len, unsigned int seed)
{
	unsigned char *data = patterned(len, at, seed);

	EQ(OPTIONAL(pwrite(fd, data, len, at), EFBIG), len);
	free(data);
}

static void border(off_t at)
{
	int fd;

	need("sparse_files");
	fd = created("f", 0644);
	write_at(fd, at - 5000, 10000, 1);
	EQ(look_fd(fd).st_size, at + 5000);
	for (int i = 0; i < 2; i++, forget(fd)) {
		expect_pattern(fd, at - 5000, 10000, 1);
		expect_zeros(fd, at - 15000, 10000);
		expect_zeros(fd, 0, 10000);
	}
	EQ(OK(lseek(fd, 0, SEEK_END)), at + 5000);
	OK(ftruncate(fd, at));
	EQ(look_fd(fd).st_size, at);
	OK(ftruncate(fd, at + 5000));
	expect_pattern(fd, at - 5000, 5000, 1);
	expect_zeros(fd, at, 5000);
	closed(fd);
}

static void two_gib(void)
{
	border(2 * GIB);
}

static void four_gib(void)
{
	border(4 * GIB);
}

static void eight_gib(void)
{
	border(8 * GIB);
}

static void one_tib(void)
{
	border(1024 * GIB);
}

static void no_aliases(void)
{
	static const off_t places[] = { 0, 4 * GIB, 8 * GIB, 2 * GIB, 6 * GIB };
	int fd;

	need("sparse_files");
	fd = created("f", 0644);
	OPTIONAL(ftruncate(fd, 9 * GIB), EFBIG);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		write_at(fd, places[i] + 12345, 6000, i);
	forget(fd);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		expect_pattern(fd, places[i] + 12345, 6000, i);
		expect_zeros(fd, places[i] + 12345 + 6000, 5000);
		expect_zeros(fd, places[i] + 5000, 12345 - 5000);
	}
	closed(fd);
}

static int powers(off_t *limit)
{
	int fd, last = 12;

	need("sparse_files");
	need_room("file_sparse", 2 * GIB);
	fd = created("f", 0644);
	for (int power = 12; power <= 42; power++) {
		off_t at = 1LL << power;
		void *data = patterned(3000, at, power);
		ssize_t put = pwrite(fd, data, 3000, at);

		free(data);
		if (put < 0) {
			HOLDS(errno == EFBIG, "writing at 2^%d: expected success or EFBIG, got %s", power, errno_name(errno));
			HOLDS(power > 31, "writing at 2^%d: EFBIG", power);
			break;
		}
		EQ(put, 3000);
		last = power;
	}
	*limit = 1LL << last;
	EQ(look_fd(fd).st_size, *limit + 3000);
	return fd;
}

static void every_power(void)
{
	off_t limit;
	int fd = powers(&limit);

	for (int i = 0; i < 2; i++, forget(fd)) {
		expect_zeros(fd, 0, 4096);
		for (off_t at = 4096, power = 12; at <= limit; at *= 2, power++) {
			expect_pattern(fd, at, 3000, power);
			if (at > 4096)
				expect_zeros(fd, at - 1000, 1000);
			if (at < limit)
				expect_zeros(fd, at + 3000, 1000);
		}
	}
	closed(fd);
}

static void cut_at_every_power(void)
{
	off_t limit;
	int fd = powers(&limit);

	for (off_t at = limit; at >= 4096; at /= 2) {
		OK(ftruncate(fd, at + 1000));
		EQ(look_fd(fd).st_size, at + 1000);
		OK(ftruncate(fd, at + 4000));
		expect_zeros(fd, at + 1000, 3000);
		OK(ftruncate(fd, at));
		if (at > 4096)
			expect_zeros(fd, at - 1000, 1000);
	}
	OK(ftruncate(fd, 0));
	settle();
	EQ(look_fd(fd).st_blocks, 0);
	closed(fd);
}

static void mapped(void)
{
	unsigned char *map;
	int fd;

	need("sparse_files");
	fd = created("f", 0644);
	OPTIONAL(ftruncate(fd, 5 * GIB), EFBIG);
	map = (void *)OK(mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4 * GIB));
	EQ(map[0], 0);
	pattern(map, 8192, 4 * GIB, 2);
	OK(munmap(map, 8192));
	expect_pattern(fd, 4 * GIB, 8192, 2);
	forget(fd);
	expect_pattern(fd, 4 * GIB, 8192, 2);
	expect_zeros(fd, 0, 8192);
	closed(fd);
}

/* The largest size that ftruncate grants must hold a last byte, and one more must be EFBIG. */
static void limit(void)
{
	off_t low = 0, high = LLONG_MAX;
	int fd = created("f", 0644);
	char byte;

	need("truncate_up");
	need("sparse_files");
	need_room("file_sparse", 2 * GIB - 1);
	while (low < high - 1) {
		off_t middle = low + (high - low) / 2;

		if (!ftruncate(fd, middle)) {
			low = middle;
			continue;
		}
		HOLDS(errno == EFBIG || errno == EINVAL, "ftruncate to %lld: expected EFBIG, got %s", (long long)middle,
		      errno_name(errno));
		high = middle;
	}
	OK(ftruncate(fd, 0));
	HOLDS(low >= 2 * GIB - 1, "the largest file has %lld bytes", (long long)low);
	EQ(OK(pwrite(fd, "x", 1, low - 1)), 1);
	EQ(look_fd(fd).st_size, low);
	OK(fsync(fd));
	EQ(OK(pread(fd, &byte, 1, low - 1)), 1);
	EQ(byte, 'x');
	if (low < LLONG_MAX - 1) {
		FAILS(pwrite(fd, "x", 1, low), EFBIG);
		FAILS(ftruncate(fd, low + 1), EFBIG, EINVAL);
	}
	EQ(look_fd(fd).st_size, low);
	OK(ftruncate(fd, 10));
	EQ(look_fd(fd).st_size, 10);
	closed(fd);
}

/* A program that cannot name a place beyond 2 GiB - 1 must not get, or make, a file that has one by accident. */
static void opened_without_large_files(void)
{
	char *path;
	int fd;

	need_calls_of_32_bits();
	need("sparse_files");
	path = low_memory(4096);
	strcpy(path, "f");
	fd = created(path, 0644);
	OPTIONAL(ftruncate(fd, 2 * GIB), EFBIG);
	FAILS(call_of_32_bits(OPEN_OF_32_BITS, (unsigned long)path, O_RDONLY, 0), EOVERFLOW);
	FAILS(call_of_32_bits(OPEN_OF_32_BITS, (unsigned long)path, O_RDWR, 0), EOVERFLOW);
	OK(ftruncate(fd, 2 * GIB - 1));
	closed(fd);
	fd = OK(call_of_32_bits(OPEN_OF_32_BITS, (unsigned long)path, O_RDWR, 0));
	EQ(OK(pwrite(fd, "xyz", 3, 2 * GIB - 2)), 1);
	FAILS(pwrite(fd, "x", 1, 2 * GIB - 1), EFBIG);
	EQ(look_fd(fd).st_size, 2 * GIB - 1);
	closed(fd);
}

static const struct check large_checks[] = {
	{ "large", "two_gib", "POSIX.1-2017 open() EOVERFLOW, pwrite(); large files", two_gib },
	{ "large", "four_gib", "POSIX.1-2017 pwrite(), ftruncate()", four_gib },
	{ "large", "eight_gib", "POSIX.1-2017 pwrite(), ftruncate()", eight_gib },
	{ "large", "one_tib", "POSIX.1-2017 pwrite(), ftruncate()", one_tib },
	{ "large", "no_aliases", "POSIX.1-2017 pwrite(), pread()", no_aliases },
	{ "large", "every_power", "POSIX.1-2017 pwrite(), pread(), EFBIG", every_power },
	{ "large", "cut_at_every_power", "POSIX.1-2017 ftruncate()", cut_at_every_power },
	{ "large", "mapped", "POSIX.1-2017 mmap()", mapped },
	{ "large", "limit", "POSIX.1-2017 write() EFBIG: the offset maximum", limit },
	{ "large", "opened_without_large_files", "POSIX.1-2017 open() EOVERFLOW, write() EFBIG; open(2) O_LARGEFILE",
	  opened_without_large_files },
};

FAMILY(large);

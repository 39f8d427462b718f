// SPDX-License-Identifier: Apache-2.0
/* O_DIRECT: optional, but where it is offered the bytes must be right. */
#include "fscheck/check.h"

#define UNIT 4096

static unsigned char *buffer(size_t len)
{
	void *data;

	if (posix_memalign(&data, UNIT, len))
		fail("no memory");
	return data;
}

/* open(2): EINVAL where the filesystem does not support it; of some it is reading that says so. */
static int direct(const char *path)
{
	int fd = OPTIONAL(open(path, O_RDWR | O_DIRECT), EINVAL);

	need("direct_io");
	return fd;
}

static void put_direct(int fd, size_t len, off_t at, unsigned int seed)
{
	unsigned char *data = buffer(len);

	pattern(data, len, at, seed);
	EQ(OK(pwrite(fd, data, len, at)), len);
	free(data);
}

static void get_direct(int fd, size_t len, off_t at, unsigned int seed)
{
	unsigned char *data = buffer(len);

	memset(data, 0, len);
	EQ(OK(pread(fd, data, len, at)), len);
	BYTES(data, (unsigned char *)patterned(len, at, seed), len);
	free(data);
}

static void round_trip(void)
{
	int fd;

	make("f", 0, 1);
	fd = direct("f");
	put_direct(fd, 16 * UNIT, 0, 1);
	get_direct(fd, 16 * UNIT, 0, 1);
	put_direct(fd, 4 * UNIT, 4 * UNIT, 2);
	get_direct(fd, 4 * UNIT, 0, 1);
	get_direct(fd, 4 * UNIT, 4 * UNIT, 2);
	get_direct(fd, 8 * UNIT, 8 * UNIT, 1);
	EQ(look_fd(fd).st_size, 16 * UNIT);
	closed(fd);
}

static void with_page_cache(void)
{
	unsigned char *data = buffer(8 * UNIT);
	int fd, cached;

	make("f", 8 * UNIT, 1);
	fd = direct("f");
	cached = opened("f", O_RDWR);
	get_direct(fd, 8 * UNIT, 0, 1);
	expect_pattern(cached, 0, 8 * UNIT, 1);
	put_direct(fd, 8 * UNIT, 0, 2);
	expect_pattern(cached, 0, 8 * UNIT, 2);
	pattern(data, 8 * UNIT, 0, 3);
	EQ(OK(pwrite(cached, data, 8 * UNIT, 0)), 8 * UNIT);
	get_direct(fd, 8 * UNIT, 0, 3);
	put_direct(fd, UNIT, 2 * UNIT, 4);
	expect_pattern(cached, 0, 2 * UNIT, 3);
	expect_pattern(cached, 2 * UNIT, UNIT, 4);
	expect_pattern(cached, 3 * UNIT, 5 * UNIT, 3);
	closed(cached);
	closed(fd);
}

static void with_mapping(void)
{
	unsigned char *map;
	int fd;

	make("f", 4 * UNIT, 1);
	fd = direct("f");
	map = (void *)OK(mmap(NULL, 4 * UNIT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	pattern(map, 4 * UNIT, 0, 2);
	get_direct(fd, 4 * UNIT, 0, 2);
	put_direct(fd, 4 * UNIT, 0, 3);
	BYTES(map, (unsigned char *)patterned(4 * UNIT, 0, 3), 4 * UNIT);
	closed(fd);
}

static void extends(void)
{
	int fd;

	make("f", 0, 1);
	fd = direct("f");
	for (int i = 0; i < 16; i++) {
		put_direct(fd, UNIT, i * UNIT, 5);
		EQ(look_fd(fd).st_size, (i + 1) * UNIT);
	}
	put_direct(fd, UNIT, 64 * UNIT, 6);
	EQ(look_fd(fd).st_size, 65 * UNIT);
	closed(fd);
	fd = opened("f", O_RDONLY);
	expect_pattern(fd, 0, 16 * UNIT, 5);
	expect_zeros(fd, 16 * UNIT, 48 * UNIT);
	expect_pattern(fd, 64 * UNIT, UNIT, 6);
	closed(fd);
}

static void at_the_end(void)
{
	unsigned char *data = buffer(4 * UNIT);
	int fd;

	make("f", 10000, 1);
	fd = direct("f");
	EQ(OK(pread(fd, data, 4 * UNIT, 0)), 10000);
	BYTES(data, (unsigned char *)patterned(10000, 0, 1), 10000);
	EQ(OK(pread(fd, data, UNIT, 4 * UNIT)), 0);
	closed(fd);
}

static void unaligned(void)
{
	unsigned char *data = buffer(4 * UNIT);
	ssize_t done;
	int fd;

	make("f", 8 * UNIT, 1);
	fd = direct("f");
	done = pread(fd, data, 777, 13);
	if (done < 0)
		EQ(errno, EINVAL);
	else
		BYTES(data, (unsigned char *)patterned(777, 13, 1), 777);
	pattern(data, 777, 13, 2);
	done = pwrite(fd, data, 777, 13);
	closed(fd);
	fd = opened("f", O_RDONLY);
	expect_pattern(fd, 0, 13, 1);
	expect_pattern(fd, 13, 777, done < 0 ? 1 : 2);
	expect_pattern(fd, 790, 8 * UNIT - 790, 1);
	closed(fd);
}

static void holes(void)
{
	unsigned char *data = buffer(16 * UNIT);
	int fd;

	make("f", 0, 1);
	fd = direct("f");
	OK(ftruncate(fd, 16 * UNIT));
	put_direct(fd, UNIT, 7 * UNIT, 1);
	memset(data, 0xff, 16 * UNIT);
	EQ(OK(pread(fd, data, 16 * UNIT, 0)), 16 * UNIT);
	BYTES(data + 7 * UNIT, (unsigned char *)patterned(UNIT, 7 * UNIT, 1), UNIT);
	for (int i = 0; i < 16 * UNIT; i++)
		if (i / UNIT != 7 && data[i])
			fail("byte %d of a hole: expected zero, got 0x%02x", i, data[i]);
	OK(ftruncate(fd, 7 * UNIT + 100));
	OK(ftruncate(fd, 16 * UNIT));
	EQ(OK(pread(fd, data, 16 * UNIT, 0)), 16 * UNIT);
	for (int i = 7 * UNIT + 100; i < 16 * UNIT; i++)
		if (data[i])
			fail("byte %d behind a cut: expected zero, got 0x%02x", i, data[i]);
	closed(fd);
}

static const struct check direct_checks[] = {
	{ "direct", "round_trip", "open(2), O_DIRECT", round_trip },
	{ "direct", "with_page_cache", "open(2), O_DIRECT NOTES", with_page_cache },
	{ "direct", "with_mapping", "open(2), O_DIRECT NOTES", with_mapping },
	{ "direct", "extends", "open(2), O_DIRECT; write(2)", extends },
	{ "direct", "at_the_end", "open(2), O_DIRECT; read(2)", at_the_end },
	{ "direct", "unaligned", "open(2), O_DIRECT: EINVAL or the right bytes", unaligned },
	{ "direct", "holes", "open(2), O_DIRECT; POSIX.1-2017 ftruncate()", holes },
};

FAMILY(direct);

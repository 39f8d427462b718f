// SPDX-License-Identifier: Apache-2.0
/* Files of known bytes, and looking at them. */
#include <sys/xattr.h>

#include "fscheck/check.h"

void pattern(void *data, size_t len, off_t offset, unsigned int seed)
{
	unsigned char *bytes = data;

	/* Periods of 251 bytes and of 255 blocks, coprime to every block size: a block in a wrong place shows. */
	while (len) {
		size_t part = 4096 - (offset & 4095);
		unsigned int base = ((uint64_t)(offset >> 12) * 7 + seed * 31ULL) % 255, at = offset % 251;

		if (part > len)
			part = len;
		for (size_t i = 0; i < part; i++) {
			unsigned int value = base + at;

			bytes[i] = 1 + (value >= 255 ? value - 255 : value);
			if (++at == 251)
				at = 0;
		}
		bytes += part;
		offset += part;
		len -= part;
	}
}

void *patterned(size_t len, off_t offset, unsigned int seed)
{
	void *data = malloc(len ? len : 1);

	if (!data)
		fail("no memory for %zu bytes", len);
	pattern(data, len, offset, seed);
	return data;
}

int opened(const char *path, int flags)
{
	int fd = open(path, flags);

	if (fd < 0)
		report(FAIL, errno, "open(\"%.200s\", %#x): expected success, got %s", path, flags, errno_name(errno));
	return fd;
}

int created(const char *path, mode_t mode)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL, mode);

	if (fd < 0)
		report(FAIL, errno, "creating \"%.200s\": expected success, got %s", path, errno_name(errno));
	return fd;
}

void closed(int fd)
{
	if (close(fd))
		report(FAIL, errno, "close: expected success, got %s", errno_name(errno));
}

/* What write_all said of `len` bytes must be that all are written. */
static void written(const char *path, ssize_t done, size_t len)
{
	if (done != (ssize_t)len)
		report(FAIL, errno, "writing \"%.200s\": wrote %zd of %zu bytes: %s", path, done < 0 ? 0 : done, len,
		       errno_name(errno));
}

void make(const char *path, size_t len, unsigned int seed)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	void *data = patterned(len, 0, seed);

	if (fd < 0)
		report(FAIL, errno, "creating \"%.200s\": expected success, got %s", path, errno_name(errno));
	written(path, write_all(fd, data, len, 0), len);
	free(data);
	closed(fd);
}

void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	size_t len = strlen(text);

	if (fd < 0)
		report(FAIL, errno, "creating \"%.200s\": expected success, got %s", path, errno_name(errno));
	written(path, write_all(fd, text, len, 0), len);
	closed(fd);
}

static void read_exactly(int fd, off_t offset, void *data, size_t len)
{
	ssize_t got = read_all(fd, data, len, offset);

	asserted();
	if (got != (ssize_t)len)
		report(FAIL, got < 0 ? errno : 0, "reading %zu bytes at %lld: got %zd%s%s", len, (long long)offset, got,
		       got < 0 ? " with " : "", got < 0 ? errno_name(errno) : "");
}

static size_t first_difference(const unsigned char *a, const unsigned char *b, size_t len)
{
	size_t at = 0;

	while (at < len && a[at] == b[at])
		at++;
	return at;
}

#define PIECE 65536

void expect_pattern(int fd, off_t offset, size_t len, unsigned int seed)
{
	static unsigned char got[PIECE], wanted[PIECE];

	asserted();
	for (; len; offset += PIECE, len -= len < PIECE ? len : PIECE) {
		size_t part = len < PIECE ? len : PIECE, at;

		read_exactly(fd, offset, got, part);
		pattern(wanted, part, offset, seed);
		if (!memcmp(got, wanted, part))
			continue;
		at = first_difference(got, wanted, part);
		fail("byte %lld: expected 0x%02x, got 0x%02x", (long long)(offset + at), wanted[at], got[at]);
	}
}

void expect_zeros(int fd, off_t offset, size_t len)
{
	static unsigned char got[PIECE], wanted[PIECE];

	asserted();
	for (; len; offset += PIECE, len -= len < PIECE ? len : PIECE) {
		size_t part = len < PIECE ? len : PIECE, at;

		read_exactly(fd, offset, got, part);
		if (!memcmp(got, wanted, part))
			continue;
		at = first_difference(got, wanted, part);
		fail("byte %lld: expected zero, got 0x%02x", (long long)(offset + at), got[at]);
	}
}

void expect_made(const char *path, size_t len, unsigned int seed)
{
	int fd = opened(path, O_RDONLY);

	EQ(look_fd(fd).st_size, len);
	expect_pattern(fd, 0, len, seed);
	closed(fd);
}

void expect_text(const char *path, const char *text)
{
	size_t len = strlen(text);
	char *got = malloc(len + 2);
	int fd = opened(path, O_RDONLY);
	ssize_t size = read_all(fd, got, len + 1, 0);

	asserted();
	if (size != (ssize_t)len || memcmp(got, text, len))
		fail("\"%.200s\": expected the %zu bytes \"%.100s\", got %zd: \"%.*s\"", path, len, text, size,
		     size > 0 ? (int)size : 0, got);
	free(got);
	closed(fd);
}

void expect_value(const char *path, const char *name, const void *value, size_t len)
{
	char *got = malloc(len + 100);

	EQ(OK(lgetxattr(path, name, got, len + 100)), len);
	BYTES(got, value, len);
	free(got);
}

void expect_missing(const char *path)
{
	struct stat st;

	asserted();
	if (!lstat(path, &st))
		fail("\"%.200s\": expected that it does not exist, but it does", path);
	if (errno != ENOENT)
		report(FAIL, errno, "lstat(\"%.200s\"): expected ENOENT, got %s", path, errno_name(errno));
}

struct stat look(const char *path)
{
	struct stat st;

	if (lstat(path, &st))
		report(FAIL, errno, "lstat(\"%.200s\"): expected success, got %s", path, errno_name(errno));
	return st;
}

struct stat look_fd(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		report(FAIL, errno, "fstat: expected success, got %s", errno_name(errno));
	return st;
}

void expect_mode(const char *path, mode_t wanted)
{
	char what[64];

	snprintf(what, sizeof(what), "the mode of %s", path);
	if (can("modes"))
		expect_equal(what, look(path).st_mode & 07777, wanted);
}

void flushed(int fd)
{
	if (can("fsync") ? fsync(fd) : syncfs(fd))
		report(FAIL, errno, "fsync: expected success, got %s", errno_name(errno));
}

void map_flushed(void *map, size_t len, int fd)
{
	if (can("fsync"))
		OK(msync(map, len, MS_SYNC));
	else
		flushed(fd);
}

void forget(int fd)
{
	flushed(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * Every call that fills a buffer, with each size around the right one: too small is an error or a part, as documented,
 * the right one is enough, and no byte outside the buffer changes.
 */
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "fscheck/check.h"

#define ROOM 70000
#define GUARD 64
#define CANARY 0xa5
static unsigned char memory[GUARD + ROOM + GUARD];
static size_t offered;

/* A buffer of this size with bytes of a known value in it, before and behind it. */
static void *offer(size_t size)
{
	offered = size;
	memset(memory, CANARY, GUARD + size + GUARD);
	return memory + GUARD;
}

/* Only the first `size` bytes of what offer() gave may have changed. */
static void expect_within(const char *call, size_t size)
{
	asserted();
	for (size_t i = 0; i < GUARD + offered + GUARD; i++) {
		if (i == GUARD)
			i += size;
		if (memory[i] != CANARY)
			fail("%s with a buffer of %zu bytes wrote 0x%02x at byte %zd of it", call, size, memory[i],
			     (ssize_t)i - GUARD);
	}
}

static char text[ROOM];

static const char *filled(size_t len)
{
	for (size_t i = 0; i < len; i++)
		text[i] = 'a' + i % 23;
	return text;
}

static long get_value(int way, const char *path, int fd, void *buffer, size_t size)
{
	if (way == 0)
		return getxattr(path, "user.value", buffer, size);
	return way == 1 ? lgetxattr(path, "user.value", buffer, size) : fgetxattr(fd, "user.value", buffer, size);
}

static void value_of(const char *path, int fd, size_t len)
{
	const size_t sizes[] = { 1, len / 2, len - 1, len, len + 1, len + 1000 };

	for (int way = 0; way < 3; way++) {
		EQ(OK(get_value(way, path, fd, NULL, 0)), len);
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			if (!sizes[i] || sizes[i] > len + 1000)
				continue;
			if (sizes[i] < len) {
				FAILS(get_value(way, path, fd, offer(sizes[i]), sizes[i]), ERANGE);
			} else {
				EQ(OK(get_value(way, path, fd, offer(sizes[i]), sizes[i])), len);
				BYTES(memory + GUARD, text, len);
			}
			expect_within("getxattr", sizes[i]);
		}
	}
}

static void values(void)
{
	static const size_t lens[] = { 0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100, 255, 256, 257, 1000, 2000 };
	static const char *const paths[] = { "f", "d" };

	make("f", 10, 1);
	OK(mkdir("d", 0755));
	for (size_t p = 0; p < ARRAY_SIZE(paths); p++) {
		int fd = opened(paths[p], O_RDONLY);

		OPTIONAL(setxattr(paths[p], "user.before", "1", 1, 0), EOPNOTSUPP);
		for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
			/* xattr(7): all attributes together may have to fit one block, which may be of 1024 bytes. */
			if (setxattr(paths[p], "user.value", filled(lens[i]), lens[i], 0)) {
				HOLDS(lens[i] > 500 && (errno == ENOSPC || errno == E2BIG),
				      "setting a value of %zu bytes: expected success, got %s", lens[i], errno_name(errno));
				break;
			}
			/* Once as the last of all, once before another. */
			if (i % 2)
				OK(setxattr(paths[p], "user.z", "2", 1, 0));
			else if (i)
				OK(removexattr(paths[p], "user.z"));
			value_of(paths[p], fd, lens[i]);
		}
		closed(fd);
	}
}

static long get_list(int way, const char *path, int fd, void *buffer, size_t size)
{
	if (way == 0)
		return listxattr(path, buffer, size);
	return way == 1 ? llistxattr(path, buffer, size) : flistxattr(fd, buffer, size);
}

/* Each name of `wanted` stands once in what the buffer holds, in whatever order: xfs has one for small buffers. */
static void expect_names(const char *wanted, long len)
{
	const char *got = (const char *)memory + GUARD;

	HOLDS(!got[len - 1], "a list of %ld bytes does not end with the end of a name", len);
	for (long at = 0; at < len; at += strlen(wanted + at) + 1) {
		int found = 0;

		for (long other = 0; other < len; other += strlen(got + other) + 1)
			found += !strcmp(got + other, wanted + at);
		HOLDS(found == 1, "\"%s\" stands %d times in a list of %ld bytes", wanted + at, found, len);
	}
}

static void list_of(const char *path, int fd, int way)
{
	static char whole[4096];
	long need = OK(get_list(way, path, fd, NULL, 0));

	EQ(OK(get_list(way, path, fd, whole, sizeof(whole))), need);
	for (long size = 1; size <= need + 2; size++) {
		if (size < need) {
			FAILS(get_list(way, path, fd, offer(size), size), ERANGE);
		} else {
			EQ(OK(get_list(way, path, fd, offer(size), size)), need);
			expect_names(whole, need);
		}
		expect_within("listxattr", size);
	}
}

static void lists(void)
{
	static const char *const names[] = { "user.a", "user.a-longer-one", "user.b", "user.0123456789abcdef0123456789" };
	static const char *const paths[] = { "f", "d" };

	make("f", 10, 1);
	OK(mkdir("d", 0755));
	for (size_t p = 0; p < ARRAY_SIZE(paths); p++) {
		int fd = opened(paths[p], O_RDONLY);

		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			OPTIONAL(setxattr(paths[p], names[i], "value", i, 0), EOPNOTSUPP);
			list_of(paths[p], fd, i % 3);
		}
		closed(fd);
	}
}

static void targets(void)
{
	static const size_t lens[] = { 1, 2, 3, 10, 31, 32, 58, 59, 60, 61, 62, 63, 64, 100, 255, 256, 500, 1000, 4000 };
	const size_t fewest = profile_within("symlink_max", 255);
	char name[24];

	need("symlink");
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
		const size_t len = lens[i], sizes[] = { 1, len - 1, len, len + 1, len + 50 };

		snprintf(name, sizeof(name), "s%zu", len);
		filled(len);
		text[len] = '\0';
		if (symlink(text, name)) {
			/* SYMLINK_MAX may be smaller (xfs: 1023). */
			HOLDS(errno == ENAMETOOLONG && len > fewest, "a symlink of %zu bytes: got %s", len, errno_name(errno));
			break;
		}
		FAILS(readlink(name, offer(0), 0), EINVAL);
		expect_within("readlink", 0);
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			const size_t part = sizes[k] < len ? sizes[k] : len;

			if (!sizes[k])
				continue;
			EQ(OK(readlinkat(AT_FDCWD, name, offer(sizes[k]), sizes[k])), part);
			BYTES(memory + GUARD, text, part);
			expect_within("readlink", sizes[k]);
		}
	}
}

#define NAMES 30 /* at most */
#define LARGEST_ENTRY 280 /* struct linux_dirent64 with a name of 255 bytes and its terminator */

/* Reads the whole directory with this buffer; false where the next entry does not fit it. */
static bool read_names(int fd, size_t size, long *count, size_t *total)
{
	long len;

	OK(lseek(fd, 0, SEEK_SET));
	*count = 0;
	*total = 0;
	while ((len = syscall(SYS_getdents64, fd, offer(size), size)) > 0) {
		HOLDS((size_t)len <= size, "getdents64 with a buffer of %zu bytes returned %ld", size, len);
		expect_within("getdents64", size);
		for (long at = 0; at < len; (*count)++) {
			const struct dirent64 *entry = (void *)(memory + GUARD + at);
			const size_t head = offsetof(struct dirent64, d_name);

			HOLDS(len - at > (long)head && entry->d_reclen > head && entry->d_reclen <= len - at,
			      "an entry at byte %ld of %ld is %d bytes long", at, len, entry->d_reclen);
			HOLDS(memchr(entry->d_name, 0, entry->d_reclen - head), "a name of getdents64 has no end");
			at += entry->d_reclen;
		}
		*total += len;
	}
	if (!len)
		return true;
	HOLDS(errno == EINVAL && size < LARGEST_ENTRY, "getdents64 with a buffer of %zu bytes: got %s", size,
	      errno_name(errno));
	expect_within("getdents64", size);
	return false;
}

static void entries_of(void)
{
	/* Names of 1, 2, 3, ... bytes, and the last one of as many as possible. */
	const int longest = name_bytes(255), room = names_in_directory(NAMES, NAMES / 2 + longest / NAMES);
	const int made = room < longest ? room : longest;
	size_t whole, total;
	char path[300];
	long count;
	int fd;

	OK(mkdir("d", 0755));
	for (int i = 0; i < made; i++) {
		const int len = i == made - 1 ? longest : 1 + i;

		snprintf(path, sizeof(path), "d/%.*s", len, filled(len));
		OK(mknod(path, S_IFREG | 0644, 0));
	}
	fd = opened("d", O_RDONLY | O_DIRECTORY);
	EQ(read_names(fd, ROOM, &count, &whole), true);
	EQ(count, made + 2);
	for (size_t size = 0; size <= whole + 1; size += size < 320 || size + 4 > whole ? 1 : 97) {
		if (!read_names(fd, size, &count, &total))
			continue;
		EQ(count, made + 2);
		EQ(total, whole);
	}
	/* One byte short of all: the last entry comes by a call of its own. */
	EQ(read_names(fd, whole - 1, &count, &total), true);
	EQ(count, made + 2);
	closed(fd);
}

static void contents(void)
{
	static const size_t lens[] = { 1, 511, 512, 513, 4095, 4096, 4097, 12288, 65537 };
	static const size_t rooms[] = { 1, 511, 4095, 4096, 4097, 65536 };

	for (size_t i = 0; i < ARRAY_SIZE(lens) && lens[i] <= file_bytes(65537); i++) {
		const size_t len = lens[i];
		unsigned char *wanted = patterned(len, 0, i);
		int fd;

		make("f", len, i);
		fd = opened("f", O_RDONLY);
		for (int pass = 0; pass < 2; pass++, forget(fd))
			for (size_t k = 0; k < ARRAY_SIZE(rooms) + 3; k++) {
				const size_t size = k < ARRAY_SIZE(rooms) ? rooms[k] : len - 1 + k - ARRAY_SIZE(rooms);
				const size_t from = len > 600 ? 600 : 0, part = size < len - from ? size : len - from;

				EQ(OK(pread(fd, offer(size), size, from)), part);
				BYTES(memory + GUARD, wanted + from, part);
				expect_within("pread", size);
				EQ(OK(pread(fd, offer(size), size, len)), 0);
				expect_within("pread at the end", 0);
			}
		free(wanted);
		closed(fd);
	}
}

/* Two buffers with a gap between them, whose sizes together are one short of the file, as large, and larger. */
static void vectors(void)
{
	const size_t len = 9000, first = 4097, gap = 33;
	unsigned char *wanted = patterned(len, 0, 1), *buffer;
	int fd;

	make("f", len, 1);
	fd = opened("f", O_RDONLY);
	for (size_t second = len - first - 1; second <= len - first + 1; second++) {
		const size_t part = second < len - first ? second : len - first;
		struct iovec ways[2];

		buffer = offer(first + gap + second);
		ways[0] = (struct iovec){ buffer, first };
		ways[1] = (struct iovec){ buffer + first + gap, second };
		EQ(OK(preadv(fd, ways, 2, 0)), first + part);
		BYTES(buffer, wanted, first);
		BYTES(buffer + first + gap, wanted + first, part);
		for (size_t i = first; i < first + gap; i++)
			HOLDS(buffer[i] == CANARY, "preadv wrote byte %zu of the gap between its buffers", i - first);
		expect_within("preadv", first + gap + second);
	}
	free(wanted);
	closed(fd);
}

static long map_extents(int fd, unsigned int room)
{
	struct fiemap *map = offer(sizeof(*map) + room * sizeof(struct fiemap_extent));

	memset(map, 0, sizeof(*map));
	map->fm_length = FIEMAP_MAX_OFFSET;
	map->fm_flags = FIEMAP_FLAG_SYNC;
	map->fm_extent_count = room;
	return ioctl(fd, FS_IOC_FIEMAP, map) ? -1 : (long)map->fm_mapped_extents;
}

static void extents(void)
{
	const struct fiemap *map = (void *)(memory + GUARD);
	int fd = created("f", 0644);
	long count;

	for (int i = 0; i < 6; i++) {
		void *data = patterned(4096, i << 20, 1);

		EQ(OK(pwrite(fd, data, 4096, i << 20)), 4096);
		free(data);
	}
	OK(fsync(fd));
	count = map_extents(fd, 0);
	if (count < 0) {
		HOLDS(errno == EOPNOTSUPP || errno == ENOTTY, "FS_IOC_FIEMAP: got %s", errno_name(errno));
		skip("there is no FS_IOC_FIEMAP here");
	}
	expect_within("FS_IOC_FIEMAP", sizeof(*map));
	HOLDS(count >= 6, "a file of 6 parts has %ld extents", count);
	for (long room = 1; room <= count + 1; room++) {
		const long got = OK(map_extents(fd, room));

		EQ(got, room < count ? room : count);
		EQ(!!(map->fm_extents[got - 1].fe_flags & FIEMAP_EXTENT_LAST), room >= count);
		expect_within("FS_IOC_FIEMAP", sizeof(*map) + room * sizeof(struct fiemap_extent));
	}
	closed(fd);
}

static int get_handle(const char *path, unsigned int bytes)
{
	struct file_handle *handle = offer(sizeof(*handle) + bytes);
	int mount_id;

	handle->handle_bytes = bytes;
	return name_to_handle_at(AT_FDCWD, path, handle, &mount_id, 0);
}

static void handles(void)
{
	static const char *const paths[] = { "f", "d" };
	const struct file_handle *handle = (void *)(memory + GUARD);

	make("f", 10, 1);
	OK(mkdir("d", 0755));
	for (size_t p = 0; p < ARRAY_SIZE(paths); p++) {
		unsigned int need;

		HOLDS(get_handle(paths[p], 0), "a file handle went into no bytes");
		if (errno == EOPNOTSUPP)
			skip("there are no file handles here");
		EQ(errno, EOVERFLOW);
		expect_within("name_to_handle_at", sizeof(*handle));
		need = handle->handle_bytes;
		HOLDS(need > 0 && need <= MAX_HANDLE_SZ, "a file handle needs %u bytes", need);
		for (unsigned int size = 1; size <= need + 1; size++) {
			if (size < need)
				FAILS(get_handle(paths[p], size), EOVERFLOW);
			else
				OK(get_handle(paths[p], size));
			EQ(handle->handle_bytes, need);
			expect_within("name_to_handle_at", sizeof(*handle) + size);
		}
	}
}

static const struct check room_checks[] = {
	{ "xattr", "value_sizes", "getxattr(2) ERANGE; size 0 asks for the length", values },
	{ "xattr", "list_sizes", "listxattr(2) ERANGE; size 0 asks for the length", lists },
	{ "symlink", "buffer_sizes", "POSIX.1-2017 readlink(); readlink(2) EINVAL", targets },
	{ "readdir", "buffer_sizes", "getdents(2) EINVAL", entries_of },
	{ "io", "buffer_sizes", "POSIX.1-2017 read(): at most nbyte bytes", contents },
	{ "io", "buffer_sizes_in_parts", "POSIX.1-2017 readv()", vectors },
	{ "space", "extent_counts", "Linux Documentation/filesystems/fiemap.rst, fm_extent_count", extents },
	{ "open", "handle_sizes", "name_to_handle_at(2) EOVERFLOW", handles },
};

FAMILY(room);

// SPDX-License-Identifier: Apache-2.0
/* readdir(3), getdents64(2) at the limits: small buffers, removed directories, long names, several processes. */
#include <sys/syscall.h>

#include "fscheck/check.h"

static void small_buffers(void)
{
	const int count = names_in_directory(100, strlen("entry99"));
	char buffer[2048];
	int fd;

	OK(mkdir("d", 0755));
	make_entries("d", count);
	fd = opened("d", O_RDONLY | O_DIRECTORY);
	FAILS(syscall(SYS_getdents64, fd, buffer, 8), EINVAL);
	for (size_t size = 64; size <= sizeof(buffer); size *= 2) {
		long len;

		OK(lseek(fd, 0, SEEK_SET));
		memset(seen, 0, sizeof(seen));
		while ((len = OK(syscall(SYS_getdents64, fd, buffer, size))) > 0)
			for (long at = 0; at < len;) {
				struct dirent64 *entry = (void *)(buffer + at);
				int number = entry_number((struct dirent *)entry);

				HOLDS(entry->d_reclen >= 24, "d_reclen is %d", entry->d_reclen);
				at += entry->d_reclen;
				if (number >= 0)
					seen[number]++;
			}
		expect_seen(0, count, 1);
	}
	closed(fd);
}

static void errors(void)
{
	char buffer[512];
	int fd;

	make("f", 10, 1);
	EQ(opendir("f") == NULL, 1);
	EQ(errno, ENOTDIR);
	EQ(opendir("missing") == NULL, 1);
	EQ(errno, ENOENT);
	fd = opened("f", O_RDONLY);
	FAILS(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)), ENOTDIR);
	closed(fd);
}

static void of_removed(void)
{
	char buffer[512];
	long len;
	int fd;

	OK(mkdir("d", 0755));
	fd = opened("d", O_RDONLY | O_DIRECTORY);
	OK(rmdir("d"));
	/* Linux answers ENOENT (fs/readdir.c, IS_DEADDIR); nothing but the dots may be read in any case. */
	len = syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
	if (len == -1)
		EQ(errno, ENOENT);
	else
		HOLDS(len <= 48, "a removed directory gave %ld bytes of entries", len);
	closed(fd);
}

static void two_readers(void)
{
	const int made = names_in_directory(200, strlen("entry199")), ahead = made / 4;
	struct dirent *entry;
	DIR *a, *b;
	int count = 0;

	OK(mkdir("d", 0755));
	make_entries("d", made);
	a = open_stream("d");
	b = open_stream("d");
	for (int i = 0; i < ahead; i++)
		next_entry(a);
	scan_entries(b);
	expect_seen(0, made, 1);
	while ((entry = next_entry(a)))
		count++;
	EQ(count, made + 2 - ahead);
	closedir(a);
	closedir(b);
}

static void name_lengths(void)
{
	const int most = names_in_directory(name_bytes(255), name_bytes(255) / 2);
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	OK(mkdir("d", 0755));
	OK(chdir("d"));
	for (int len = 1; len <= most; len++) {
		char name[256];

		memset(name, 'a' + len % 26, len);
		name[len] = '\0';
		closed(created(name, 0644));
	}
	memset(seen, 0, sizeof(seen));
	dir = open_stream(".");
	while ((entry = next_entry(dir))) {
		size_t len = strlen(entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		for (size_t i = 0; i < len; i++)
			HOLDS(entry->d_name[i] == (char)('a' + len % 26), "a name of %zu bytes has a wrong byte %zu", len, i);
		seen[len]++;
		count++;
	}
	closedir(dir);
	EQ(count, most);
	expect_seen(1, most + 1, 1);
}

static void concurrent_makers(void)
{
	const int each = names_in_directory(1000, strlen("entry999")) / 4;
	DIR *dir;

	OK(mkdir("d", 0755));
	WORKERS(4, number) {
		for (int i = 0; i < each; i++) {
			char path[64];

			snprintf(path, sizeof(path), "d/entry%d", number * each + i);
			closed(created(path, 0644));
			if (i % 50 == 0)
				HOLDS(entries("d") >= 1, "the directory has no entries");
		}
	}
	dir = open_stream("d");
	scan_entries(dir);
	closedir(dir);
	expect_seen(0, 4 * each, 1);
}

static void holes_are_reused(void)
{
	const int count = names_in_directory(500, strlen("entry1499"));
	char path[64];
	DIR *dir;

	OK(mkdir("d", 0755));
	make_entries("d", count);
	for (int round = 0; round < 5; round++) {
		for (int i = round; i < count; i += 5) {
			snprintf(path, sizeof(path), "d/entry%d", i);
			OK(unlink(path));
		}
		for (int i = round; i < count; i += 5) {
			snprintf(path, sizeof(path), "d/entry%d", 1000 + i);
			closed(created(path, 0644));
		}
	}
	dir = open_stream("d");
	scan_entries(dir);
	closedir(dir);
	expect_seen(0, 1000, 0);
	expect_seen(1000, 1000 + count, 1);
}

static const struct check readdir_limits_checks[] = {
	{ "readdir", "small_buffers", "getdents(2) EINVAL", small_buffers },
	{ "readdir", "errors", "POSIX.1-2017 opendir() ENOTDIR, ENOENT; getdents(2)", errors },
	{ "readdir", "of_removed", "getdents(2) ENOENT", of_removed },
	{ "readdir", "two_readers", "POSIX.1-2017 opendir(): each stream has its own position", two_readers },
	{ "readdir", "name_lengths", "POSIX.1-2017 readdir(); NAME_MAX", name_lengths },
	{ "readdir", "concurrent_makers", "POSIX.1-2017 readdir()", concurrent_makers },
	{ "readdir", "holes_are_reused", "POSIX.1-2017 readdir(), unlink()", holes_are_reused },
};

FAMILY(readdir_limits);

// SPDX-License-Identifier: Apache-2.0
/* readdir(3), telldir(3), getdents64(2): every entry once, whatever else happens. */
#include <sys/syscall.h>

#include "fscheck/check.h"

#define NAMES 3000

static unsigned char seen[NAMES];

static void fill(const char *dir, int count)
{
	char path[64];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/entry%d", dir, i);
		closed(created(path, 0644));
	}
}

static struct dirent *next(DIR *dir)
{
	struct dirent *entry;

	errno = 0;
	entry = readdir(dir);
	if (!entry && errno)
		report(FAIL, errno, "readdir: expected success, got %s", errno_name(errno));
	return entry;
}

/* The number of an entry, -1 for dot and dot-dot. */
static int number_of(const struct dirent *entry)
{
	int number = -1;

	if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
		return -1;
	if (sscanf(entry->d_name, "entry%d", &number) != 1 || number < 0 || number >= NAMES)
		fail("readdir: a name that nobody made: \"%.255s\"", entry->d_name);
	return number;
}

static DIR *open_dir(const char *path)
{
	DIR *dir = opendir(path);

	if (!dir)
		report(FAIL, errno, "opendir: expected success, got %s", errno_name(errno));
	return dir;
}

static void scan(DIR *dir)
{
	struct dirent *entry;
	int number;

	memset(seen, 0, sizeof(seen));
	while ((entry = next(dir)))
		if ((number = number_of(entry)) >= 0)
			seen[number]++;
}

static void expect_each(int from, int to, int times)
{
	asserted();
	for (int i = from; i < to; i++)
		if (seen[i] != times)
			fail("entry%d: expected %d time(s), got %d", i, times, seen[i]);
}

static void each_once(void)
{
	static const int counts[] = { 0, 1, 2, 3, 10, 50, 100, 500, NAMES };
	char name[16];

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		DIR *dir;

		snprintf(name, sizeof(name), "d%d", counts[i]);
		OK(mkdir(name, 0755));
		fill(name, counts[i]);
		dir = open_dir(name);
		scan(dir);
		closedir(dir);
		expect_each(0, counts[i], 1);
		expect_each(counts[i], NAMES, 0);
	}
}

static void dots(void)
{
	DIR *dir = open_dir(".");
	struct dirent *entry;
	int self = 0, parent = 0;

	OK(mkdir("d", 0755));
	closedir(dir);
	dir = open_dir("d");
	while ((entry = next(dir))) {
		if (!strcmp(entry->d_name, ".")) {
			self++;
			EQ(entry->d_ino, look("d").st_ino);
		} else {
			EQ(strcmp(entry->d_name, ".."), 0);
			parent++;
			EQ(entry->d_ino, look(".").st_ino);
		}
		HOLDS(entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN, "d_type of %s: expected DT_DIR, got %d",
		      entry->d_name, entry->d_type);
	}
	closedir(dir);
	EQ(self, 1);
	EQ(parent, 1);
}

static void types_and_inodes(void)
{
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	make("file", 1, 1);
	OK(mkdir("directory", 0755));
	OK(symlink("x", "link"));
	OK(mkfifo("fifo", 0644));
	OK(mknod("socket", S_IFSOCK | 0644, 0));
	if (!geteuid())
		OK(mknod("char", S_IFCHR | 0644, 0x103));
	OK(link("file", "second"));
	dir = open_dir(".");
	while ((entry = next(dir))) {
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		st = look(entry->d_name);
		EQ(entry->d_ino, st.st_ino);
		if (entry->d_type != DT_UNKNOWN)
			EQ(entry->d_type, IFTODT(st.st_mode));
		count++;
	}
	closedir(dir);
	EQ(count, geteuid() ? 6 : 7);
}

static void positions(void)
{
	static long place[402];
	static char name[402][32];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	OK(mkdir("d", 0755));
	fill("d", 400);
	dir = open_dir("d");
	for (;;) {
		place[count] = telldir(dir);
		entry = next(dir);
		if (!entry)
			break;
		HOLDS(count < 402, "more than 402 entries");
		snprintf(name[count++], sizeof(name[0]), "%.31s", entry->d_name);
	}
	EQ(count, 402);
	for (int i = 0; i < count; i++) {
		int at = i * 131 % count;

		seekdir(dir, place[at]);
		for (int j = at; j < at + 3 && j < count; j++) {
			entry = next(dir);
			HOLDS(entry, "after seekdir to entry %d: expected an entry, got the end", at);
			HOLDS(!strcmp(entry->d_name, name[j]), "after seekdir to entry %d: expected %s, got %s", at, name[j],
			      entry->d_name);
		}
	}
	closedir(dir);
}

static void rewinds(void)
{
	DIR *dir;

	OK(mkdir("d", 0755));
	fill("d", 20);
	dir = open_dir("d");
	scan(dir);
	expect_each(0, 20, 1);
	EQ(next(dir) == NULL, 1);
	OK(unlink("d/entry3"));
	closed(created("d/entry100", 0644));
	rewinddir(dir);
	scan(dir);
	closedir(dir);
	expect_each(0, 3, 1);
	expect_each(3, 4, 0);
	expect_each(4, 20, 1);
	expect_each(100, 101, 1);
}

/* rm -r: each entry is deleted as soon as it is seen, with a small buffer so that reading and deleting alternate. */
static void delete_while_reading(void)
{
	char buffer[512], path[300];
	int fd, deleted = 0;
	long len;

	OK(mkdir("d", 0755));
	fill("d", 1000);
	fd = opened("d", O_RDONLY | O_DIRECTORY);
	while ((len = OK(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)))) > 0)
		for (long at = 0; at < len;) {
			struct dirent64 *entry = (void *)(buffer + at);

			at += entry->d_reclen;
			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "d/%s", entry->d_name);
			OK(unlink(path));
			deleted++;
		}
	closed(fd);
	EQ(deleted, 1000);
	EQ(entries("d"), 0);
	OK(rmdir("d"));
}

/* POSIX leaves open whether what is added or removed meanwhile is seen; all else is seen once. */
static void change_while_reading(bool add, bool remove, bool move)
{
	char path[64], other[64];
	struct dirent *entry;
	int read = 0, number;
	DIR *dir;

	OK(mkdir("d", 0755));
	fill("d", 1000);
	dir = open_dir("d");
	memset(seen, 0, sizeof(seen));
	while ((entry = next(dir))) {
		if ((number = number_of(entry)) >= 0)
			seen[number]++;
		if (++read > 900 || read % 3)
			continue;
		snprintf(path, sizeof(path), "d/entry%d", 500 + read / 3);
		snprintf(other, sizeof(other), "d/entry%d", 1500 + read / 3);
		if (add)
			closed(created(other, 0644));
		if (remove)
			OK(unlink(path));
		if (move)
			OK(rename(path, other));
	}
	closedir(dir);
	expect_each(0, 501, 1);
	expect_each(801, 1000, 1);
	if (add)
		expect_each(501, 801, 1);
	for (int i = 501; i < 801; i++)
		HOLDS(seen[i] <= 1, "entry%d was seen %d times", i, seen[i]);
	for (int i = 1500; i < NAMES; i++)
		HOLDS(seen[i] <= 1, "entry%d was seen %d times", i, seen[i]);
	EQ(entries("d"), 1000 + (add ? 300 : 0) - (remove ? 300 : 0));
}

static void add_while_reading(void)
{
	change_while_reading(true, false, false);
}

static void remove_while_reading(void)
{
	change_while_reading(false, true, false);
}

static void rename_while_reading(void)
{
	change_while_reading(false, false, true);
}

static void small_buffers(void)
{
	char buffer[2048];
	int fd;

	OK(mkdir("d", 0755));
	fill("d", 100);
	fd = opened("d", O_RDONLY | O_DIRECTORY);
	FAILS(syscall(SYS_getdents64, fd, buffer, 8), EINVAL);
	for (size_t size = 64; size <= sizeof(buffer); size *= 2) {
		long len;

		OK(lseek(fd, 0, SEEK_SET));
		memset(seen, 0, sizeof(seen));
		while ((len = OK(syscall(SYS_getdents64, fd, buffer, size))) > 0)
			for (long at = 0; at < len;) {
				struct dirent64 *entry = (void *)(buffer + at);
				int number = number_of((struct dirent *)entry);

				HOLDS(entry->d_reclen >= 24, "d_reclen is %d", entry->d_reclen);
				at += entry->d_reclen;
				if (number >= 0)
					seen[number]++;
			}
		expect_each(0, 100, 1);
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
	struct dirent *entry;
	DIR *a, *b;
	int count = 0;

	OK(mkdir("d", 0755));
	fill("d", 200);
	a = open_dir("d");
	b = open_dir("d");
	for (int i = 0; i < 50; i++)
		next(a);
	scan(b);
	expect_each(0, 200, 1);
	while ((entry = next(a)))
		count++;
	EQ(count, 202 - 50);
	closedir(a);
	closedir(b);
}

static void name_lengths(void)
{
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	OK(mkdir("d", 0755));
	OK(chdir("d"));
	for (int len = 1; len <= 255; len++) {
		char name[256];

		memset(name, 'a' + len % 26, len);
		name[len] = '\0';
		closed(created(name, 0644));
	}
	memset(seen, 0, sizeof(seen));
	dir = open_dir(".");
	while ((entry = next(dir))) {
		size_t len = strlen(entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		for (size_t i = 0; i < len; i++)
			HOLDS(entry->d_name[i] == (char)('a' + len % 26), "a name of %zu bytes has a wrong byte %zu", len, i);
		seen[len]++;
		count++;
	}
	closedir(dir);
	EQ(count, 255);
	expect_each(1, 256, 1);
}

static void concurrent_makers(void)
{
	DIR *dir;

	OK(mkdir("d", 0755));
	WORKERS(4, number) {
		for (int i = 0; i < 250; i++) {
			char path[64];

			snprintf(path, sizeof(path), "d/entry%d", number * 250 + i);
			closed(created(path, 0644));
			if (i % 50 == 0)
				HOLDS(entries("d") >= 1, "the directory has no entries");
		}
	}
	dir = open_dir("d");
	scan(dir);
	closedir(dir);
	expect_each(0, 1000, 1);
}

static void holes_are_reused(void)
{
	char path[64];
	DIR *dir;

	OK(mkdir("d", 0755));
	fill("d", 500);
	for (int round = 0; round < 5; round++) {
		for (int i = round; i < 500; i += 5) {
			snprintf(path, sizeof(path), "d/entry%d", i);
			OK(unlink(path));
		}
		for (int i = round; i < 500; i += 5) {
			snprintf(path, sizeof(path), "d/entry%d", 1000 + i);
			closed(created(path, 0644));
		}
	}
	dir = open_dir("d");
	scan(dir);
	closedir(dir);
	expect_each(0, 1000, 0);
	expect_each(1000, 1500, 1);
}

static const struct check readdir_checks[] = {
	{ "readdir", "each_once", "POSIX.1-2017 readdir()", each_once },
	{ "readdir", "dots", "POSIX.1-2017 readdir(): one entry for dot, one for dot-dot", dots },
	{ "readdir", "types_and_inodes", "readdir(3), d_type, d_ino", types_and_inodes },
	{ "readdir", "positions", "POSIX.1-2017 telldir(), seekdir()", positions },
	{ "readdir", "rewinds", "POSIX.1-2017 rewinddir()", rewinds },
	{ "readdir", "delete_while_reading", "POSIX.1-2017 readdir(): entries neither added nor removed are returned",
	  delete_while_reading },
	{ "readdir", "add_while_reading", "POSIX.1-2017 readdir(), RATIONALE", add_while_reading },
	{ "readdir", "remove_while_reading", "POSIX.1-2017 readdir(), RATIONALE", remove_while_reading },
	{ "readdir", "rename_while_reading", "POSIX.1-2017 readdir(), RATIONALE", rename_while_reading },
	{ "readdir", "small_buffers", "getdents(2) EINVAL", small_buffers },
	{ "readdir", "errors", "POSIX.1-2017 opendir() ENOTDIR, ENOENT; getdents(2)", errors },
	{ "readdir", "of_removed", "getdents(2) ENOENT", of_removed },
	{ "readdir", "two_readers", "POSIX.1-2017 opendir(): each stream has its own position", two_readers },
	{ "readdir", "name_lengths", "POSIX.1-2017 readdir(); NAME_MAX", name_lengths },
	{ "readdir", "concurrent_makers", "POSIX.1-2017 readdir()", concurrent_makers },
	{ "readdir", "holes_are_reused", "POSIX.1-2017 readdir(), unlink()", holes_are_reused },
};

FAMILY(readdir);

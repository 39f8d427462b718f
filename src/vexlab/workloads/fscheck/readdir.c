// SPDX-License-Identifier: Apache-2.0
/* readdir(3), telldir(3): every entry once, as what it is, from any position. */
#include "fscheck/check.h"

static void each_once(void)
{
	static const int counts[] = { 0, 1, 2, 3, 10, 50, 100, 500, ENTRIES };
	char name[16];

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		/* Two always have room. */
		const int count = counts[i] > 2 ? names_in_directory(counts[i], strlen("entry2999")) : counts[i];
		DIR *dir;

		snprintf(name, sizeof(name), "d%d", counts[i]);
		OK(mkdir(name, 0755));
		make_entries(name, count);
		dir = open_stream(name);
		scan_entries(dir);
		closedir(dir);
		expect_seen(0, count, 1);
		expect_seen(count, ENTRIES, 0);
	}
}

static void dots(void)
{
	DIR *dir = open_stream(".");
	struct dirent *entry;
	int self = 0, parent = 0;

	OK(mkdir("d", 0755));
	closedir(dir);
	dir = open_stream("d");
	while ((entry = next_entry(dir))) {
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
	int count = 0, made = 2;
	struct dirent *entry;
	DIR *dir;

	make("file", 1, 1);
	OK(mkdir("directory", 0755));
	if (can("symlink"))
		OK(symlink("x", "link")), made++;
	if (can("fifo"))
		OK(mkfifo("fifo", 0644)), made++;
	if (can("socket"))
		OK(mknod("socket", S_IFSOCK | 0644, 0)), made++;
	if (!geteuid() && can("device_node"))
		OK(mknod("char", S_IFCHR | 0644, 0x103)), made++;
	if (can("link"))
		OK(link("file", "second")), made++;
	dir = open_stream(".");
	while ((entry = next_entry(dir))) {
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
	EQ(count, made);
}

static void positions(void)
{
	static long place[402];
	static char name[402][32];
	const int made = names_in_directory(400, strlen("entry399"));
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	OK(mkdir("d", 0755));
	make_entries("d", made);
	dir = open_stream("d");
	for (;;) {
		place[count] = telldir(dir);
		entry = next_entry(dir);
		if (!entry)
			break;
		HOLDS(count < made + 2, "more than %d entries", made + 2);
		snprintf(name[count++], sizeof(name[0]), "%.31s", entry->d_name);
	}
	EQ(count, made + 2);
	for (int i = 0; i < count; i++) {
		int at = i * 131 % count;

		seekdir(dir, place[at]);
		for (int j = at; j < at + 3 && j < count; j++) {
			entry = next_entry(dir);
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
	make_entries("d", 20);
	dir = open_stream("d");
	scan_entries(dir);
	expect_seen(0, 20, 1);
	EQ(next_entry(dir) == NULL, 1);
	OK(unlink("d/entry3"));
	closed(created("d/entry100", 0644));
	rewinddir(dir);
	scan_entries(dir);
	closedir(dir);
	expect_seen(0, 3, 1);
	expect_seen(3, 4, 0);
	expect_seen(4, 20, 1);
	expect_seen(100, 101, 1);
}

static const struct check readdir_checks[] = {
	{ "readdir", "each_once", "POSIX.1-2017 readdir()", each_once },
	{ "readdir", "dots", "POSIX.1-2017 readdir(): one entry for dot, one for dot-dot", dots },
	{ "readdir", "types_and_inodes", "readdir(3), d_type, d_ino", types_and_inodes },
	{ "readdir", "positions", "POSIX.1-2017 telldir(), seekdir()", positions },
	{ "readdir", "rewinds", "POSIX.1-2017 rewinddir()", rewinds },
};

FAMILY(readdir);

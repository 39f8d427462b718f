// SPDX-License-Identifier: Apache-2.0
/* readdir(3), getdents64(2) in a directory that changes: what was there all the time is seen once. */
#include <sys/syscall.h>

#include "fscheck/check.h"

/* rm -r: each entry is deleted as soon as it is seen, with a small buffer so that reading and deleting alternate. */
static void delete_while_reading(void)
{
	char buffer[512], path[300];
	int fd, deleted = 0;
	long len;

	OK(mkdir("d", 0755));
	make_entries("d", 1000);
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
	make_entries("d", 1000);
	dir = open_stream("d");
	memset(seen, 0, sizeof(seen));
	while ((entry = next_entry(dir))) {
		if ((number = entry_number(entry)) >= 0)
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
	expect_seen(0, 501, 1);
	expect_seen(801, 1000, 1);
	if (add)
		expect_seen(501, 801, 1);
	for (int i = 501; i < 801; i++)
		HOLDS(seen[i] <= 1, "entry%d was seen %d times", i, seen[i]);
	for (int i = 1500; i < ENTRIES; i++)
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

static const struct check readdir_changes_checks[] = {
	{ "readdir", "delete_while_reading", "POSIX.1-2017 readdir(): entries neither added nor removed are returned",
	  delete_while_reading },
	{ "readdir", "add_while_reading", "POSIX.1-2017 readdir(), RATIONALE", add_while_reading },
	{ "readdir", "remove_while_reading", "POSIX.1-2017 readdir(), RATIONALE", remove_while_reading },
	{ "readdir", "rename_while_reading", "POSIX.1-2017 readdir(), RATIONALE", rename_while_reading },
};

FAMILY(readdir_changes);

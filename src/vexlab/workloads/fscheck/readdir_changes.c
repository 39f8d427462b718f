// SPDX-License-Identifier: Apache-2.0
/* readdir(3), getdents64(2) in a directory that changes: what was there all the time is seen once. */
#include <sys/syscall.h>

#include "fscheck/check.h"

/* rm -r: each entry is deleted as soon as it is seen, with a small buffer so that reading and deleting alternate. */
static void delete_while_reading(void)
{
	const int count = names_in_directory(1000, strlen("entry999"));
	char buffer[512], path[300];
	int fd, deleted = 0;
	long len;

	OK(mkdir("d", 0755));
	make_entries("d", count);
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
	EQ(deleted, count);
	EQ(entries("d"), 0);
	OK(rmdir("d"));
}

/* As many bytes as readdir(3) asks for, which is a directory of a thousand short names. */
#define WHOLE 32768
#define PART 512

/* POSIX leaves open whether what is added or removed meanwhile is seen; all else is seen once. */
static void change_while_reading(bool add, bool remove, bool move)
{
	static char buffer[WHOLE];
	const int count = names_in_directory(1300, strlen("entry1800")) * 10 / 13, first = count / 2;
	const int changes = count * 3 / 10, behind = first + changes + 1;
	/* A directory that is small is read in small parts, so that reading and changing alternate there too. */
	const size_t room = count < 1000 ? PART : WHOLE;
	char path[64], other[64];
	int fd, read = 0, number;
	long len;

	OK(mkdir("d", 0755));
	make_entries("d", count);
	fd = opened("d", O_RDONLY | O_DIRECTORY);
	memset(seen, 0, sizeof(seen));
	while ((len = OK(syscall(SYS_getdents64, fd, buffer, room))) > 0)
		for (long at = 0; at < len;) {
			struct dirent64 *entry = (void *)(buffer + at);

			at += entry->d_reclen;
			if ((number = entry_number((struct dirent *)entry)) >= 0)
				seen[number]++;
			if (++read > 3 * changes || read % 3)
				continue;
			snprintf(path, sizeof(path), "d/entry%d", first + read / 3);
			snprintf(other, sizeof(other), "d/entry%d", 1500 + read / 3);
			if (add)
				closed(created(other, 0644));
			if (remove)
				OK(unlink(path));
			if (move)
				OK(rename(path, other));
		}
	closed(fd);
	expect_seen(0, first + 1, 1);
	expect_seen(behind, count, 1);
	if (add)
		expect_seen(first + 1, behind, 1);
	for (int i = first + 1; i < behind; i++)
		HOLDS(seen[i] <= 1, "entry%d was seen %d times", i, seen[i]);
	for (int i = 1500; i < ENTRIES; i++)
		HOLDS(seen[i] <= 1, "entry%d was seen %d times", i, seen[i]);
	EQ(entries("d"), count + (add ? changes : 0) - (remove ? changes : 0));
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

// SPDX-License-Identifier: Apache-2.0
/* Directories with numbered entries, and how often a reader sees each. */
#include "fscheck/check.h"

unsigned char seen[ENTRIES];

void make_entries(const char *dir, int count)
{
	char path[64];

	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/entry%d", dir, i);
		closed(created(path, 0644));
	}
}

struct dirent *next_entry(DIR *dir)
{
	struct dirent *entry;

	errno = 0;
	entry = readdir(dir);
	if (!entry && errno)
		report(FAIL, errno, "readdir: expected success, got %s", errno_name(errno));
	return entry;
}

int entry_number(const struct dirent *entry)
{
	int number = -1;

	if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
		return -1;
	if (sscanf(entry->d_name, "entry%d", &number) != 1 || number < 0 || number >= ENTRIES)
		fail("readdir: a name that nobody made: \"%.255s\"", entry->d_name);
	return number;
}

DIR *open_stream(const char *path)
{
	DIR *dir = opendir(path);

	if (!dir)
		report(FAIL, errno, "opendir: expected success, got %s", errno_name(errno));
	return dir;
}

void scan_entries(DIR *dir)
{
	struct dirent *entry;
	int number;

	memset(seen, 0, sizeof(seen));
	while ((entry = next_entry(dir)))
		if ((number = entry_number(entry)) >= 0)
			seen[number]++;
}

void expect_seen(int from, int to, int times)
{
	asserted();
	for (int i = from; i < to; i++)
		if (seen[i] != times)
			fail("entry%d: expected %d time(s), got %d", i, times, seen[i]);
}

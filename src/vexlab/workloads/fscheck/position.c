// SPDX-License-Identifier: Apache-2.0
/* Positions in a directory: any number may be asked for, and what stands there may have changed since it was told. */
#include <sys/syscall.h>

#include "fscheck/check.h"

#define NAMES 400 /* at most */
#define BUFFER 32768
#define FEW 128 /* bytes that a few short entries take */

struct entry {
	off_t position; /* where reading goes on behind it */
	char name[256];
};

/* How many are there. */
static int fill(void)
{
	const int count = names_in_directory(NAMES, strlen("entry399"));
	char path[64];

	OK(mkdir("d", 0755));
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "d/entry%03d", i);
		closed(created(path, 0644));
	}
	return count;
}

static int number_of(const char *name, const char *format, int most)
{
	int number = -1, used = 0;

	return sscanf(name, format, &number, &used) == 1 && !name[used] && number >= 0 && number < most ? number : -1;
}

static bool a_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Where names are not kept as they were given a file may have another one beside: FAT's short names, amid the long. */
static bool another_name(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "d/%s", name);
	return profile_state("exact_names") == REFUSED_CLEANLY && !access(path, F_OK);
}

/* Every entry of a directory that nobody changes, in order. */
static int list(int fd, struct entry *entries, int room)
{
	static char buffer[BUFFER];
	int count = 0;
	long len;

	while ((len = OK(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)))) > 0)
		for (long at = 0; at < len;) {
			struct dirent64 *entry = (void *)(buffer + at);

			HOLDS(count < room, "more than %d entries", room);
			entries[count].position = entry->d_off;
			snprintf(entries[count++].name, sizeof(entries[0].name), "%s", entry->d_name);
			at += entry->d_reclen;
		}
	return count;
}

/* lseek(2) on a directory: only what telldir() gave has a meaning, and anything else must do no harm. */
static void arbitrary(void)
{
	static char buffer[BUFFER];
	unsigned long long big = 88172645463325252ULL;
	const int count = fill();
	struct stat before;
	int fd;

	before = look("d");
	fd = opened("d", O_RDONLY | O_DIRECTORY);
	for (int i = 0; i < 3000; i++) {
		off_t position = i * 7;
		long len;

		if (i >= 2000) {
			big ^= big << 13, big ^= big >> 7, big ^= big << 17; /* Marsaglia, Xorshift RNGs, 2003 */
			position = big >> (1 + i % 40);
		}
		if (lseek(fd, position, SEEK_SET) < 0) {
			HOLDS(errno == EINVAL || errno == EOVERFLOW, "lseek to %lld: %s", (long long)position,
			      errno_name(errno));
			continue;
		}
		len = syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
		HOLDS(len >= 0 || errno == EINVAL || errno == ENOENT, "getdents64 at %lld: %s", (long long)position,
		      errno_name(errno));
		for (long at = 0; at < len;) {
			struct dirent64 *entry = (void *)(buffer + at);

			HOLDS(a_dot(entry->d_name) || number_of(entry->d_name, "entry%d%n", count) >= 0 ||
				      another_name(entry->d_name),
			      "getdents64 at %lld: a name that nobody made: \"%.255s\"", (long long)position, entry->d_name);
			at += entry->d_reclen;
		}
	}
	closed(fd);
	EQ(entries("d"), count);
	EQ(look("d").st_size, before.st_size);
	closed(created("d/after", 0644));
	EQ(entries("d"), count + 1);
}

/* Removes the four entries from order[at] on, and puts a name in their room that is as long as three of them. */
static void replace_four(const struct entry *order, int at, bool *gone, int *made)
{
	static const char rest[] = "-in-the-room-of-some-that-went";
	const int start = strlen("longer000");
	char path[300];

	for (int i = at; i < at + 4; i++) {
		int number = number_of(order[i].name, "entry%d%n", NAMES);

		if (number < 0 || gone[number])
			continue;
		snprintf(path, sizeof(path), "d/%s", order[i].name);
		OK(unlink(path));
		gone[number] = true;
	}
	snprintf(path, sizeof(path), "d/longer%03d%.*s", (*made)++, name_padding(strlen(rest), start), rest);
	closed(created(path, 0644));
}

/*
 * While a reader stands between two entries, those around the place are removed and a longer name takes their room: it
 * lies over the very position at which reading goes on. What was there all the time must be seen once.
 */
static void reused_room(void)
{
	static struct entry order[NAMES + 2];
	static unsigned char seen[NAMES];
	static bool gone[NAMES];
	static char last[256], buffer[sizeof(struct dirent64)];
	const int count = fill();
	int fd, made = 0;
	long len;

	/* So few are read at once that nobody stands between them. */
	if (count < 40)
		need_room("dir_entries", NAMES);
	fd = opened("d", O_RDONLY | O_DIRECTORY);
	EQ(list(fd, order, count + 2), count + 2);
	memset(seen, 0, sizeof(seen));
	memset(gone, 0, sizeof(gone));
	OK(lseek(fd, 0, SEEK_SET));
	for (int step = 0; (len = OK(syscall(SYS_getdents64, fd, buffer, FEW))) > 0; step++) {
		int place = 0;

		HOLDS(step < 3 * count, "reading a few entries at a time does not end");
		for (long at = 0; at < len;) {
			struct dirent64 *entry = (void *)(buffer + at);
			int number = number_of(entry->d_name, "entry%d%n", NAMES);

			snprintf(last, sizeof(last), "%s", entry->d_name);
			at += entry->d_reclen;
			if (number >= 0)
				seen[number]++;
			else if (!a_dot(last) && strncmp(last, "longer", 6) && !another_name(last))
				fail("a name that nobody made: \"%.255s\"", last);
		}
		while (place < count + 2 && strcmp(order[place].name, last))
			place++;
		if (step % 3 == 2 && place > 2 && place + 4 < count)
			replace_four(order, place, gone, &made);
	}
	closed(fd);
	HOLDS(made > count / 40, "only %d times was room reused", made);
	for (int i = 0; i < count; i++) {
		HOLDS(seen[i] <= 1, "entry%03d was seen %d times", i, seen[i]);
		HOLDS(seen[i] || gone[i], "entry%03d was there all the time and was not seen", i);
	}
}

static const struct check position_checks[] = {
	{ "position", "arbitrary", "lseek(2); getdents(2); POSIX.1-2017 seekdir(): else unspecified", arbitrary },
	{ "position", "reused_room", "POSIX.1-2017 readdir(): entries neither added nor removed are returned", reused_room },
};

FAMILY(position);

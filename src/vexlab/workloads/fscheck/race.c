// SPDX-License-Identifier: Apache-2.0
/* Several processes at once: what they leave must be what each of them was told. */
#include <sys/xattr.h>

#include "fscheck/check.h"

/* Of several processes, one at a time may be told that it did it. */
static void create_unlink(void)
{
	long *balance = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char name[16];

	WORKERS(4, number) {
		uint64_t state = number;

		for (int i = 0; i < 400; i++) {
			int which = random_below(&state, 5), fd;

			snprintf(name, sizeof(name), "f%d", which);
			if (random_below(&state, 2)) {
				fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
				HOLDS(fd >= 0 || errno == EEXIST, "open: expected EEXIST, got %s", errno_name(errno));
				if (fd < 0)
					continue;
				close(fd);
				__atomic_add_fetch(&balance[which], 1, __ATOMIC_SEQ_CST);
			} else if (!unlink(name)) {
				__atomic_sub_fetch(&balance[which], 1, __ATOMIC_SEQ_CST);
			} else {
				EQ(errno, ENOENT);
			}
		}
	}
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		EQ(!access(name, F_OK), balance[i]);
		EQ(has_entry(".", name), balance[i]);
	}
}

/* Without RENAME_NOREPLACE: each process moves files to names that nobody but it makes, and that are free. */
static void move_to_own_names(int number)
{
	uint64_t state = number + 100;
	char from[16], to[16];

	for (int i = 0; i < 600; i++) {
		const int which = random_below(&state, 16), whose = random_below(&state, 4);

		if (which < 8)
			snprintf(from, sizeof(from), "%sf%d", i & 1 ? "d/" : "", which);
		else
			snprintf(from, sizeof(from), "%sw%d.%d", i & 1 ? "d/" : "", whose, which - 8);
		snprintf(to, sizeof(to), "%sw%d.%d", i & 2 ? "d/" : "", number, (int)random_below(&state, 8));
		if (!access(to, F_OK))
			continue;
		if (rename(from, to))
			EQ(errno, ENOENT);
	}
}

/* A file with as many bytes as say which it is. */
static void expect_one_of(const char *name)
{
	struct stat st;

	if (lstat(name, &st))
		return;
	HOLDS(st.st_nlink == 1, "%s has %lu links", name, (unsigned long)st.st_nlink);
	expect_made(name, st.st_size, st.st_size - 100);
}

static void renames(void)
{
	const bool noreplace = can("rename_noreplace");
	char name[16];

	if (!noreplace)
		need("rename");
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make(name, 100 + i, i);
	}
	OK(mkdir("d", 0755));
	WORKERS(4, number) {
		uint64_t state = number + 100;
		char from[16], to[16];

		if (!noreplace)
			move_to_own_names(number);
		for (int i = 0; noreplace && i < 300; i++) {
			snprintf(from, sizeof(from), "%sf%d", i & 1 ? "d/" : "", (int)random_below(&state, 8));
			snprintf(to, sizeof(to), "%sf%d", i & 2 ? "d/" : "", 8 + (int)random_below(&state, 8));
			if (renameat2(AT_FDCWD, random_below(&state, 2) ? from : to, AT_FDCWD,
				      random_below(&state, 2) ? to : from, RENAME_NOREPLACE))
				HOLDS(errno == ENOENT || errno == EEXIST || errno == EINVAL,
				      "renameat2: expected ENOENT or EEXIST, got %s", errno_name(errno));
		}
	}
	/* Nothing may be lost: no rename replaces. */
	EQ(entries(".") - 1 + entries("d"), 8);
	for (int in = 0; in < 2; in++) {
		const char *where = in ? "d/" : "";

		for (int i = 0; i < 16; i++) {
			snprintf(name, sizeof(name), "%sf%d", where, i);
			expect_one_of(name);
		}
		for (int i = 0; i < 4 * 8; i++) {
			snprintf(name, sizeof(name), "%sw%d.%d", where, i / 8, i % 8);
			expect_one_of(name);
		}
	}
}

static void links(void)
{
	make("f", 100, 1);
	WORKERS(4, number) {
		char name[16];

		for (int i = 0; i < 200; i++) {
			snprintf(name, sizeof(name), "l%d.%d", number, i % 5);
			OK(link("f", name));
			OK(unlink(name));
		}
		snprintf(name, sizeof(name), "stay%d", number);
		OK(link("f", name));
	}
	EQ(look("f").st_nlink, 5);
	EQ(entries("."), 5);
	expect_made("f", 100, 1);
}

static void directory_renames(void)
{
	need("rename_directory");
	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	OK(mkdir("a/x", 0755));
	make("a/x/f", 10, 1);
	WORKERS(4, number) {
		for (int i = 0; i < 200; i++) {
			struct stat st;

			if (rename(number & 1 ? "a/x" : "b/x", number & 1 ? "b/x" : "a/x"))
				HOLDS(errno == ENOENT || errno == ENOTEMPTY || errno == EEXIST,
				      "rename: expected ENOENT, got %s", errno_name(errno));
			if (number == 3 && stat("a/x/../../b", &st))
				EQ(errno, ENOENT);
		}
	}
	EQ(entries("a") + entries("b"), 1);
	if (keeps_dir_links())
		EQ(look("a").st_nlink + look("b").st_nlink, 5);
	expect_made(entries("a") ? "a/x/f" : "b/x/f", 10, 1);
	EQ(look(entries("a") ? "a/x/.." : "b/x/..").st_ino, look(entries("a") ? "a" : "b").st_ino);
}

static void cut_and_write(void)
{
	const long most = profile_within("file_size", 105000) - 5000;
	unsigned char *got = malloc(200000);
	int fd = created("f", 0644);

	need("truncate_up");
	need("truncate_down");
	/* One process cuts, others write bytes of one value each: no other byte but zero may ever be read. */
	WORKERS(4, number) {
		unsigned char data[5000];
		uint64_t state = number;
		ssize_t len;

		memset(data, 'A' + number, sizeof(data));
		for (int i = 0; i < 150; i++) {
			if (number == 0)
				OK(ftruncate(fd, random_below(&state, most)));
			else if (number < 3)
				EQ(OK(pwrite(fd, data, sizeof(data), random_below(&state, most))), sizeof(data));
			else if ((len = OK(pread(fd, got, 200000, 0))) > 0)
				for (ssize_t j = 0; j < len; j++)
					HOLDS(!got[j] || got[j] == 'B' || got[j] == 'C', "byte %zd: nobody wrote 0x%02x", j,
					      got[j]);
		}
	}
	forget(fd);
	ssize_t len = OK(pread(fd, got, 200000, 0));

	EQ(look_fd(fd).st_size, len);
	for (ssize_t j = 0; j < len; j++)
		HOLDS(!got[j] || got[j] == 'B' || got[j] == 'C', "byte %zd: nobody wrote 0x%02x", j, got[j]);
	closed(fd);
}

static void open_while_unlinked(void)
{
	WORKERS(4, number) {
		for (int i = 0; i < 300; i++) {
			int fd;

			if (number < 2) {
				fd = open("f", O_CREAT | O_RDWR, 0644);
				HOLDS(fd >= 0, "open with O_CREAT: %s", errno_name(errno));
				EQ(OK(pwrite(fd, "data", 4, 0)), 4);
				EQ(look_fd(fd).st_size, 4);
				HOLDS(look_fd(fd).st_nlink <= 1, "the link count is %lu",
				      (unsigned long)look_fd(fd).st_nlink);
				closed(fd);
			} else if (unlink("f")) {
				EQ(errno, ENOENT);
			}
		}
	}
	EQ(entries("."), !access("f", F_OK));
}

static void write_disjoint(void)
{
	const off_t count = profile_within("file_size", 160 * 1500) / 1500;
	int fd = created("f", 0644);

	WORKERS(4, number) {
		unsigned char data[1500];

		for (off_t i = number; i < count; i += 4) {
			pattern(data, sizeof(data), i * 1500, 9);
			EQ(OK(pwrite(fd, data, sizeof(data), i * 1500)), 1500);
		}
	}
	EQ(look_fd(fd).st_size, count * 1500);
	expect_pattern(fd, 0, count * 1500, 9);
	forget(fd);
	expect_pattern(fd, 0, count * 1500, 9);
	closed(fd);
}

/* Two set and remove attributes, two list and read them: nobody may see one half set. */
static void attributes(void)
{
	make("f", 10, 1);
	if (setxattr("f", "user.kept", "kept", 4, 0) && errno == EOPNOTSUPP)
		skip("no user attributes");
	WORKERS(4, number) {
		static char value[1500], list[4096], name[32];
		uint64_t state = number;

		for (int i = 0; i < 3000; i++) {
			size_t size = random_below(&state, 300);
			ssize_t len;

			snprintf(name, sizeof(name), "user.of-%d-%d", number, (int)random_below(&state, 6));
			if (number < 2) {
				memset(value, 'a' + number, size);
				if (random_below(&state, 3))
					OK(setxattr("f", name, value, size, 0));
				else if (removexattr("f", name))
					EQ(errno, ENODATA);
				continue;
			}
			len = OK(listxattr("f", list, sizeof(list)));
			for (char *at = list; at < list + len; at += strlen(at) + 1)
				HOLDS(!strcmp(at, "user.kept") || !strncmp(at, "user.of-", 8) || strncmp(at, "user.", 5),
				      "listxattr: a name that nobody set: \"%.100s\"", at);
			EQ(OK(getxattr("f", "user.kept", value, sizeof(value))), 4);
			BYTES(value, "kept", 4);
		}
	}
}

static const struct check race_checks[] = {
	{ "race", "create_unlink", "POSIX.1-2017 open() O_EXCL, unlink(): atomic", create_unlink },
	{ "race", "renames", "POSIX.1-2017 rename(); renameat2(2), RENAME_NOREPLACE: atomic", renames },
	{ "race", "links", "POSIX.1-2017 link(): the link count is atomic", links },
	{ "race", "directory_renames", "POSIX.1-2017 rename(): atomic", directory_renames },
	{ "race", "cut_and_write", "POSIX.1-2017 ftruncate(), write()", cut_and_write },
	{ "race", "open_while_unlinked", "POSIX.1-2017 open(), unlink()", open_while_unlinked },
	{ "race", "attributes", "setxattr(2), listxattr(2), getxattr(2)", attributes },
	{ "race", "write_disjoint", "POSIX.1-2017 pwrite()", write_disjoint },
};

FAMILY(race);

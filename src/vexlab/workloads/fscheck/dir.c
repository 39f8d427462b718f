// SPDX-License-Identifier: Apache-2.0
/* mkdir(2), rmdir(2). */
#include "fscheck/check.h"

static void makes(void)
{
	bool counted = keeps_dir_links();
	struct timespec floor;
	nlink_t here;
	struct stat st;

	here = look(".").st_nlink;
	aged(".");
	floor = clock_floor();
	OK(mkdir("d", 0775));
	st = look("d");
	EQ(S_ISDIR(st.st_mode), 1);
	EQ(st.st_mode & 0777, 0755);
	EQ(st.st_uid, geteuid());
	EQ(entries("d"), 0);
	expect_recent("the parent's mtime", look(".").st_mtim, floor);
	expect_changed("the parent's ctime", look(".").st_ctim, floor);
	expect_recent("the new directory's mtime", st.st_mtim, floor);
	if (counted) {
		EQ(st.st_nlink, 2);
		EQ(look(".").st_nlink, here + 1);
	}
	EQ(look("d/.").st_ino, st.st_ino);
	EQ(look("d/..").st_ino, look(".").st_ino);
	OK(mkdir("e/", 0700));
	EQ(entries("."), 2);
}

static void link_counts(void)
{
	nlink_t here = look(".").st_nlink;

	if (!keeps_dir_links())
		report(REFUSED, 0, "a directory's link count is always 1 here");
	OK(mkdir("d", 0755));
	for (int i = 0; i < 40; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d/%d", i);
		OK(mkdir(name, 0755));
		EQ(look("d").st_nlink, 3 + i);
		snprintf(name, sizeof(name), "d/f%d", i);
		make(name, 0, 1);
		EQ(look("d").st_nlink, 3 + i);
	}
	for (int i = 0; i < 40; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d/%d", i);
		OK(rmdir(name));
		EQ(look("d").st_nlink, 41 - i);
	}
	EQ(look(".").st_nlink, here + 1);
}

static void make_errors(void)
{
	make("f", 1, 1);
	OK(mkdir("d", 0755));
	FAILS(mkdir("d", 0755), EEXIST);
	FAILS(mkdir("f", 0755), EEXIST);
	FAILS(mkdir("missing/d", 0755), ENOENT);
	FAILS(mkdir("", 0755), ENOENT);
	FAILS(mkdir("f/d", 0755), ENOTDIR);
	FAILS(mkdir(".", 0755), EEXIST);
	FAILS(mkdir("d/..", 0755), EEXIST);
	EQ(entries("."), 2);
	EQ(entries("d"), 0);
}

static void remove_errors(void)
{
	make("f", 1, 1);
	OK(mkdir("d", 0755));
	make("d/g", 1, 1);
	FAILS(rmdir("d"), ENOTEMPTY, EEXIST);
	FAILS(rmdir("f"), ENOTDIR);
	FAILS(rmdir("missing"), ENOENT);
	FAILS(rmdir("f/d"), ENOTDIR);
	FAILS(rmdir("d/."), EINVAL);
	FAILS(rmdir("d/.."), ENOTEMPTY, EEXIST, EINVAL, EBUSY);
	FAILS(rmdir("."), EINVAL);
	OK(mkdir("d/e", 0755));
	OK(unlink("d/g"));
	FAILS(rmdir("d"), ENOTEMPTY, EEXIST);
	OK(rmdir("d/e"));
	OK(rmdir("d"));
	expect_missing("d");
	EQ(entries("."), 1);
}

static void removes(void)
{
	struct timespec floor;

	OK(mkdir("p", 0755));
	OK(mkdir("p/d", 0755));
	aged("p");
	floor = clock_floor();
	OK(rmdir("p/d"));
	expect_recent("the parent's mtime", look("p").st_mtim, floor);
	expect_changed("the parent's ctime", look("p").st_ctim, floor);
	expect_missing("p/d");
	EQ(has_entry("p", "d"), 0);
	OK(mkdir("p/d", 0711));
	EQ(entries("p/d"), 0);
	expect_mode("p/d", 0711);
}

#define LONG_NAMES 300

static const char *long_name(int number)
{
	static const char text[] = "a-rather-long-name-";
	const int digits = 3;
	static char name[64];

	snprintf(name, sizeof(name), "d/%.*s%d", (int)name_bytes(strlen(text) + digits) - digits, text, number);
	return name;
}

/* Whichever one of many names is left, in whichever block: the directory is not empty; and without it, it is. */
static void one_left(void)
{
	const int count = names_in_directory(LONG_NAMES, strlen(long_name(LONG_NAMES - 1)) - strlen("d/"));
	const int left[] = { 0, count * 7 / 30, count / 2, count * 11 / 15, count - 1 };

	OK(mkdir("empty", 0755));
	for (size_t n = 0; n < ARRAY_SIZE(left); n++) {
		OK(mkdir("d", 0755));
		for (int i = 0; i < count; i++)
			make(long_name(i), 0, 1);
		FAILS(rmdir("d"), ENOTEMPTY, EEXIST);
		for (int i = count - 1; i >= 0; i--)
			if (i != left[n])
				OK(unlink(long_name(i)));
		FAILS(rmdir("d"), ENOTEMPTY, EEXIST);
		if (can("rename_directory"))
			FAILS(rename("empty", "d"), ENOTEMPTY, EEXIST);
		EQ(entries("d"), 1);
		OK(unlink(long_name(left[n])));
		EQ(entries("d"), 0);
		OK(rmdir("d"));
	}
	OK(mkdir("d", 0755));
	EQ(entries("d"), 0);
	expect_missing(long_name(5));
}

static void removed_while_used(void)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	OK(mkdir("d", 0755));
	fd = opened("d", O_RDONLY | O_DIRECTORY);
	OK(chdir("d"));
	OK(rmdir("../d"));
	if (keeps_dir_links())
		EQ(look_fd(fd).st_nlink, 0);
	EQ(getcwd(path, sizeof(path)) == NULL, 1);
	EQ(errno, ENOENT);
	FAILS(mkdir("x", 0755), ENOENT);
	FAILS(open("f", O_CREAT | O_RDWR, 0644), ENOENT);
	FAILS(stat("f", &st), ENOENT);
	OK(stat(".", &st));
	closed(fd);
}

static void denied(void)
{
	OK(mkdir("d", 0755));
	OK(mkdir("d/e", 0777));
	AS(USER_A, GROUP_A) {
		FAILS(mkdir("d/x", 0755), EACCES);
		FAILS(rmdir("d/e"), EACCES);
	}
	EQ(entries("d"), 1);
}

static void many_subdirectories(void)
{
	const int count = names_in_directory(600, strlen("d599"));
	char name[16];
	nlink_t links;

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		OK(mkdir(name, 0755));
	}
	links = look(".").st_nlink;
	HOLDS(links == (nlink_t)count + 2 || links == 1,
	      "%d directories: expected %d links (or 1: not counted), got %lu", count, count + 2, (unsigned long)links);
	EQ(entries("."), count);
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "d%d/..", i);
		EQ(look(name).st_ino, look(".").st_ino);
	}
}

/* More blocks than one transaction may give up at once. Links take no inodes; without them it is done with files. */
static void of_many_blocks(void)
{
	const int count = 1500, zeros = name_padding(235, strlen("1499-"));
	const bool links = can("link") && profile_within("link_max", count + 1) == count + 1;
	char name[260];

	need_room("dir_entries", count);
	OK(mkdir("d", 0755));
	closed(created("f", 0644));
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "d/%04d-%0*d", i, zeros, 0);
		if (links)
			OK(link("f", name));
		else
			closed(created(name, 0644));
	}
	EQ(look("f").st_nlink, links ? count + 1 : 1);
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "d/%04d-%0*d", i, zeros, 0);
		OK(unlink(name));
	}
	EQ(look("f").st_nlink, 1);
	EQ(entries("d"), 0);
	OK(rmdir("d"));
}

/* Names without end pass through a directory that stays of one size: what is gone must not stay in its index. */
static void names_pass_through(void)
{
	const int zeros = name_padding(60, strlen("passes5999-"));
	const int stay = names_in_directory(600, strlen("passes5999-") + zeros);
	char name[96];

	OK(mkdir("d", 0755));
	for (int i = 0; i < stay; i++) {
		snprintf(name, sizeof(name), "d/stays%d-%0*d", i, zeros, 0);
		closed(created(name, 0644));
	}
	for (int i = 0; i < 6000 && (i < 600 || time_left()); i++) {
		snprintf(name, sizeof(name), "d/passes%d-%0*d", i, zeros, 0);
		closed(created(name, 0644));
		OK(unlink(name));
	}
	expect_missing("d/never");
	for (int i = 0; i < stay; i++) {
		snprintf(name, sizeof(name), "d/stays%d-%0*d", i, zeros, 0);
		look(name);
	}
	EQ(entries("d"), stay);
}

/* A spool: names come and go, and take the room of those that went, also where the last block has none. */
static void first_in_first_out(void)
{
	const int zeros = name_padding(60, strlen("job5999-"));
	const int stay = names_in_directory(600, strlen("job5999-") + zeros);
	char name[96];
	off_t size = 0;
	int i;

	OK(mkdir("d", 0755));
	for (i = 0; i < 6000 && (i < 5 * stay || time_left()); i++) {
		snprintf(name, sizeof(name), "d/job%d-%0*d", i, zeros, 0);
		closed(created(name, 0644));
		if (i == stay - 1)
			size = look("d").st_size;
		if (i < stay)
			continue;
		snprintf(name, sizeof(name), "d/job%d-%0*d", i - stay, zeros, 0);
		OK(unlink(name));
	}
	EQ(entries("d"), stay);
	HOLDS(look("d").st_size <= 4 * size, "%d names took %lld bytes, and %lld after %d went and came", stay,
	      (long long)size, (long long)look("d").st_size, i - stay);
}

static void race(void)
{
	need("mkdir");
	need("rmdir");
	WORKERS(4, number) {
		for (int i = 0; i < 200; i++) {
			/* Whoever does it: it is done once, or the error says why not. */
			if (mkdir("d", 0755))
				HOLDS(errno == EEXIST, "mkdir: expected EEXIST, got %s", errno_name(errno));
			if (rmdir("d"))
				HOLDS(errno == ENOENT || errno == ENOTEMPTY, "rmdir: expected ENOENT, got %s",
				      errno_name(errno));
			if (number > 64)
				break;
		}
	}
	if (rmdir("d"))
		EQ(errno, ENOENT);
	EQ(entries("."), 0);
	if (keeps_dir_links())
		EQ(look(".").st_nlink, 2);
}

static const struct check dir_checks[] = {
	{ "dir", "makes", "POSIX.1-2017 mkdir()", makes },
	{ "dir", "link_counts", "inode(7), st_nlink; mkdir(2)", link_counts },
	{ "dir", "make_errors", "POSIX.1-2017 mkdir() ERRORS", make_errors },
	{ "dir", "remove_errors", "POSIX.1-2017 rmdir() ERRORS", remove_errors },
	{ "dir", "removes", "POSIX.1-2017 rmdir()", removes },
	{ "dir", "one_left", "POSIX.1-2017 rmdir(), rename(): only an empty directory", one_left },
	{ "dir", "removed_while_used", "POSIX.1-2017 rmdir(); getcwd(3) ENOENT", removed_while_used },
	{ "dir", "denied", "POSIX.1-2017 mkdir(), rmdir() EACCES", denied },
	{ "dir", "many_subdirectories", "POSIX.1-2017 mkdir(); LINK_MAX", many_subdirectories },
	{ "dir", "of_many_blocks", "POSIX.1-2017 link(), unlink(), rmdir()", of_many_blocks },
	{ "dir", "names_pass_through", "POSIX.1-2017 open() O_CREAT, unlink()", names_pass_through },
	{ "dir", "first_in_first_out", "POSIX.1-2017 open(), unlink()", first_in_first_out },
	{ "dir", "race", "POSIX.1-2017 mkdir(), rmdir()", race },
};

FAMILY(dir);

// SPDX-License-Identifier: Apache-2.0
/* rename(2). */
#include "fscheck/check.h"

static void simple(void)
{
	struct stat before;

	make("a", 3000, 1);
	before = look("a");
	OK(rename("a", "b"));
	expect_missing("a");
	EQ(look("b").st_ino, before.st_ino);
	EQ(look("b").st_nlink, 1);
	EQ(same_time(look("b").st_mtim, before.st_mtim), 1);
	expect_made("b", 3000, 1);
	EQ(entries("."), 1);
}

static void replaces(void)
{
	int fd;

	make("a", 3000, 1);
	make("b", 6000, 2);
	fd = opened("b", O_RDONLY);
	OK(rename("a", "b"));
	expect_missing("a");
	expect_made("b", 3000, 1);
	EQ(look_fd(fd).st_nlink, 0);
	expect_pattern(fd, 0, 6000, 2);
	EQ(entries("."), 1);
	closed(fd);
}

static void replaces_one_of_links(void)
{
	make("a", 10, 1);
	make("b", 20, 2);
	OK(link("b", "c"));
	OK(rename("a", "b"));
	expect_made("b", 10, 1);
	expect_made("c", 20, 2);
	EQ(look("c").st_nlink, 1);
	EQ(look("b").st_nlink, 1);
}

static void same_file(void)
{
	make("a", 10, 1);
	OK(rename("a", "a"));
	expect_made("a", 10, 1);
	if (can("link")) {
		OK(link("a", "b"));
		OK(rename("a", "b"));
		EQ(look("a").st_nlink, 2);
		EQ(look("b").st_ino, look("a").st_ino);
	}
	OK(mkdir("d", 0755));
	OK(rename("d", "d"));
	EQ(entries("."), can("link") ? 3 : 2);
}

static void across_directories(void)
{
	OK(mkdir("d", 0755));
	OK(mkdir("e", 0755));
	make("d/a", 3000, 1);
	make("e/b", 10, 2);
	OK(rename("d/a", "e/b"));
	EQ(entries("d"), 0);
	EQ(entries("e"), 1);
	expect_made("e/b", 3000, 1);
	OK(rename("e/b", "c"));
	expect_made("c", 3000, 1);
	OK(rmdir("d"));
	OK(rmdir("e"));
}

static ino_t parent_of(const char *dir)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/..", dir);
	return look(path).st_ino;
}

static void directory_moves(void)
{
	bool counted = keeps_dir_links();
	nlink_t here = look(".").st_nlink;

	OK(mkdir("d", 0755));
	OK(mkdir("e", 0755));
	OK(mkdir("d/x", 0755));
	make("d/x/f", 10, 1);
	EQ(parent_of("d/x"), look("d").st_ino);
	OK(rename("d/x", "e/y"));
	EQ(parent_of("e/y"), look("e").st_ino);
	expect_made("e/y/f", 10, 1);
	expect_missing("d/x");
	if (counted) {
		EQ(look("d").st_nlink, 2);
		EQ(look("e").st_nlink, 3);
		EQ(look("e/y").st_nlink, 2);
		EQ(look(".").st_nlink, here + 2);
	}
	OK(rename("e/y", "z"));
	EQ(parent_of("z"), look(".").st_ino);
	if (counted)
		EQ(look(".").st_nlink, here + 3);
	OK(rmdir("d"));
	OK(rmdir("e"));
}

static void directory_replaces_empty(void)
{
	bool counted = keeps_dir_links();
	nlink_t here = look(".").st_nlink;
	int fd;

	OK(mkdir("d", 0755));
	OK(mkdir("d/sub", 0755));
	OK(mkdir("e", 0755));
	fd = opened("e", O_RDONLY | O_DIRECTORY);
	OK(rename("d", "e"));
	expect_missing("d");
	EQ(entries("e"), 1);
	EQ(parent_of("e/sub"), look("e").st_ino);
	if (counted) {
		EQ(look(".").st_nlink, here + 1);
		EQ(look("e").st_nlink, 3);
		EQ(look_fd(fd).st_nlink, 0);
	}
	FAILS(mkdirat(fd, "x", 0755), ENOENT);
	closed(fd);
	OK(mkdir("p", 0755));
	OK(mkdir("p/e", 0755));
	OK(rename("e", "p/e"));
	EQ(parent_of("p/e"), look("p").st_ino);
	if (counted) {
		EQ(look(".").st_nlink, here + 1);
		EQ(look("p").st_nlink, 3);
	}
}

static void directory_replaces_full(void)
{
	OK(mkdir("d", 0755));
	OK(mkdir("e", 0755));
	make("e/f", 10, 1);
	FAILS(rename("d", "e"), ENOTEMPTY, EEXIST);
	OK(mkdir("e/sub", 0755));
	FAILS(rename("e/sub", "e"), ENOTEMPTY, EEXIST);
	expect_made("e/f", 10, 1);
	EQ(entries("."), 2);
	EQ(entries("e"), 2);
}

static void mixed_types(void)
{
	make("f", 10, 1);
	OK(mkdir("d", 0755));
	FAILS(rename("f", "d"), EISDIR);
	FAILS(rename("d", "f"), ENOTDIR);
	FAILS(rename("f", "d/"), ENOTDIR, EISDIR);
	FAILS(rename("f/", "g"), ENOTDIR);
	FAILS(rename("f", "g/"), ENOTDIR);
	if (can("symlink")) {
		OK(symlink("d", "s"));
		FAILS(rename("d", "s"), ENOTDIR);
		FAILS(rename("s", "d"), EISDIR);
	}
	expect_made("f", 10, 1);
	EQ(entries("."), can("symlink") ? 3 : 2);
}

static void into_itself(void)
{
	OK(mkdir("d", 0755));
	OK(mkdir("d/e", 0755));
	OK(mkdir("d/e/f", 0755));
	FAILS(rename("d", "d/x"), EINVAL);
	FAILS(rename("d", "d/e/x"), EINVAL);
	FAILS(rename("d", "d/e/f"), EINVAL);
	EQ(entries("d/e"), 1);
	EQ(entries("."), 1);
}

static void errors(void)
{
	make("f", 10, 1);
	OK(mkdir("d", 0755));
	FAILS(rename("missing", "x"), ENOENT);
	FAILS(rename("missing", "f"), ENOENT);
	FAILS(rename("f", "missing/x"), ENOENT);
	FAILS(rename("", "x"), ENOENT);
	FAILS(rename("f", ""), ENOENT);
	FAILS(rename("f/x", "y"), ENOTDIR);
	FAILS(rename("d", "f/y"), ENOTDIR);
	FAILS(rename(".", "x"), EBUSY, EINVAL);
	FAILS(rename("d/.", "x"), EBUSY, EINVAL);
	FAILS(rename("d", "."), EBUSY, EINVAL, ENOTEMPTY, EEXIST);
	FAILS(rename("d/..", "x"), EBUSY, EINVAL);
	FAILS(rename("f", "/proc/vexlab"), EXDEV);
	EQ(entries("."), 2);
	expect_made("f", 10, 1);
}

static void times(void)
{
	struct timespec floor;

	OK(mkdir("d", 0755));
	OK(mkdir("e", 0755));
	make("d/a", 10, 1);
	aged("d/a");
	aged("d");
	aged("e");
	tick();
	floor = clock_floor();
	OK(rename("d/a", "e/b"));
	expect_marked("d", floor);
	expect_marked("e", floor);
	EQ(look("e/b").st_mtim.tv_sec, AGED);
	/* Over a name that is there, the entry leads elsewhere and no other one is made. */
	make("d/c", 20, 2);
	aged("d");
	aged("e");
	tick();
	floor = clock_floor();
	OK(rename("d/c", "e/b"));
	expect_marked("d", floor);
	expect_marked("e", floor);
}

static void of_symlink(void)
{
	char target[10];

	make("a", 10, 1);
	OK(symlink("a", "s"));
	OK(rename("s", "t"));
	EQ(OK(readlink("t", target, 10)), 1);
	expect_missing("s");
	make("b", 10, 2);
	OK(rename("b", "t"));
	expect_made("t", 10, 2);
	expect_made("a", 10, 1);
}

static void open_files_follow(void)
{
	int fd;

	make("a", 10, 1);
	fd = opened("a", O_RDWR);
	OK(rename("a", "b"));
	EQ(OK(pwrite(fd, "new", 3, 0)), 3);
	closed(fd);
	fd = opened("b", O_RDONLY);
	expect_pattern(fd, 3, 7, 1);
	closed(fd);
	EQ(look("b").st_size, 10);
}

static void rotation(void)
{
	char from[16], to[16];

	for (int round = 0; round < 60; round++) {
		for (int i = 7; i > 0; i--) {
			snprintf(from, sizeof(from), "log.%d", i - 1);
			snprintf(to, sizeof(to), "log.%d", i);
			if (round >= i)
				OK(rename(from, to));
		}
		make("log.0", 100 + round, round);
	}
	EQ(entries("."), 8);
	for (int i = 0; i < 8; i++) {
		snprintf(from, sizeof(from), "log.%d", i);
		expect_made(from, 100 + 59 - i, 59 - i);
	}
}

static void never_missing(void)
{
	pid_t writer;

	make("name", 10, 0);
	writer = background_begin();
	if (!writer) {
		for (int i = 0; i < 300; i++) {
			make("new", 10, i);
			OK(rename("new", "name"));
		}
		make("done", 1, 1);
		as_end();
	}
	while (access("done", F_OK)) {
		int fd = open("name", O_RDONLY);

		HOLDS(fd >= 0, "a name that rename replaces was missing for a moment: %s", errno_name(errno));
		EQ(look_fd(fd).st_size, 10);
		closed(fd);
		if (__atomic_load_n(&outcome->result, __ATOMIC_SEQ_CST) != PASS)
			_exit(1);
	}
	background_end(writer);
}

static void in_large_directory(void)
{
	const int len = name_bytes(200), count = names_in_directory(400, len);
	char from[32], to[300];

	for (int i = 0; i < count; i++) {
		snprintf(from, sizeof(from), "file-number-%d", i);
		put(from, from);
	}
	for (int i = 0; i < count; i += 2) {
		snprintf(from, sizeof(from), "file-number-%d", i);
		snprintf(to, sizeof(to), "%0*d", len, i);
		OK(rename(from, to));
	}
	EQ(entries("."), count);
	for (int i = 0; i < count; i++) {
		snprintf(from, sizeof(from), "file-number-%d", i);
		snprintf(to, sizeof(to), "%0*d", len, i);
		expect_text(i % 2 ? from : to, from);
		expect_missing(i % 2 ? to : from);
	}
}

static void denied(void)
{
	OK(mkdir("d", 0755));
	OK(mkdir("open", 0777));
	OK(chmod("open", 0777));
	make("d/f", 10, 1);
	make("open/g", 10, 2);
	AS(USER_A, GROUP_A) {
		FAILS(rename("d/f", "open/f"), EACCES);
		FAILS(rename("open/g", "d/g"), EACCES);
		OK(rename("open/g", "open/h"));
	}
	expect_made("d/f", 10, 1);
	expect_made("open/h", 10, 2);
}

static const struct check rename_checks[] = {
	{ "rename", "simple", "POSIX.1-2017 rename()", simple },
	{ "rename", "replaces", "POSIX.1-2017 rename(): new is removed, open files live on", replaces },
	{ "rename", "replaces_one_of_links", "POSIX.1-2017 rename()", replaces_one_of_links },
	{ "rename", "same_file", "POSIX.1-2017 rename(): two names of one file: does nothing", same_file },
	{ "rename", "across_directories", "POSIX.1-2017 rename()", across_directories },
	{ "rename", "directory_moves", "POSIX.1-2017 rename(); 4.13 Pathname Resolution, dot-dot", directory_moves },
	{ "rename", "directory_replaces_empty", "POSIX.1-2017 rename(): new directory shall be empty",
	  directory_replaces_empty },
	{ "rename", "directory_replaces_full", "POSIX.1-2017 rename() EEXIST, ENOTEMPTY", directory_replaces_full },
	{ "rename", "mixed_types", "POSIX.1-2017 rename() EISDIR, ENOTDIR", mixed_types },
	{ "rename", "into_itself", "POSIX.1-2017 rename() EINVAL", into_itself },
	{ "rename", "errors", "POSIX.1-2017 rename() ERRORS; rename(2) EBUSY", errors },
	{ "rename", "times", "POSIX.1-2017 rename(): marks both parents' mtime and ctime", times },
	{ "rename", "of_symlink", "POSIX.1-2017 rename(): works on the symbolic link", of_symlink },
	{ "rename", "open_files_follow", "POSIX.1-2017 rename()", open_files_follow },
	{ "rename", "rotation", "POSIX.1-2017 rename()", rotation },
	{ "rename", "never_missing", "POSIX.1-2017 rename(): the name stays visible throughout", never_missing },
	{ "rename", "in_large_directory", "POSIX.1-2017 rename()", in_large_directory },
	{ "rename", "denied", "POSIX.1-2017 rename() EACCES", denied },
};

FAMILY(rename);

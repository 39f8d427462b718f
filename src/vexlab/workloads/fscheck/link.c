// SPDX-License-Identifier: Apache-2.0
/* link(2): several names of one file. */
#include "fscheck/check.h"

static void two_names(void)
{
	struct stat a, b;

	make("a", 5000, 1);
	OK(link("a", "b"));
	a = look("a");
	b = look("b");
	EQ(a.st_nlink, 2);
	EQ(b.st_nlink, 2);
	EQ(a.st_ino, b.st_ino);
	expect_made("b", 5000, 1);
	make("b", 300, 2);
	expect_made("a", 300, 2);
	OK(unlink("a"));
	EQ(look("b").st_nlink, 1);
	expect_made("b", 300, 2);
	expect_missing("a");
}

static void times(void)
{
	struct timespec floor;
	struct stat st;

	make("a", 10, 1);
	OK(mkdir("d", 0755));
	aged("a");
	aged("d");
	tick();
	floor = clock_floor();
	OK(link("a", "d/b"));
	st = look("a");
	expect_changed("the file's ctime", st.st_ctim, floor);
	EQ(st.st_mtim.tv_sec, AGED);
	expect_recent("the directory's mtime", look("d").st_mtim, floor);
	expect_changed("the directory's ctime", look("d").st_ctim, floor);
}

static void errors(void)
{
	make("a", 10, 1);
	make("b", 20, 2);
	OK(mkdir("d", 0755));
	FAILS(link("a", "b"), EEXIST);
	FAILS(link("a", "a"), EEXIST);
	FAILS(link("a", "d"), EEXIST);
	FAILS(link("missing", "c"), ENOENT);
	FAILS(link("a", "missing/c"), ENOENT);
	FAILS(link("a", ""), ENOENT);
	FAILS(link("a/x", "c"), ENOTDIR);
	FAILS(link("a", "b/c"), ENOTDIR);
	FAILS(link("a", "c/"), ENOENT, ENOTDIR);
	FAILS(link("d", "e"), EPERM);
	EQ(look("a").st_nlink, 1);
	expect_made("b", 20, 2);
	EQ(entries("."), 3);
}

static void to_symlink(void)
{
	make("a", 10, 1);
	OK(symlink("a", "s"));
	OK(link("s", "t"));
	EQ(S_ISLNK(look("t").st_mode), 1);
	EQ(look("s").st_nlink, 2);
	EQ(look("t").st_ino, look("s").st_ino);
	EQ(look("a").st_nlink, 1);
	OK(linkat(AT_FDCWD, "s", AT_FDCWD, "u", AT_SYMLINK_FOLLOW));
	EQ(look("u").st_ino, look("a").st_ino);
	EQ(look("a").st_nlink, 2);
	OK(symlink("nowhere", "dangling"));
	FAILS(link("a", "dangling"), EEXIST);
}

static void across_directories(void)
{
	OK(mkdir("d", 0755));
	OK(mkdir("d/e", 0755));
	make("d/a", 10, 1);
	OK(link("d/a", "d/e/b"));
	OK(link("d/e/b", "c"));
	EQ(look("c").st_nlink, 3);
	OK(unlink("d/a"));
	OK(unlink("d/e/b"));
	OK(rmdir("d/e"));
	OK(rmdir("d"));
	EQ(look("c").st_nlink, 1);
	expect_made("c", 10, 1);
}

static void to_special(void)
{
	OK(mkfifo("p", 0644));
	OK(link("p", "q"));
	EQ(look("q").st_nlink, 2);
	EQ(S_ISFIFO(look("q").st_mode), 1);
}

static void other_filesystem(void)
{
	make("a", 10, 1);
	FAILS(link("/proc/version", "v"), EXDEV);
	EQ(look("a").st_nlink, 1);
}

#define MANY 1200

static void many(void)
{
	const int most = names_in_directory(MANY, strlen("l1199"));
	char name[16];
	int made;

	need("link");
	make("f", 10, 1);
	for (made = 0; made < most; made++) {
		snprintf(name, sizeof(name), "l%d", made);
		if (link("f", name))
			break;
	}
	if (made < most) {
		HOLDS(errno == EMLINK, "link %d: expected success or EMLINK, got %s", made, errno_name(errno));
		expect_missing(name);
	}
	EQ(look("f").st_nlink, made + 1);
	EQ(entries("."), made + 1);
	for (int i = 0; i < made; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		EQ(look(name).st_nlink, made + 1 - i);
		OK(unlink(name));
	}
	EQ(look("f").st_nlink, 1);
	expect_made("f", 10, 1);
}

static void unlinked(void)
{
	char path[64];
	int fd;

	make("a", 10, 1);
	fd = opened("a", O_RDONLY);
	OK(unlink("a"));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	FAILS(linkat(AT_FDCWD, path, AT_FDCWD, "b", AT_SYMLINK_FOLLOW), ENOENT);
	EQ(look_fd(fd).st_nlink, 0);
	EQ(entries("."), 0);
	closed(fd);
}

static void denied(void)
{
	make("a", 10, 1);
	OK(mkdir("d", 0755));
	OK(mkdir("closed", 0700));
	AS(USER_A, GROUP_A) {
		FAILS(link("a", "d/b"), EACCES, EPERM);
		FAILS(link("closed/a", "b"), EACCES);
	}
	EQ(look("a").st_nlink, 1);
	EQ(entries("d"), 0);
}

static const struct check link_checks[] = {
	{ "link", "two_names", "POSIX.1-2017 link(), unlink()", two_names },
	{ "link", "times", "POSIX.1-2017 link(): the file's ctime, the directory's mtime and ctime", times },
	{ "link", "errors", "POSIX.1-2017 link() ERRORS", errors },
	{ "link", "to_symlink", "POSIX.1-2017 linkat(), AT_SYMLINK_FOLLOW", to_symlink },
	{ "link", "across_directories", "POSIX.1-2017 link()", across_directories },
	{ "link", "to_special", "POSIX.1-2017 link()", to_special },
	{ "link", "other_filesystem", "POSIX.1-2017 link() EXDEV", other_filesystem },
	{ "link", "many", "POSIX.1-2017 link() EMLINK", many },
	{ "link", "unlinked", "link(2) ENOENT: a file of link count zero", unlinked },
	{ "link", "denied", "POSIX.1-2017 link() EACCES", denied },
};

FAMILY(link);

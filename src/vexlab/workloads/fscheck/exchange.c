// SPDX-License-Identifier: Apache-2.0
/* renameat2(2) and its flags. */
#include "fscheck/check.h"

#define AT AT_FDCWD

static void noreplace(void)
{
	make("a", 10, 1);
	make("b", 20, 2);
	OPTIONAL(renameat2(AT, "a", AT, "c", RENAME_NOREPLACE), EINVAL, ENOSYS);
	expect_made("c", 10, 1);
	expect_missing("a");
	FAILS(renameat2(AT, "c", AT, "b", RENAME_NOREPLACE), EEXIST);
	FAILS(renameat2(AT, "c", AT, "c", RENAME_NOREPLACE), EEXIST);
	OK(mkdir("d", 0755));
	OK(mkdir("e", 0755));
	FAILS(renameat2(AT, "d", AT, "e", RENAME_NOREPLACE), EEXIST);
	if (can("symlink")) {
		OK(symlink("nowhere", "s"));
		FAILS(renameat2(AT, "c", AT, "s", RENAME_NOREPLACE), EEXIST);
	}
	expect_made("b", 20, 2);
	expect_made("c", 10, 1);
	OK(renameat2(AT, "c", AT, "d/c", RENAME_NOREPLACE));
	expect_made("d/c", 10, 1);
}

static void files(void)
{
	struct stat a, b;

	make("a", 10, 1);
	make("b", 5000, 2);
	if (can("link"))
		OK(link("a", "a2"));
	a = look("a");
	b = look("b");
	OPTIONAL(renameat2(AT, "a", AT, "b", RENAME_EXCHANGE), EINVAL, ENOSYS);
	EQ(look("a").st_ino, b.st_ino);
	EQ(look("b").st_ino, a.st_ino);
	EQ(look("b").st_nlink, can("link") ? 2 : 1);
	EQ(look("a").st_nlink, 1);
	expect_made("a", 5000, 2);
	expect_made("b", 10, 1);
	EQ(entries("."), can("link") ? 3 : 2);
	OK(renameat2(AT, "a", AT, "a", RENAME_EXCHANGE));
	expect_made("a", 5000, 2);
}

static void times_of_exchange(void)
{
	struct timespec floor;

	OK(mkdir("d", 0755));
	OK(mkdir("e", 0755));
	make("d/a", 10, 1);
	make("e/b", 20, 2);
	aged("d");
	aged("e");
	tick();
	floor = clock_floor();
	OPTIONAL(renameat2(AT, "d/a", AT, "e/b", RENAME_EXCHANGE), EINVAL, ENOSYS);
	expect_marked("d", floor);
	expect_marked("e", floor);
}

static void file_and_directory(void)
{
	bool counted = keeps_dir_links();

	OK(mkdir("p", 0755));
	OK(mkdir("q", 0755));
	make("p/f", 10, 1);
	OK(mkdir("q/d", 0755));
	make("q/d/g", 20, 2);
	OPTIONAL(renameat2(AT, "p/f", AT, "q/d", RENAME_EXCHANGE), EINVAL, ENOSYS);
	expect_made("q/d", 10, 1);
	expect_made("p/f/g", 20, 2);
	EQ(look("p/f/..").st_ino, look("p").st_ino);
	if (counted) {
		EQ(look("p").st_nlink, 3);
		EQ(look("q").st_nlink, 2);
	}
	OK(unlink("q/d"));
	OK(rmdir("q"));
}

static void directories(void)
{
	bool counted = keeps_dir_links();

	OK(mkdir("p", 0755));
	OK(mkdir("q", 0755));
	OK(mkdir("p/a", 0755));
	OK(mkdir("q/b", 0755));
	OK(mkdir("q/b/sub", 0755));
	make("p/a/f", 10, 1);
	OPTIONAL(renameat2(AT, "p/a", AT, "q/b", RENAME_EXCHANGE), EINVAL, ENOSYS);
	expect_made("q/b/f", 10, 1);
	EQ(entries("p/a"), 1);
	EQ(look("p/a/..").st_ino, look("p").st_ino);
	EQ(look("q/b/..").st_ino, look("q").st_ino);
	if (counted) {
		EQ(look("p").st_nlink, 3);
		EQ(look("q").st_nlink, 3);
		EQ(look("p/a").st_nlink, 3);
		EQ(look("q/b").st_nlink, 2);
	}
	FAILS(renameat2(AT, "p", AT, "p/a", RENAME_EXCHANGE), EINVAL);
	FAILS(renameat2(AT, "p/a", AT, "p", RENAME_EXCHANGE), EINVAL, ENOTEMPTY);
}

static void with_symlink(void)
{
	char target[10];

	make("a", 10, 1);
	OK(symlink("there", "s"));
	OPTIONAL(renameat2(AT, "a", AT, "s", RENAME_EXCHANGE), EINVAL, ENOSYS);
	EQ(OK(readlink("a", target, sizeof(target))), 5);
	BYTES(target, "there", 5);
	expect_made("s", 10, 1);
}

static void flag_errors(void)
{
	make("a", 10, 1);
	make("b", 20, 2);
	FAILS(renameat2(AT, "a", AT, "b", RENAME_EXCHANGE | RENAME_NOREPLACE), EINVAL);
	FAILS(renameat2(AT, "a", AT, "b", RENAME_EXCHANGE | RENAME_WHITEOUT), EINVAL);
	FAILS(renameat2(AT, "a", AT, "b", 1 << 10), EINVAL);
	FAILS(renameat2(AT, "a", AT, "missing", RENAME_EXCHANGE), ENOENT, EINVAL);
	FAILS(renameat2(AT, "missing", AT, "a", RENAME_EXCHANGE), ENOENT);
	expect_made("a", 10, 1);
	expect_made("b", 20, 2);
	EQ(entries("."), 2);
}

static void whiteout(void)
{
	struct stat st;

	need_root();
	make("a", 10, 1);
	OPTIONAL(renameat2(AT, "a", AT, "b", RENAME_WHITEOUT), EINVAL, ENOSYS, EPERM);
	expect_made("b", 10, 1);
	st = look("a");
	EQ(S_ISCHR(st.st_mode), 1);
	EQ(st.st_rdev, 0);
	EQ(st.st_nlink, 1);
	OK(unlink("a"));
}

static const struct check exchange_checks[] = {
	{ "rename", "noreplace", "renameat2(2), RENAME_NOREPLACE", noreplace },
	{ "rename", "exchange_files", "renameat2(2), RENAME_EXCHANGE", files },
	{ "rename", "exchange_times", "renameat2(2); POSIX.1-2017 rename(): marks both parents", times_of_exchange },
	{ "rename", "exchange_file_and_directory", "renameat2(2), RENAME_EXCHANGE: may be of different types",
	  file_and_directory },
	{ "rename", "exchange_directories", "renameat2(2), RENAME_EXCHANGE", directories },
	{ "rename", "exchange_with_symlink", "renameat2(2), RENAME_EXCHANGE", with_symlink },
	{ "rename", "flag_errors", "renameat2(2) EINVAL, ENOENT", flag_errors },
	{ "rename", "whiteout", "renameat2(2), RENAME_WHITEOUT", whiteout },
};

FAMILY(exchange);

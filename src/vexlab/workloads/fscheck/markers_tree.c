// SPDX-License-Identifier: Apache-2.0
/* Directories, and what was moved and changed in them, to be found again. */
#include "fscheck/markers.h"

void tree_make(void)
{
	for (int i = 0; i < 40; i++) {
		OK(mkdir("down", 0755));
		OK(mkdir("side", 0711));
		put("f", "here");
		OK(chdir("down"));
	}
}

void tree_verify(void)
{
	for (int i = 0; i < 40; i++) {
		EQ(entries("."), 3);
		if (keeps_dir_links())
			EQ(look(".").st_nlink, 4);
		EQ(look("side").st_mode & 07777, 0711);
		EQ(look("side/..").st_ino, look(".").st_ino);
		expect_text("f", "here");
		OK(chdir("down"));
	}
	EQ(entries("."), 0);
}

void moves_make(void)
{
	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	OK(mkdir("a/sub", 0755));
	make("a/sub/f", 1000, 1);
	OK(rename("a/sub", "b/moved"));
	make("x", 2000, 2);
	make("y", 3000, 3);
	OK(rename("x", "y"));
	make("gone", 4000, 4);
	OK(unlink("gone"));
	OK(mkdir("gonedir", 0755));
	OK(rmdir("gonedir"));
}

void moves_verify(void)
{
	EQ(entries("a"), 0);
	expect_made("b/moved/f", 1000, 1);
	EQ(look("b/moved/..").st_ino, look("b").st_ino);
	expect_made("y", 2000, 2);
	expect_missing("x");
	expect_missing("gone");
	expect_missing("gonedir");
	EQ(entries("."), 3);
	if (keeps_dir_links()) {
		EQ(look("a").st_nlink, 2);
		EQ(look("b").st_nlink, 3);
	}
}

void exchanges_make(void)
{
	OK(mkdir("a", 0755));
	OK(mkdir("b", 0755));
	OK(mkdir("a/one", 0755));
	OK(mkdir("b/two", 0755));
	make("a/one/f", 1000, 1);
	OPTIONAL(renameat2(AT_FDCWD, "a/one", AT_FDCWD, "b/two", RENAME_EXCHANGE), EINVAL, ENOSYS);
}

void exchanges_verify(void)
{
	if (!access("a/one/f", F_OK))
		report(REFUSED, EINVAL, "there is no RENAME_EXCHANGE here");
	expect_made("b/two/f", 1000, 1);
	EQ(entries("a/one"), 0);
	EQ(look("a/one/..").st_ino, look("a").st_ino);
	EQ(look("b/two/..").st_ino, look("b").st_ino);
}

static const char *const changed[] = { "creat", "link", "unlink", "mkdir", "rmdir", "symlink", "out", "in" };

/* Each directory gets an old time, and then the change that must mark it anew. */
void changed_directories_make(void)
{
	const struct timespec old[2] = { { 1000000000, 0 }, { 1000000000, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(changed); i++) {
		OK(mkdir(changed[i], 0755));
		OK(chdir(changed[i]));
		make("f", 10, 1);
		OK(mkdir("d", 0755));
		OK(chdir(".."));
	}
	make("x", 10, 1);
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++)
		OK(utimensat(AT_FDCWD, changed[i], old, 0));
	sync();
	make("creat/new", 10, 1);
	OK(link("x", "link/new"));
	OK(unlink("unlink/f"));
	OK(mkdir("mkdir/new", 0755));
	OK(rmdir("rmdir/d"));
	OK(symlink("f", "symlink/new"));
	OK(rename("out/f", "moved"));
	OK(rename("x", "in/new"));
}

void changed_directories_verify(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++)
		if (look(changed[i]).st_mtime <= 1000000000)
			fail("the directory of `%s` has its old mtime", changed[i]);
	asserted();
}

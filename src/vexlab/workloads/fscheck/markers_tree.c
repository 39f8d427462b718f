// SPDX-License-Identifier: Apache-2.0
/* Directories, and what was moved and changed in them, to be found again. */
#include "fscheck/markers.h"

/* A file and a directory, as every filesystem has them: what `fscheck readonly` must not change. */
void plain_make(void)
{
	make("f", 100, 1);
	make("page", 4096, 4);
	OK(mkdir("d", 0755));
}

void plain_verify(void)
{
	expect_made("f", 100, 1);
	expect_made("page", 4096, 4);
	EQ(entries("d"), 0);
	EQ(entries("."), 3);
}

void tree_make(void)
{
	for (int i = 0; i < profile_within("depth", 40); i++) {
		OK(mkdir("down", 0755));
		OK(mkdir("side", 0711));
		put("f", "here");
		OK(chdir("down"));
	}
}

void tree_verify(void)
{
	for (int i = 0; i < profile_within("depth", 40); i++) {
		EQ(entries("."), 3);
		if (keeps_dir_links())
			EQ(look(".").st_nlink, 4);
		expect_mode("side", 0711);
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
	if (profile_works("rename_directory"))
		OK(rename("a/sub", "b/moved"));
	make("x", 2000, 2);
	if (profile_works("rename_over"))
		make("y", 3000, 3);
	OK(rename("x", "y"));
	if (profile_works("unlink")) {
		make("gone", 4000, 4);
		OK(unlink("gone"));
	}
	if (profile_works("rmdir")) {
		OK(mkdir("gonedir", 0755));
		OK(rmdir("gonedir"));
	}
}

void moves_verify(void)
{
	bool moved = profile_works("rename_directory");

	if (moved) {
		EQ(entries("a"), 0);
		expect_made("b/moved/f", 1000, 1);
		EQ(look("b/moved/..").st_ino, look("b").st_ino);
	} else {
		expect_made("a/sub/f", 1000, 1);
	}
	expect_made("y", 2000, 2);
	expect_missing("x");
	expect_missing("gone");
	expect_missing("gonedir");
	EQ(entries("."), 3);
	if (keeps_dir_links()) {
		EQ(look("a").st_nlink, moved ? 2 : 3);
		EQ(look("b").st_nlink, moved ? 3 : 2);
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

/* How a directory is changed, each with what that needs. */
static const struct {
	const char *name;
	const char *needs;
} changed[] = {
	{ "creat", "create" }, { "link", "link" },	 { "unlink", "unlink" }, { "mkdir", "mkdir" },
	{ "rmdir", "rmdir" },  { "symlink", "symlink" }, { "out", "rename" },	 { "in", "rename" },
};

static void change(const char *name)
{
	if (!strcmp(name, "creat"))
		make("creat/new", 10, 1);
	else if (!strcmp(name, "link"))
		OK(link("x", "link/new"));
	else if (!strcmp(name, "unlink"))
		OK(unlink("unlink/f"));
	else if (!strcmp(name, "mkdir"))
		OK(mkdir("mkdir/new", 0755));
	else if (!strcmp(name, "rmdir"))
		OK(rmdir("rmdir/d"));
	else if (!strcmp(name, "symlink"))
		OK(symlink("f", "symlink/new"));
	else if (!strcmp(name, "out"))
		OK(rename("out/f", "moved"));
	else
		OK(rename("x", "in/new"));
}

/* Each directory gets an old time, and then the change that must mark it anew. */
void changed_directories_make(void)
{
	const struct timespec old[2] = { { 1000000000, 0 }, { 1000000000, 0 } };

	for (size_t i = 0; i < ARRAY_SIZE(changed); i++) {
		OK(mkdir(changed[i].name, 0755));
		OK(chdir(changed[i].name));
		make("f", 10, 1);
		OK(mkdir("d", 0755));
		OK(chdir(".."));
	}
	make("x", 10, 1);
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++)
		OK(utimensat(AT_FDCWD, changed[i].name, old, 0));
	sync();
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++)
		if (profile_works(changed[i].needs))
			change(changed[i].name);
}

void changed_directories_verify(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(changed); i++)
		if (profile_works(changed[i].needs) && look(changed[i].name).st_mtime <= 1000000000)
			fail("the directory of `%s` has its old mtime", changed[i].name);
	asserted();
}

// SPDX-License-Identifier: Apache-2.0
/* Deep trees, many files, inode numbers. */
#include "fscheck/check.h"

#define DEPTH 300

static void deep(void)
{
	const int depth = profile_within("depth", DEPTH);
	ino_t inodes[DEPTH + 1], top = look(".").st_ino;
	char name[16];

	for (int i = 0; i < depth; i++) {
		snprintf(name, sizeof(name), "level-%d", i);
		OK(mkdir(name, 0755));
		OK(chdir(name));
		inodes[i] = look(".").st_ino;
	}
	make("f", 10, 1);
	expect_made("f", 10, 1);
	for (int i = depth - 1; i >= 0; i--) {
		EQ(look(".").st_ino, inodes[i]);
		OK(chdir(".."));
	}
	EQ(look(".").st_ino, top);
	EQ(entries("."), 1);
}

static void beyond_path_max(void)
{
	const int len = name_bytes(200), depth = (25 * 201 + len) / (len + 1);
	char name[201], path[PATH_MAX];

	need_room("depth", depth);
	memset(name, 'd', len);
	name[len] = '\0';
	for (int i = 0; i < depth; i++) {
		OK(mkdir(name, 0755));
		OK(chdir(name));
	}
	put("f", "far down");
	expect_text("f", "far down");
	EQ(getcwd(path, sizeof(path)) == NULL, 1);
	HOLDS(errno == ENAMETOOLONG || errno == ERANGE, "getcwd: expected ENAMETOOLONG, got %s", errno_name(errno));
	for (int i = 0; i < depth; i++)
		OK(chdir(".."));
	EQ(entries("."), 1);
}

#define MANY 2000

static int by_value(const void *a, const void *b)
{
	ino_t x = *(const ino_t *)a, y = *(const ino_t *)b;

	return x < y ? -1 : x > y;
}

/* Where one directory does not hold them there are several: as many files as they hold, and there is room for. */
static int in_several(int each)
{
	const struct statvfs fs = filesystem();
	unsigned long room = fs.f_bavail < fs.f_favail || !fs.f_files ? fs.f_bavail : fs.f_favail;
	int count = MANY / each < each ? MANY : each * each;

	if (!can("mkdir"))
		return each;
	return room / 2 < (unsigned long)count ? (int)(room / 2) : count;
}

static const char *many_name(int each, int number)
{
	static char name[32];

	if (each == MANY)
		snprintf(name, sizeof(name), "file-%d", number);
	else
		snprintf(name, sizeof(name), "in-%d/file-%d", number / each, number);
	return name;
}

static void many_files(void)
{
	const int each = names_in_directory(MANY, strlen("file-1999"));
	const int count = each == MANY ? MANY : in_several(each);
	static ino_t inodes[MANY];
	char name[32];

	for (int i = 0; each != MANY && i < count; i += each) {
		snprintf(name, sizeof(name), "in-%d", i / each);
		OK(mkdir(name, 0755));
	}
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s", many_name(each, i));
		put(name, name);
		inodes[i] = look(name).st_ino;
	}
	EQ(entries("."), each == MANY ? MANY : (count + each - 1) / each);
	qsort(inodes, count, sizeof(*inodes), by_value);
	for (int i = 1; i < count; i++)
		HOLDS(inodes[i] != inodes[i - 1], "two files have the inode number %llu", (unsigned long long)inodes[i]);
	for (int i = 0; i < count; i += 3)
		OK(unlink(many_name(each, i)));
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "%s", many_name(each, i));
		if (i % 3)
			expect_text(name, name);
		else
			expect_missing(name);
	}
}

static void many_directories(void)
{
	char name[64];

	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		OK(mkdir(name, 0755));
		for (int j = 0; j < 15; j++) {
			snprintf(name, sizeof(name), "d%d/f%d", i, j);
			put(name, name);
		}
	}
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		EQ(entries(name), 15);
		for (int j = 0; j < 15; j++) {
			snprintf(name, sizeof(name), "d%d/f%d", i, j);
			expect_text(name, name);
		}
	}
}

static void subtree_moves(void)
{
	char name[64];

	OK(mkdir("a", 0755));
	OK(mkdir("a/b", 0755));
	OK(mkdir("a/b/c", 0755));
	OK(mkdir("x", 0755));
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "a/b/c/f%d", i);
		put(name, name);
	}
	OK(rename("a/b", "x/y"));
	EQ(entries("a"), 0);
	EQ(entries("x/y/c"), 50);
	for (int i = 0; i < 50; i++) {
		char old[64];

		snprintf(old, sizeof(old), "a/b/c/f%d", i);
		snprintf(name, sizeof(name), "x/y/c/f%d", i);
		expect_text(name, old);
	}
	EQ(look("x/y/c/../..").st_ino, look("x").st_ino);
}

static void made_and_removed_often(void)
{
	for (int round = 0; round < 40; round++) {
		char name[32];

		for (int i = 0; i < 25; i++) {
			snprintf(name, sizeof(name), "f%d", i);
			if (i % 5)
				make(name, i * 300, round);
			else
				OK(mkdir(name, 0755));
		}
		for (int i = 24; i >= 0; i--) {
			snprintf(name, sizeof(name), "f%d", i);
			if (i % 5) {
				expect_made(name, i * 300, round);
				OK(unlink(name));
			} else {
				OK(rmdir(name));
			}
		}
		EQ(entries("."), 0);
	}
}

static const struct check tree_checks[] = {
	{ "tree", "deep", "POSIX.1-2017 mkdir(), chdir(); dot-dot", deep },
	{ "tree", "beyond_path_max", "POSIX.1-2017 chdir(); getcwd(3) ENAMETOOLONG", beyond_path_max },
	{ "tree", "many_files", "POSIX.1-2017 open(); inode(7): the inode number is unique", many_files },
	{ "tree", "many_directories", "POSIX.1-2017 mkdir(), open()", many_directories },
	{ "tree", "subtree_moves", "POSIX.1-2017 rename()", subtree_moves },
	{ "tree", "made_and_removed_often", "POSIX.1-2017 mkdir(), open(), unlink(), rmdir()", made_and_removed_often },
};

FAMILY(tree);

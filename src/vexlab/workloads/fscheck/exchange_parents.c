// SPDX-License-Identifier: Apache-2.0
/*
 * Directories that change their parents: exchanged with each other and with other files, and moved over an empty one.
 * What these checks leave is for fsck: ".." on the disk and the parents' link counts.
 */
#include <sys/syscall.h>

#include "fscheck/check.h"

#define AT AT_FDCWD

/* The inode's number that a directory lists for "..". */
static ino_t listed_parent(const char *path)
{
	int fd = opened(path, O_RDONLY | O_DIRECTORY);
	char buffer[4096];
	ino_t found = 0;
	long len;

	while ((len = OK(syscall(SYS_getdents64, fd, buffer, sizeof(buffer)))) > 0)
		for (long at = 0; at < len; at += ((struct dirent64 *)(buffer + at))->d_reclen) {
			const struct dirent64 *entry = (void *)(buffer + at);

			if (!strcmp(entry->d_name, ".."))
				found = entry->d_ino;
		}
	closed(fd);
	return found;
}

/* Where ".." of a directory leads, and what is listed of it, is its parent. */
static void expect_parent(const char *path, const char *parent)
{
	const ino_t wanted = look(parent).st_ino;
	char up[PATH_MAX];

	snprintf(up, sizeof(up), "%s/..", path);
	HOLDS(look(up).st_ino == wanted, "\"%s\" leads to inode %llu, and \"%s\" is %llu", up,
	      (unsigned long long)look(up).st_ino, parent, (unsigned long long)wanted);
	HOLDS(listed_parent(path) == wanted, "\"%s\" lists \"..\" as inode %llu, and \"%s\" is %llu", path,
	      (unsigned long long)listed_parent(path), parent, (unsigned long long)wanted);
}

static bool counted;

static void expect_links(const char *path, nlink_t wanted)
{
	if (counted)
		HOLDS(look(path).st_nlink == wanted, "\"%s\": expected %lu links, got %lu", path, (unsigned long)wanted,
		      (unsigned long)look(path).st_nlink);
}

/*
 * All of it is written and forgotten, so that what follows comes from the device (proc(5), drop_caches). Once in a check:
 * a sync may take long.
 */
static void from_device(void)
{
	int fd;

	settle();
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (fd < 0)
		return;
	if (write(fd, "2", 1) < 0)
		fail("dropping the caches: %s", errno_name(errno));
	closed(fd);
}

static void exchange(const char *one, const char *two)
{
	OPTIONAL(renameat2(AT, one, AT, two, RENAME_EXCHANGE), EINVAL, ENOSYS);
}

/* p/a with two subdirectories and q/r/s/b with none, which lie at different depths. */
static void deep(void)
{
	counted = keeps_dir_links();
	OK(mkdir("p", 0755));
	OK(mkdir("p/a", 0755));
	OK(mkdir("p/a/one", 0755));
	OK(mkdir("p/a/one/below", 0755));
	OK(mkdir("p/a/two", 0755));
	make("p/a/one/below/f", 5000, 1);
	OK(mkdir("q", 0755));
	OK(mkdir("q/r", 0755));
	OK(mkdir("q/r/s", 0755));
	OK(mkdir("q/r/s/b", 0755));
	make("q/r/s/b/g", 100, 2);
	/* Three times: in the end they are exchanged, and each of them has been on both sides. */
	for (int round = 0; round < 3; round++) {
		const bool there = round % 2 == 0;

		exchange("p/a", "q/r/s/b");
		if (round == 2)
			from_device();
		expect_parent("p/a", "p");
		expect_parent("q/r/s/b", "q/r/s");
		expect_links("p", 3);
		expect_links("q/r/s", 3);
		expect_links("p/a", there ? 2 : 4);
		expect_links("q/r/s/b", there ? 4 : 2);
		expect_made(there ? "q/r/s/b/one/below/f" : "p/a/one/below/f", 5000, 1);
		expect_made(there ? "p/a/g" : "q/r/s/b/g", 100, 2);
		EQ(entries("p/a"), there ? 1 : 2);
		EQ(entries("q/r/s/b"), there ? 2 : 1);
	}
	FAILS(rmdir("q/r/s/b/one"), ENOTEMPTY, EEXIST);
	OK(rmdir("q/r/s/b/two"));
	expect_links("q/r/s/b", 3);
}

/* Empty with empty, empty with full, and where one parent is the other's: each parent has as many as before. */
static void empty(void)
{
	counted = keeps_dir_links();
	OK(mkdir("p", 0755));
	OK(mkdir("p/a", 0755));
	OK(mkdir("p/b", 0755));
	OK(mkdir("p/b/c", 0755));
	OK(mkdir("q", 0755));
	OK(mkdir("q/full", 0755));
	OK(mkdir("q/full/sub", 0755));
	exchange("p/a", "p/b/c");
	expect_parent("p/a", "p");
	expect_parent("p/b/c", "p/b");
	expect_links("p", 4);
	expect_links("p/b", 3);
	exchange("p/a", "q/full");
	expect_parent("p/a", "p");
	expect_parent("p/a/sub", "p/a");
	expect_parent("q/full", "q");
	expect_links("p", 4);
	expect_links("q", 3);
	expect_links("p/a", 3);
	expect_links("q/full", 2);
	exchange("p/a", "p/b");
	from_device();
	expect_parent("p/b/sub", "p/b");
	expect_parent("p/a/c", "p/a");
	expect_links("p", 4);
	FAILS(rmdir("p/a"), ENOTEMPTY, EEXIST);
	OK(rmdir("p/a/c"));
	OK(rmdir("p/a"));
	OK(rmdir("q/full"));
	expect_links("p", 3);
	expect_links("q", 2);
}

/* A directory with what is none: one parent gains a link, the other loses it. */
static void with_others(void)
{
	const char *others[3] = { "file" };
	size_t count = 1;

	counted = keeps_dir_links();
	OK(mkdir("p", 0755));
	OK(mkdir("q", 0755));
	make("p/file", 3000, 1);
	if (can("symlink")) {
		OK(symlink("nowhere", "p/link"));
		others[count++] = "link";
	}
	if (can("fifo")) {
		OK(mkfifo("p/pipe", 0644));
		others[count++] = "pipe";
	}
	for (size_t i = 0; i < count; i++) {
		char left[20], right[20], sub[30];

		snprintf(left, sizeof(left), "p/%s", others[i]);
		snprintf(right, sizeof(right), "q/%s", others[i]);
		snprintf(sub, sizeof(sub), "%s/sub", right);
		OK(mkdir(right, 0755));
		OK(mkdir(sub, 0755));
		for (int round = 0; round < 3; round++) {
			exchange(round % 2 ? right : left, round % 2 ? left : right);
			if (round == 2 && i == count - 1)
				from_device();
			expect_parent(round % 2 ? right : left, round % 2 ? "q" : "p");
			expect_links("p", 2 + i + !(round % 2));
			expect_links("q", 2 + round % 2);
			EQ(S_ISDIR(look(round % 2 ? left : right).st_mode), 0);
		}
		snprintf(sub, sizeof(sub), "%s/sub", left);
		expect_parent(sub, left);
		expect_links(left, 3);
	}
	expect_made("q/file", 3000, 1);
	EQ(entries("p"), count);
	EQ(entries("q"), count);
}

/* The moved directory brings its parent's link, the one that it replaces had it before. */
static void over_empty(void)
{
	counted = keeps_dir_links();
	OK(mkdir("p", 0755));
	OK(mkdir("p/a", 0755));
	OK(mkdir("p/a/sub", 0755));
	make("p/a/sub/f", 2000, 1);
	OK(mkdir("p/stays", 0755));
	OK(mkdir("q", 0755));
	OK(mkdir("q/r", 0755));
	OK(mkdir("q/r/b", 0755));
	OK(rename("p/a", "q/r/b"));
	expect_missing("p/a");
	expect_parent("q/r/b", "q/r");
	expect_parent("q/r/b/sub", "q/r/b");
	expect_links("p", 3);
	expect_links("q/r", 3);
	expect_links("q/r/b", 3);
	expect_made("q/r/b/sub/f", 2000, 1);
	/* Up again, over one that had a parent of its own, whose only subdirectory it was. */
	OK(mkdir("e", 0755));
	OK(mkdir("e/only", 0755));
	OK(rename("q/r/b", "e/only"));
	from_device();
	expect_parent("e/only", "e");
	expect_links("e", 3);
	expect_links("q/r", 2);
	FAILS(rename("p/stays", "e/only"), ENOTEMPTY, EEXIST);
	FAILS(rename("e", "e/only/sub"), EINVAL);
	OK(rmdir("q/r"));
	expect_made("e/only/sub/f", 2000, 1);
}

static const struct check exchange_parents_checks[] = {
	{ "rename", "exchange_across_depths", "renameat2(2), RENAME_EXCHANGE; inode(7), st_nlink", deep },
	{ "rename", "exchange_empty_directories", "renameat2(2), RENAME_EXCHANGE; inode(7), st_nlink", empty },
	{ "rename", "exchange_with_others", "renameat2(2), RENAME_EXCHANGE: may be of different types; inode(7), st_nlink",
	  with_others },
	{ "rename", "over_empty_elsewhere", "POSIX.1-2017 rename(): new directory shall be empty; inode(7), st_nlink",
	  over_empty },
};

FAMILY(exchange_parents);

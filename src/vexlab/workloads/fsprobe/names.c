// SPDX-License-Identifier: Apache-2.0
/* Links, and how names change. */
#include <linux/fs.h>
#include <dirent.h>

#include "fsprobe/probe.h"

#define LISTED_MOST 500

static void dir_links(void)
{
	nlink_t before = look(".").st_nlink, during, after;

	trigger("mkdir(\"d\", 0755), stat(\".\")");
	NEED(mkdir(at("d"), 0755));
	during = look(".").st_nlink;
	MUST(rmdir(at("d")));
	after = look(".").st_nlink;
	HOLDS(after == before, "it was %ju, and is %ju after a mkdir and a rmdir", (uintmax_t)before, (uintmax_t)after);
	if (during == before)
		refused(0, "it stays %ju", (uintmax_t)before);
	HOLDS(during == before + 1, "it was %ju, and is %ju after one mkdir", (uintmax_t)before, (uintmax_t)during);
	works();
}

static void link_names(void)
{
	const char *first = at("f"), *second = at("g");
	struct stat a, b;

	made(first);
	ASK(link(first, second));
	forget();
	a = look(first);
	b = look(second);
	HOLDS(a.st_ino == b.st_ino, "the names have different inodes");
	HOLDS(a.st_nlink == 2, "the link count is %ju, not 2", (uintmax_t)a.st_nlink);
	expect_file("by the new name", second, SMALL);
	MUST(unlink(first));
	expect_file("by the new name, the old one removed", second, SMALL);
	HOLDS(look(second).st_nlink == 1, "the link count is %ju, not 1", (uintmax_t)look(second).st_nlink);
	works();
}

static void symlink_holds(void)
{
	static const char target[] = "a/target that is not there";
	const char *name = at("s");
	char text[100];
	struct stat st;

	ASK(symlink(target, name));
	for (int i = 0; i < 2; i++) {
		ssize_t len = MUST(readlink(name, text, sizeof(text)));

		HOLDS(len == sizeof(target) - 1 && !memcmp(text, target, len), "it holds \"%.*s\"", (int)len, text);
		forget();
	}
	st = look(name);
	HOLDS(S_ISLNK(st.st_mode) && st.st_size == sizeof(target) - 1, "its mode is 0%o, its size %lld", st.st_mode,
	      (long long)st.st_size);
	close(created(at("f")));
	NEED(symlink(at("f"), at("t")));
	MUST(stat(at("t"), &st));
	HOLDS(st.st_ino == look(at("f")).st_ino, "it leads to another file");
	works();
}

static void unlink_open(void)
{
	const char *name = at("f"), *wrong;
	int fd = created(name);
	struct stat st;

	fill(fd, SMALL, 0, 1);
	trigger("unlink of an open file");
	ASK(unlink(name));
	expect_missing(name);
	MUST(fstat(fd, &st));
	HOLDS(!st.st_nlink, "its link count is %ju, not 0", (uintmax_t)st.st_nlink);
	HOLDS(pwrite(fd, "y", 1, 0) == 1, "it cannot be written: %s", errno_name(errno));
	wrong = differs(fd, SMALL - 1, 1, 1);
	HOLDS(!*wrong, "%s", wrong);
	MUST(close(fd));
	works();
}

static void rename_moves(void)
{
	made(at("f"));
	ASK(rename(at("f"), at("g")));
	forget();
	expect_missing(at("f"));
	expect_file("by the new name", at("g"), SMALL);
	works();
}

static void rename_over(void)
{
	made(at("f"));
	close(created(at("g")));
	ASK(rename(at("f"), at("g")));
	forget();
	expect_missing(at("f"));
	expect_file("by the new name", at("g"), SMALL);
	works();
}

static void rename_directory(void)
{
	NEED(mkdir(at("a"), 0755));
	NEED(mkdir(at("b"), 0755));
	NEED(chdir(at("a")));
	NEED(mkdir("d", 0755));
	NEED(chdir("d"));
	made("f");
	NEED(chdir("../.."));
	if (settings.flat)
		unknown("it needs directories of its own");
	ASK(rename("a/d", "b/d"));
	forget();
	expect_file("in the moved directory", "b/d/f", SMALL);
	HOLDS(!has_entry("a", "d") && has_entry("b", "d"), "it is listed where it was, or not where it is");
	HOLDS(look("b/d/..").st_ino == look("b").st_ino, "its \"..\" is not the directory that holds it");
	works();
}

static void rename_noreplace(void)
{
	made(at("f"));
	ASK(renameat2(AT_FDCWD, at("f"), AT_FDCWD, at("g"), RENAME_NOREPLACE));
	expect_missing(at("f"));
	expect_file("by the new name", at("g"), SMALL);
	close(created(at("h")));
	trigger("renameat2(\"g\", \"h\", RENAME_NOREPLACE), h exists");
	HOLDS(renameat2(AT_FDCWD, at("g"), AT_FDCWD, at("h"), RENAME_NOREPLACE) && errno == EEXIST,
	      "a file is there: expected EEXIST, got %s", errno_name(errno));
	works();
}

static void rename_exchange(void)
{
	made(at("f"));
	close(created(at("g")));
	ASK(renameat2(AT_FDCWD, at("f"), AT_FDCWD, at("g"), RENAME_EXCHANGE));
	forget();
	expect_file("the one", at("g"), SMALL);
	expect_file("the other", at("f"), 0);
	works();
}

static void rename_whiteout(void)
{
	struct stat st;

	made(at("f"));
	ASK(renameat2(AT_FDCWD, at("f"), AT_FDCWD, at("g"), RENAME_WHITEOUT));
	forget();
	expect_file("by the new name", at("g"), SMALL);
	st = look(at("f"));
	HOLDS(S_ISCHR(st.st_mode) && !st.st_rdev, "the whiteout has the mode 0%o", st.st_mode);
	works();
}

static void tmpfile_named(void)
{
	char path[64];
	int fd = ASK(open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	struct stat st;

	fill(fd, SMALL, 0, 1);
	MUST(fstat(fd, &st));
	HOLDS(!st.st_nlink, "its link count is %ju, not 0", (uintmax_t)st.st_nlink);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	trigger("linkat of an O_TMPFILE file");
	if (is_missing("link"))
		works();
	MUST(linkat(AT_FDCWD, path, AT_FDCWD, at("f"), AT_SYMLINK_FOLLOW));
	MUST(close(fd));
	forget();
	expect_file("once it has a name", at("f"), SMALL);
	works();
}

static void readdir_seek(void)
{
	char names[FEW][16], rest[LISTED_MOST][16];
	struct dirent *entry;
	int count = 0, again = 0;
	DIR *dir;
	long where;

	make_few(names);
	dir = (DIR *)NEED(opendir("."));
	trigger("telldir(dir), readdir to the end, seekdir(dir, where)");
	for (int i = 0; i < FEW / 2; i++)
		HOLDS(readdir(dir), "there are fewer than %d entries", FEW);
	where = telldir(dir);
	while ((entry = readdir(dir)) && count < LISTED_MOST)
		snprintf(rest[count++], 16, "%.15s", entry->d_name);
	seekdir(dir, where);
	while ((entry = readdir(dir)) && again < count) {
		HOLDS(!strcmp(rest[again], entry->d_name), "\"%s\" came first, then \"%.15s\"", rest[again],
		      entry->d_name);
		again++;
	}
	HOLDS(again == count && !entry, "%d entries came first, then %s%d", count, entry ? "more than " : "", again);
	works();
}

static void case_sensitive(void)
{
	close(created(at("abc")));
	trigger("open(\"ABC\"), abc exists");
	if (!settings.flat && !access("ABC", F_OK))
		refused(0, "\"ABC\" opens the file \"abc\"");
	HOLDS(has_entry(".", at("abc")), "\"abc\" is listed as another name");
	works();
}

static void symlink_modes(void)
{
	const char *name = at("s");

	NEED(symlink("target", name));
	trigger("symlink, lstat");
	for (int i = 0; i < 2; i++) {
		mode_t mode = look(name).st_mode & 0777;

		if (mode != 0777)
			refused(0, "the mode is 0%03o", mode);
		forget();
	}
	works();
}

/* Such as tables of older filesystems forbid, strip or fold, and what is no UTF-8. */
static void exact_names(void)
{
	static const char *const odd[] = {
		"dot.", "blank ", "a\\b", "a:b", "a*b", "a?b", "a\"b", "a<b", "a|b", "tab\tx", "\303\244", "a\314\210", "\377\376",
	};

	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		const char *name = at(odd[i]);

		close(ASK(open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644)));
		forget();
		if (!has_entry(".", name))
			refused(0, "the name with byte 0x%02x is listed as another one", odd[i][strlen(odd[i]) - 1] & 0xff);
	}
	works();
}

static const struct probe names_probes[] = {
	PROBE(dir_links, dir_links, .needs = "mkdir,rmdir"),
	PROBE(link, link_names, .needs = FILES ",unlink"),
	PROBE(symlink, symlink_holds, .needs = "create"),
	PROBE(symlink_modes, symlink_modes, .needs = "create,symlink"),
	PROBE(unlink_open, unlink_open, .needs = FILES ",unlink"),
	PROBE(rename, rename_moves),
	PROBE(rename_over, rename_over, .needs = FILES ",rename"),
	PROBE(rename_directory, rename_directory, .needs = FILES ",rename,mkdir"),
	PROBE(rename_noreplace, rename_noreplace, .needs = FILES ",rename"),
	PROBE(rename_exchange, rename_exchange, .needs = FILES ",rename"),
	PROBE(rename_whiteout, rename_whiteout, .needs = FILES ",rename"),
	PROBE(tmpfile, tmpfile_named),
	PROBE(readdir_seek, readdir_seek, .needs = "create,readdir"),
	PROBE(case_sensitive, case_sensitive, .needs = "create"),
	PROBE(exact_names, exact_names, .needs = "create,readdir"),
};

GROUP(names);

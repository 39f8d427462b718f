// SPDX-License-Identifier: Apache-2.0
/* Names: lengths, bytes, and such as are nearly alike. */
#include "fscheck/check.h"

#define LONGEST 255

/* Of LONGEST bytes, or of as many as the probe found. */
static size_t longest_name(void)
{
	return profile_within("name_max", LONGEST) == LONGEST ? LONGEST : profile_limit("name_max", LONGEST);
}

static void longest(void)
{
	const size_t len = longest_name();
	char name[260], other[260];

	memset(name, 'n', sizeof(name));
	name[len] = '\0';
	make(name, 10, 1);
	EQ(has_entry(".", name), 1);
	expect_made(name, 10, 1);
	memset(other, 'o', sizeof(other));
	other[len] = '\0';
	if (can("rename")) {
		OK(rename(name, other));
		expect_made(other, 10, 1);
		OK(rename(other, name));
	}
	if (can("link")) {
		OK(link(name, other));
		EQ(look(other).st_nlink, 2);
		OK(unlink(other));
	}
	OK(mkdir(other, 0755));
	OK(rmdir(other));
	if (can("symlink"))
		OK(symlink("x", other));
	else
		make(other, 20, 2);
	expect_made(name, 10, 1);
	EQ(entries("."), 2);
}

static void too_long(void)
{
	const size_t len = longest_name() + 1;
	char name[300];
	struct stat st;

	memset(name, 'n', sizeof(name));
	name[len] = '\0';
	make("f", 10, 1);
	FAILS(open(name, O_CREAT | O_RDWR, 0644), ENAMETOOLONG);
	FAILS(open(name, O_RDONLY), ENAMETOOLONG);
	FAILS(mkdir(name, 0755), ENAMETOOLONG);
	FAILS(symlink("x", name), ENAMETOOLONG);
	FAILS(link("f", name), ENAMETOOLONG);
	FAILS(rename("f", name), ENAMETOOLONG);
	FAILS(mknod(name, S_IFIFO | 0644, 0), ENAMETOOLONG);
	FAILS(unlink(name), ENAMETOOLONG);
	FAILS(rmdir(name), ENAMETOOLONG);
	FAILS(lstat(name, &st), ENAMETOOLONG);
	EQ(entries("."), 1);
}

/* Names of one length and one CRC-32C, whatever that begins with: it is linear, and theirs differ by its polynomial. */
static const char *const alike[][2] = {
	{ "ue2r43xy", "c54cvxdh" }, { "qlvw434k", "flotycs9" }, { "qmeo5att", "whdasbt4" },
};

static void same_checksum(void)
{
	const int zeros = name_padding(60, strlen("between2-199-"));
	const int between = names_in_directory(3 * 200, strlen("between2-199-") + zeros) / 3;
	char one[32], other[32], name[96];

	for (int many = 0; many < 2; many++) {
		const char *dir = many ? "many" : "few";

		OK(mkdir(dir, 0755));
		for (size_t i = 0; i < ARRAY_SIZE(alike); i++) {
			snprintf(one, sizeof(one), "%s/%s", dir, alike[i][0]);
			snprintf(other, sizeof(other), "%s/%s", dir, alike[i][1]);
			put(one, "one");
			for (int n = 0; n < (many ? between : 0); n++) {
				snprintf(name, sizeof(name), "%s/between%zu-%d-%0*d", dir, i, n, zeros, 0);
				put(name, "");
			}
			expect_missing(other);
			put(other, "other");
			expect_text(one, "one");
			expect_text(other, "other");
			OK(unlink(one));
			expect_missing(one);
			expect_text(other, "other");
			put(one, "again");
			OK(unlink(other));
			expect_missing(other);
			expect_text(one, "again");
		}
		for (size_t i = 0; i < ARRAY_SIZE(alike); i++) {
			snprintf(one, sizeof(one), "%s/%s", dir, alike[i][0]);
			expect_text(one, "again");
		}
	}
}

static void path_too_long(void)
{
	static char path[PATH_MAX + 10];
	struct stat st;

	make("f", 10, 1);
	for (int i = 0; i < PATH_MAX - 2; i += 2)
		memcpy(path + i, "./", 2);
	path[PATH_MAX - 2] = 'f';
	OK(stat(path, &st));
	memcpy(path + PATH_MAX - 2, "./f", 4);
	FAILS(stat(path, &st), ENAMETOOLONG);
	FAILS(open(path, O_CREAT | O_RDWR, 0644), ENAMETOOLONG);
	EQ(entries("."), 1);
}

static void every_byte(void)
{
	char name[2] = "", text[4];
	struct names names;
	int made = 0;

	need("exact_names");
	for (int byte = 1; byte < 256; byte++) {
		if (byte == '/' || byte == '.')
			continue;
		name[0] = byte;
		snprintf(text, sizeof(text), "%d", byte);
		put(name, text);
		made++;
	}
	OK(names_read(AT_FDCWD, ".", &names) ? 0 : -1);
	EQ(names.count, made);
	made = 0;
	for (int byte = 1; byte < 256; byte++) {
		if (byte == '/' || byte == '.')
			continue;
		name[0] = byte;
		snprintf(text, sizeof(text), "%d", byte);
		expect_text(name, text);
		HOLDS(!strcmp(names.name[made++], name), "the name of the byte %d is not listed", byte);
	}
}

static void dots(void)
{
	static const char *const names[] = { "...", "....", ".a", "..a", "a.", "a..", ".a.", "a.b", ". ", ".. ", " ." };

	need("exact_names");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		put(names[i], names[i]);
	EQ(entries("."), ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		expect_text(names[i], names[i]);
	EQ(look(".").st_ino, look("./.").st_ino);
	HOLDS(look("..").st_ino != look(".").st_ino, "dot-dot is the directory itself");
}

static void nearly_alike(void)
{
	const int len = name_bytes(LONGEST), most = names_in_directory(250, len), count = most < len ? most : len;
	/* So much of the name is put into the file. */
	const int part = len < 55 ? len : 55;
	char name[256];

	for (int i = 0; i < count; i++) {
		memset(name, 'x', len);
		name[len] = '\0';
		name[i] = 'y';
		put(name, name + len - part);
	}
	EQ(entries("."), count);
	for (int i = 0; i < count; i++) {
		memset(name, 'x', len);
		name[len] = '\0';
		name[i] = 'y';
		expect_text(name, name + len - part);
		if (i % 2)
			OK(unlink(name));
	}
	EQ(entries("."), (count + 1) / 2);
}

static void prefixes(void)
{
	const int most = names_in_directory(name_bytes(LONGEST), name_bytes(LONGEST) / 2);
	char name[256] = "";

	for (int len = 1; len <= most; len++) {
		name[len - 1] = 'p';
		make(name, len, len);
	}
	EQ(entries("."), most);
	for (int len = most; len >= 1; len--) {
		name[len] = '\0';
		expect_made(name, len, len);
		OK(unlink(name));
	}
	EQ(entries("."), 0);
}

static void case_counts(void)
{
	need("case_sensitive");
	put("name", "lower");
	put("Name", "upper");
	put("NAME", "all");
	expect_text("name", "lower");
	expect_text("Name", "upper");
	expect_text("NAME", "all");
	need("exact_names");
	put("\303\244", "composed");
	put("a\314\210", "decomposed");
	put("\377\376", "no UTF-8");
	expect_text("\303\244", "composed");
	expect_text("a\314\210", "decomposed");
	EQ(entries("."), 6);
}

static void separators(void)
{
	OK(mkdir("d", 0755));
	make("d/f", 10, 1);
	expect_made("d//f", 10, 1);
	expect_made(".//d/.//f", 10, 1);
	expect_made("d/../d/f", 10, 1);
	EQ(look("d/").st_ino, look("d").st_ino);
	EQ(look("d/.").st_ino, look("d").st_ino);
	OK(mkdir("e//", 0755));
	if (can("rename_directory"))
		OK(rename("e/", "g/"));
	OK(rmdir(can("rename_directory") ? "g/" : "e/"));
	EQ(entries("."), 1);
}

static void missing_among_many(void)
{
	const int count = names_in_directory(1000, strlen("n1998"));
	char name[32];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "n%d", i * 2);
		closed(created(name, 0644));
	}
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "n%d", i * 2 + 1);
		expect_missing(name);
		snprintf(name, sizeof(name), "n%d", i * 2);
		look(name);
	}
	expect_missing("n");
	expect_missing("n00");
}

static const struct check name_checks[] = {
	{ "name", "longest", "POSIX.1-2017 NAME_MAX; ext4(5), xfs(5): 255 bytes", longest },
	{ "name", "too_long", "POSIX.1-2017 ENAMETOOLONG", too_long },
	{ "name", "same_checksum", "POSIX.1-2017 4.13 Pathname Resolution; RFC 3720 appendix B.4, CRC-32C", same_checksum },
	{ "name", "path_too_long", "POSIX.1-2017 PATH_MAX, ENAMETOOLONG", path_too_long },
	{ "name", "every_byte", "POSIX.1-2017 3.170 Filename; path_resolution(7)", every_byte },
	{ "name", "dots", "POSIX.1-2017 3.170 Filename: only dot and dot-dot are special", dots },
	{ "name", "nearly_alike", "POSIX.1-2017 4.13 Pathname Resolution", nearly_alike },
	{ "name", "prefixes", "POSIX.1-2017 4.13 Pathname Resolution", prefixes },
	{ "name", "case_counts", "POSIX.1-2017 3.170 Filename: bytes, not letters", case_counts },
	{ "name", "separators", "POSIX.1-2017 4.13 Pathname Resolution: multiple and trailing slashes", separators },
	{ "name", "missing_among_many", "POSIX.1-2017 open() ENOENT", missing_among_many },
};

FAMILY(name);

// SPDX-License-Identifier: Apache-2.0
/* symlink(2), readlink(2). */
#include "fscheck/check.h"

static void basics(void)
{
	char target[20];
	struct stat st;

	OK(symlink("some/where", "s"));
	st = look("s");
	EQ(S_ISLNK(st.st_mode), 1);
	EQ(st.st_size, 10);
	EQ(st.st_nlink, 1);
	EQ(OK(readlink("s", target, sizeof(target))), 10);
	BYTES(target, "some/where", 10);
	EQ(has_entry(".", "s"), 1);
}

static void modes(void)
{
	need("symlink_modes");
	OK(symlink("target", "s"));
	EQ(look("s").st_mode & 0777, 0777);
	settle();
	EQ(look("s").st_mode & 0777, 0777);
}

static void lengths(void)
{
	static const int sizes[] = { 1, 2, 15, 31, 58, 59, 60, 61, 62, 63, 64, 127, 128, 155, 156, 255, 256, 511, 1000, 1023 };
	char target[PATH_MAX], got[PATH_MAX], name[16];

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
			memset(target, 'a' + i, sizes[i]);
			target[sizes[i]] = '\0';
			snprintf(name, sizeof(name), "s%d", sizes[i]);
			if (!pass)
				OK(symlink(target, name));
			EQ(look(name).st_size, sizes[i]);
			EQ(OK(readlink(name, got, sizeof(got))), sizes[i]);
			BYTES(got, target, sizes[i]);
		}
		settle();
	}
}

static void longest(void)
{
	char target[PATH_MAX + 2], got[PATH_MAX + 2];

	memset(target, 'x', sizeof(target));
	target[PATH_MAX] = '\0';
	FAILS(symlink(target, "toolong"), ENAMETOOLONG);
	expect_missing("toolong");
	target[PATH_MAX - 1] = '\0';
	need_room("symlink_max", PATH_MAX - 1);
	OPTIONAL(symlink(target, "s"), ENAMETOOLONG);
	EQ(OK(readlink("s", got, sizeof(got))), PATH_MAX - 1);
	BYTES(got, target, PATH_MAX - 1);
	EQ(look("s").st_size, PATH_MAX - 1);
}

static void errors(void)
{
	char target[10];

	make("f", 1, 1);
	OK(mkdir("d", 0755));
	OK(symlink("x", "s"));
	FAILS(symlink("", "e"), ENOENT);
	FAILS(symlink("x", ""), ENOENT);
	FAILS(symlink("x", "f"), EEXIST);
	FAILS(symlink("x", "d"), EEXIST);
	FAILS(symlink("x", "s"), EEXIST);
	FAILS(symlink("x", "missing/s"), ENOENT);
	FAILS(symlink("x", "f/s"), ENOTDIR);
	FAILS(readlink("f", target, 10), EINVAL);
	FAILS(readlink("d", target, 10), EINVAL);
	FAILS(readlink("missing", target, 10), ENOENT);
	EQ(entries("."), 3);
}

static void small_buffer(void)
{
	char target[8] = "-------";
	volatile size_t none = 0;

	OK(symlink("abcdefgh", "s"));
	EQ(OK(readlink("s", target, 3)), 3);
	BYTES(target, "abc----", 7);
	FAILS(readlink("s", target, none), EINVAL);
}

static void followed(void)
{
	struct stat st;

	OK(mkdir("d", 0755));
	make("d/f", 10, 1);
	OK(symlink("d", "s"));
	OK(symlink("../d/f", "d/back"));
	expect_made("s/f", 10, 1);
	expect_made("s/back", 10, 1);
	OK(stat("s", &st));
	EQ(S_ISDIR(st.st_mode), 1);
	EQ(st.st_ino, look("d").st_ino);
	make("s/g", 20, 2);
	expect_made("d/g", 20, 2);
	OK(unlink("s/g"));
	expect_missing("d/g");
	FAILS(rmdir("s"), ENOTDIR);
}

static void dangling(void)
{
	struct stat st;

	OK(symlink("nowhere", "s"));
	FAILS(stat("s", &st), ENOENT);
	FAILS(chmod("s", 0600), ENOENT);
	FAILS(mkdir("s", 0755), EEXIST);
	EQ(S_ISLNK(look("s").st_mode), 1);
	expect_missing("nowhere");
}

static void chain(void)
{
	char name[16], target[16];
	struct stat st;

	make("l0", 10, 1);
	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "l%d", i);
		snprintf(target, sizeof(target), "l%d", i - 1);
		OK(symlink(target, name));
	}
	expect_made("l8", 10, 1);
	/* POSIX promises 8 (_POSIX_SYMLOOP_MAX), Linux follows 40: path_resolution(7). */
	expect_made("l40", 10, 1);
	FAILS(stat("l41", &st), ELOOP);
}

static void own_times_and_owner(void)
{
	const struct timespec times[2] = { { 1234567, 0 }, { 7654321, 0 } };
	struct stat target;

	make("f", 10, 1);
	aged("f");
	target = look("f");
	OK(symlink("f", "s"));
	OK(utimensat(AT_FDCWD, "s", times, AT_SYMLINK_NOFOLLOW));
	EQ(look("s").st_mtim.tv_sec, kept_second(7654321));
	EQ(look("f").st_mtim.tv_sec, AGED);
	if (!geteuid()) {
		OK(lchown("s", USER_A, GROUP_A));
		EQ(look("s").st_uid, USER_A);
		EQ(look("f").st_uid, target.st_uid);
		OK(chown("s", USER_B, GROUP_B));
		EQ(look("f").st_uid, USER_B);
		EQ(look("s").st_uid, USER_A);
	}
}

static void all_bytes(void)
{
	/* Where no target is so long, there are two. */
	const int longest = profile_within("symlink_max", 255);
	char target[256], got[256], name[16];

	for (int from = 0; from < 255; from += longest) {
		const int len = from + longest < 255 ? longest : 255 - from;

		for (int i = 0; i < len; i++)
			target[i] = from + i + 1;
		target[len] = '\0';
		snprintf(name, sizeof(name), from ? "s%d" : "s", from);
		OK(symlink(target, name));
		EQ(OK(readlink(name, got, sizeof(got))), len);
		BYTES(got, target, len);
	}
}

static void many(void)
{
	const int count = names_in_directory(300, strlen("s299")), longest = profile_within("symlink_max", 109);
	char name[32], target[128], got[128];

	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < count; i++) {
			int len = 20 + i % 90;

			len = snprintf(target, sizeof(target), "%0*d", len < longest ? len : longest, i);

			snprintf(name, sizeof(name), "s%d", i);
			if (!pass)
				OK(symlink(target, name));
			EQ(OK(readlink(name, got, sizeof(got))), len);
			BYTES(got, target, len);
		}
	EQ(entries("."), count);
}

static const struct check symlink_checks[] = {
	{ "symlink", "basics", "POSIX.1-2017 symlink(), readlink(), lstat()", basics },
	{ "symlink", "modes", "symlink(7): the permissions are always 0777", modes },
	{ "symlink", "lengths", "POSIX.1-2017 readlink(): the contents as given", lengths },
	{ "symlink", "longest", "POSIX.1-2017 symlink() ENAMETOOLONG, SYMLINK_MAX", longest },
	{ "symlink", "errors", "POSIX.1-2017 symlink(), readlink() ERRORS; symlink(2) ENOENT", errors },
	{ "symlink", "small_buffer", "POSIX.1-2017 readlink(): truncated, not terminated; readlink(2) EINVAL",
	  small_buffer },
	{ "symlink", "followed", "POSIX.1-2017 4.13 Pathname Resolution", followed },
	{ "symlink", "dangling", "POSIX.1-2017 symlink(): the string need not be a pathname", dangling },
	{ "symlink", "chain", "path_resolution(7): at most 40; POSIX.1-2017 ELOOP", chain },
	{ "symlink", "own_times_and_owner", "POSIX.1-2017 utimensat(), lchown()", own_times_and_owner },
	{ "symlink", "all_bytes", "POSIX.1-2017 symlink(): no character is special", all_bytes },
	{ "symlink", "many", "POSIX.1-2017 symlink()", many },
};

FAMILY(symlink);

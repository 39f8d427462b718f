// SPDX-License-Identifier: Apache-2.0
/* Extended attributes: xattr(7). */
#include <sys/xattr.h>

#include "fscheck/check.h"

/* The first use of user.* in a check: a filesystem without them says EOPNOTSUPP. */
static void first(const char *path, const char *name, const void *value, size_t len)
{
	OPTIONAL(setxattr(path, name, value, len, 0), EOPNOTSUPP);
}

/* The number of user.* names, each of which must stand in the list once. */
static int listed(const char *path, const char *wanted)
{
	static char list[65536];
	long len = OK(llistxattr(path, list, sizeof(list)));
	int users = 0, found = 0;

	for (long at = 0; at < len; at += strlen(list + at) + 1) {
		users += !strncmp(list + at, "user.", 5);
		found += wanted && !strcmp(list + at, wanted);
	}
	if (wanted)
		EQ(found, 1);
	return users;
}

static void set_and_get(void)
{
	make("f", 10, 1);
	first("f", "user.a", "value", 5);
	expect_value("f", "user.a", "value", 5);
	EQ(listed("f", "user.a"), 1);
	OK(setxattr("f", "user.b", "\0\1\377", 3, 0));
	expect_value("f", "user.b", "\0\1\377", 3);
	OK(setxattr("f", "user.empty", "", 0, 0));
	expect_value("f", "user.empty", "", 0);
	EQ(listed("f", "user.empty"), 3);
	expect_value("f", "user.a", "value", 5);
	expect_made("f", 10, 1);
}

static void flags(void)
{
	make("f", 10, 1);
	first("f", "user.a", "1", 1);
	FAILS(setxattr("f", "user.a", "2", 1, XATTR_CREATE), EEXIST);
	FAILS(setxattr("f", "user.b", "2", 1, XATTR_REPLACE), ENODATA);
	expect_value("f", "user.a", "1", 1);
	EQ(listed("f", NULL), 1);
	OK(setxattr("f", "user.a", "22", 2, XATTR_REPLACE));
	OK(setxattr("f", "user.b", "3", 1, XATTR_CREATE));
	expect_value("f", "user.a", "22", 2);
	expect_value("f", "user.b", "3", 1);
	FAILS(setxattr("f", "user.a", "2", 1, 0x100), EINVAL);
}

static void removes(void)
{
	char value[10];

	make("f", 10, 1);
	first("f", "user.a", "1", 1);
	OK(setxattr("f", "user.b", "2", 1, 0));
	OK(removexattr("f", "user.a"));
	FAILS(getxattr("f", "user.a", value, 10), ENODATA);
	FAILS(removexattr("f", "user.a"), ENODATA);
	EQ(listed("f", "user.b"), 1);
	expect_value("f", "user.b", "2", 1);
	OK(removexattr("f", "user.b"));
	EQ(listed("f", NULL), 0);
}

static void buffers(void)
{
	char value[10];
	long need;

	make("f", 10, 1);
	first("f", "user.a", "12345678", 8);
	EQ(OK(getxattr("f", "user.a", NULL, 0)), 8);
	FAILS(getxattr("f", "user.a", value, 7), ERANGE);
	EQ(OK(getxattr("f", "user.a", value, 8)), 8);
	need = OK(listxattr("f", NULL, 0));
	HOLDS(need >= 7, "listxattr of user.a: expected 7 bytes or more, got %ld", need);
	FAILS(listxattr("f", value, 3), ERANGE);
}

static void names(void)
{
	char longest[400] = "user.";

	make("f", 10, 1);
	memset(longest + 5, 'n', 250);
	first("f", longest, "v", 1);
	expect_value("f", longest, "v", 1);
	EQ(listed("f", longest), 1);
	longest[255] = 'n';
	FAILS(setxattr("f", longest, "v", 1, 0), ERANGE, ENAMETOOLONG);
	FAILS(setxattr("f", "", "v", 1, 0), ERANGE, EOPNOTSUPP);
	FAILS(setxattr("f", "user.", "v", 1, 0), EINVAL);
	FAILS(setxattr("f", "nonsense.a", "v", 1, 0), EOPNOTSUPP);
	FAILS(setxattr("f", "noprefix", "v", 1, 0), EOPNOTSUPP);
	EQ(listed("f", NULL), 1);
}

static void similar_names(void)
{
	static const char *const names[] = {
		"user.a", "user.aa", "user.ab", "user.A", "user.a.b", "user.a ", "user.b", "user.\303\244", "user.user.a",
	};

	make("f", 10, 1);
	first("f", names[0], names[0], strlen(names[0]));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		OK(setxattr("f", names[i], names[i], strlen(names[i]), 0));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		expect_value("f", names[i], names[i], strlen(names[i]));
	OK(removexattr("f", "user.a"));
	FAILS(getxattr("f", "user.a", NULL, 0), ENODATA);
	EQ(listed("f", "user.aa"), ARRAY_SIZE(names) - 1);
	for (size_t i = 1; i < ARRAY_SIZE(names); i++)
		expect_value("f", names[i], names[i], strlen(names[i]));
	/* The other way round: the longer name is there first. */
	make("g", 10, 1);
	OK(setxattr("g", "user.ab", "long", 4, 0));
	FAILS(getxattr("g", "user.a", NULL, 0), ENODATA);
	FAILS(removexattr("g", "user.a"), ENODATA);
	FAILS(setxattr("g", "user.a", "x", 1, XATTR_REPLACE), ENODATA);
	OK(setxattr("g", "user.a", "short", 5, XATTR_CREATE));
	expect_value("g", "user.ab", "long", 4);
	expect_value("g", "user.a", "short", 5);
}

static void resizes(void)
{
	static const size_t sizes[] = { 1, 10, 100, 3, 200, 0, 500, 64, 700, 1 };
	void *data = patterned(1000, 0, 1);

	make("f", 10, 1);
	first("f", "user.first", "first", 5);
	OK(setxattr("f", "user.x", "", 0, 0));
	OK(setxattr("f", "user.last", "last", 4, 0));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		OK(setxattr("f", "user.x", data, sizes[i], 0));
		expect_value("f", "user.x", data, sizes[i]);
		expect_value("f", "user.first", "first", 5);
		expect_value("f", "user.last", "last", 4);
		EQ(listed("f", "user.x"), 3);
	}
}

static void large_values(void)
{
	static const size_t sizes[] = { 1024, 2048, 3000, 4000, 4096, 8192, 16384, 65536 };
	unsigned char *data = patterned(65537, 0, 1);

	make("f", 10, 1);
	first("f", "user.small", "s", 1);
	FAILS(setxattr("f", "user.x", data, 65537, 0), E2BIG);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		/* xattr(7): some filesystems hold one block only and say ENOSPC; then the old value must stay. */
		if (setxattr("f", "user.x", data, sizes[i], 0)) {
			HOLDS(errno == ENOSPC || errno == E2BIG || errno == ERANGE,
			      "a value of %zu bytes: expected success or ENOSPC, got %s", sizes[i], errno_name(errno));
			if (!i)
				report(REFUSED, ENOSPC, "not even a value of %zu bytes is taken", sizes[i]);
			expect_value("f", "user.x", data, sizes[i - 1]);
			break;
		}
		expect_value("f", "user.x", data, sizes[i]);
		/* Another of this size takes the place of the old one, which needs no room of its own. */
		OK(setxattr("f", "user.x", data + 1, sizes[i], XATTR_REPLACE));
		expect_value("f", "user.x", data + 1, sizes[i]);
		OK(setxattr("f", "user.x", data, sizes[i], XATTR_REPLACE));
	}
	expect_value("f", "user.small", "s", 1);
	OK(removexattr("f", "user.x"));
	EQ(listed("f", "user.small"), 1);
	OK(setxattr("f", "user.x", data, 1024, 0));
	expect_value("f", "user.x", data, 1024);
}

static void many_names(void)
{
	char name[32], value[32];
	int made;

	make("f", 10, 1);
	first("f", "user.n0", "v0", 2);
	for (made = 1; made < 200; made++) {
		snprintf(name, sizeof(name), "user.n%d", made);
		snprintf(value, sizeof(value), "v%d", made);
		if (setxattr("f", name, value, strlen(value), 0))
			break;
	}
	if (made < 200)
		EQ(errno, ENOSPC);
	HOLDS(made >= 30, "only %d small attributes were taken", made);
	EQ(listed("f", NULL), made);
	for (int i = 0; i < made; i++) {
		snprintf(name, sizeof(name), "user.n%d", i);
		snprintf(value, sizeof(value), "v%d", i);
		expect_value("f", name, value, strlen(value));
	}
	for (int i = 0; i < made; i += 2) {
		snprintf(name, sizeof(name), "user.n%d", i);
		OK(removexattr("f", name));
	}
	EQ(listed("f", "user.n1"), made / 2);
}

static void follow_the_file(void)
{
	make("f", 10, 1);
	make("g", 10, 1);
	first("f", "user.a", "f", 1);
	OK(rename("f", "h"));
	expect_value("h", "user.a", "f", 1);
	OK(link("h", "i"));
	expect_value("i", "user.a", "f", 1);
	OK(setxattr("i", "user.a", "i", 1, 0));
	expect_value("h", "user.a", "i", 1);
	OK(chmod("h", 0600));
	OK(truncate("h", 5));
	expect_value("h", "user.a", "i", 1);
	OK(rename("g", "h"));
	EQ(listed("h", NULL), 0);
	expect_value("i", "user.a", "i", 1);
	OK(unlink("i"));
	make("i", 10, 1);
	EQ(listed("i", NULL), 0);
}

static void on_types(void)
{
	OK(mkdir("d", 0755));
	first("d", "user.a", "dir", 3);
	expect_value("d", "user.a", "dir", 3);
	if (can("symlink")) {
		OK(symlink("d", "s"));
		FAILS(lsetxattr("s", "user.a", "x", 1, 0), EPERM, EOPNOTSUPP);
		expect_value("d", "user.a", "dir", 3);
	}
	FAILS(setxattr("missing", "user.a", "x", 1, 0), ENOENT);
	if (can("fifo")) {
		OK(mkfifo("p", 0644));
		FAILS(setxattr("p", "user.a", "x", 1, 0), EPERM, EOPNOTSUPP);
		EQ(listed("p", NULL), 0);
	}
	OK(rmdir("d"));
}

static void by_descriptor(void)
{
	char value[10];
	int fd;

	make("f", 10, 1);
	first("f", "user.a", "old", 3);
	fd = opened("f", O_RDONLY);
	OK(fsetxattr(fd, "user.b", "new", 3, 0));
	OK(unlink("f"));
	EQ(OK(fgetxattr(fd, "user.b", value, 10)), 3);
	BYTES(value, "new", 3);
	OK(fremovexattr(fd, "user.a"));
	FAILS(fgetxattr(fd, "user.a", value, 10), ENODATA);
	closed(fd);
}

static void permissions(void)
{
	char value[10];

	need_root();
	make("f", 10, 1);
	first("f", "user.a", "v", 1);
	OK(chmod("f", 0644));
	AS(USER_A, GROUP_A) {
		EQ(OK(getxattr("f", "user.a", value, 10)), 1);
		FAILS(setxattr("f", "user.a", "x", 1, 0), EACCES);
		FAILS(removexattr("f", "user.a"), EACCES);
		FAILS(setxattr("f", "trusted.a", "x", 1, 0), EPERM);
	}
	OK(chmod("f", 0600));
	AS(USER_A, GROUP_A)
		FAILS(getxattr("f", "user.a", value, 10), EACCES);
	expect_value("f", "user.a", "v", 1);
	OK(mkdir("t", 0755));
	OK(chmod("t", 01777));
	AS(USER_A, GROUP_A)
		FAILS(setxattr("t", "user.a", "x", 1, 0), EPERM);
}

static void random_mix(void)
{
	unsigned char value[12][100], data[100];
	size_t len[12];
	uint64_t state = 31;
	bool there[12] = { false };
	char name[16];

	make("f", 10, 1);
	first("f", "user.x0", "", 0);
	OK(removexattr("f", "user.x0"));
	for (int i = 0; i < 400; i++) {
		int which = random_below(&state, 12), count = 0;

		snprintf(name, sizeof(name), "user.x%d", which);
		if (random_below(&state, 3)) {
			len[which] = random_below(&state, sizeof(data));
			pattern(value[which], sizeof(data), i, i);
			OK(setxattr("f", name, value[which], len[which], 0));
			there[which] = true;
		} else if (there[which]) {
			OK(removexattr("f", name));
			there[which] = false;
		} else {
			FAILS(getxattr("f", name, data, sizeof(data)), ENODATA);
		}
		for (int j = 0; j < 12; j++) {
			count += there[j];
			snprintf(name, sizeof(name), "user.x%d", j);
			if (there[j] && i % 5 == 0)
				expect_value("f", name, value[j], len[j]);
		}
		EQ(listed("f", NULL), count);
	}
}

static void on_many_files(void)
{
	char name[32];

	/* The same attributes on many files (filesystems share such blocks), then each changed for itself. */
	make("f0", 1, 1);
	first("f0", "user.same", "the same value everywhere", 25);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make(name, 1, 1);
		OK(setxattr(name, "user.same", "the same value everywhere", 25, 0));
	}
	for (int i = 0; i < 100; i += 2) {
		snprintf(name, sizeof(name), "f%d", i);
		OK(setxattr(name, "user.same", name, strlen(name), 0));
	}
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		expect_value(name, "user.same", i % 2 ? "the same value everywhere" : name, i % 2 ? 25 : strlen(name));
	}
}

static const struct check xattr_checks[] = {
	{ "xattr", "set_and_get", "setxattr(2), getxattr(2), listxattr(2)", set_and_get },
	{ "xattr", "flags", "setxattr(2) EEXIST, ENODATA, EINVAL", flags },
	{ "xattr", "removes", "removexattr(2) ENODATA", removes },
	{ "xattr", "buffers", "getxattr(2), listxattr(2) ERANGE", buffers },
	{ "xattr", "names", "xattr(7): names of at most 255 bytes; setxattr(2) ERANGE, EOPNOTSUPP", names },
	{ "xattr", "similar_names", "xattr(7)", similar_names },
	{ "xattr", "resizes", "setxattr(2): an existing value is replaced", resizes },
	{ "xattr", "large_values", "xattr(7): values of at most 64 KiB; setxattr(2) E2BIG, ENOSPC", large_values },
	{ "xattr", "many_names", "xattr(7); setxattr(2) ENOSPC", many_names },
	{ "xattr", "follow_the_file", "xattr(7): associated with inodes", follow_the_file },
	{ "xattr", "on_types", "xattr(7): user attributes of files and directories only, EPERM", on_types },
	{ "xattr", "by_descriptor", "fsetxattr(2), fgetxattr(2)", by_descriptor },
	{ "xattr", "permissions", "xattr(7), user and trusted attributes", permissions },
	{ "xattr", "random_mix", "setxattr(2), removexattr(2)", random_mix },
	{ "xattr", "on_many_files", "setxattr(2)", on_many_files },
};

FAMILY(xattr);

// SPDX-License-Identifier: Apache-2.0
/* O_TMPFILE: files that never had a name. */
#include "fscheck/check.h"

/* open(2): EOPNOTSUPP where the filesystem does not support it; EISDIR on kernels that know nothing of it. */
static int nameless(int flags)
{
	return OPTIONAL(open(".", O_TMPFILE | O_RDWR | flags, 0640), EOPNOTSUPP, EISDIR);
}

static char *path_of(int fd)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return path;
}

static void has_no_name(void)
{
	void *data = patterned(20000, 0, 1);
	int fd = nameless(0);

	EQ(look_fd(fd).st_nlink, 0);
	EQ(look_fd(fd).st_mode, S_IFREG | 0640);
	EQ(entries("."), 0);
	EQ(OK(write(fd, data, 20000)), 20000);
	forget(fd);
	expect_pattern(fd, 0, 20000, 1);
	EQ(look_fd(fd).st_size, 20000);
	closed(fd);
	EQ(entries("."), 0);
}

static void gets_a_name(void)
{
	void *data = patterned(20000, 0, 1);
	int fd = nameless(0);

	EQ(OK(write(fd, data, 20000)), 20000);
	OK(linkat(AT_FDCWD, path_of(fd), AT_FDCWD, "f", AT_SYMLINK_FOLLOW));
	EQ(look("f").st_nlink, 1);
	EQ(look("f").st_ino, look_fd(fd).st_ino);
	closed(fd);
	expect_made("f", 20000, 1);
	EQ(entries("."), 1);
	OK(unlink("f"));
}

static void never_gets_one(void)
{
	int fd = nameless(O_EXCL);

	FAILS(linkat(AT_FDCWD, path_of(fd), AT_FDCWD, "f", AT_SYMLINK_FOLLOW), ENOENT);
	expect_missing("f");
	closed(fd);
}

static void errors(void)
{
	closed(nameless(0));
	FAILS(open(".", O_TMPFILE | O_RDONLY, 0600), EINVAL);
	make("f", 1, 1);
	FAILS(open("f", O_TMPFILE | O_RDWR, 0600), ENOTDIR);
	FAILS(open("missing", O_TMPFILE | O_RDWR, 0600), ENOENT);
	EQ(entries("."), 1);
}

static void many(void)
{
	int fds[100];

	for (int i = 0; i < 100; i++) {
		fds[i] = i ? OK(open(".", O_TMPFILE | O_RDWR, 0600)) : nameless(0);
		EQ(OK(write(fds[i], &i, sizeof(i))), sizeof(i));
	}
	for (int i = 0; i < 100; i++) {
		int got;

		EQ(OK(pread(fds[i], &got, sizeof(got), 0)), sizeof(got));
		EQ(got, i);
		closed(fds[i]);
	}
	EQ(entries("."), 0);
}

static const struct check tmpfile_checks[] = {
	{ "tmpfile", "has_no_name", "open(2), O_TMPFILE", has_no_name },
	{ "tmpfile", "gets_a_name", "open(2), O_TMPFILE; linkat(2)", gets_a_name },
	{ "tmpfile", "never_gets_one", "open(2), O_TMPFILE with O_EXCL; linkat(2) ENOENT", never_gets_one },
	{ "tmpfile", "errors", "open(2), O_TMPFILE EINVAL", errors },
	{ "tmpfile", "many", "open(2), O_TMPFILE", many },
};

FAMILY(tmpfile);

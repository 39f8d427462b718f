// SPDX-License-Identifier: Apache-2.0
/* unlink(2), and files that live on without a name. */
#include "fscheck/check.h"

static void removes(void)
{
	make("a", 10, 1);
	make("b", 10, 2);
	OK(unlink("a"));
	expect_missing("a");
	EQ(has_entry(".", "a"), 0);
	EQ(entries("."), 1);
	FAILS(unlink("a"), ENOENT);
	FAILS(open("a", O_RDONLY), ENOENT);
	expect_made("b", 10, 2);
}

static void errors(void)
{
	make("f", 1, 1);
	OK(mkdir("d", 0755));
	FAILS(unlink("missing"), ENOENT);
	FAILS(unlink("missing/f"), ENOENT);
	FAILS(unlink("f/x"), ENOTDIR);
	FAILS(unlink("f/"), ENOTDIR);
	FAILS(unlink("d"), EISDIR, EPERM);
	FAILS(unlink("."), EISDIR, EPERM, EINVAL);
	FAILS(unlinkat(AT_FDCWD, "f", AT_REMOVEDIR), ENOTDIR);
	FAILS(unlinkat(AT_FDCWD, "f", 0x10000), EINVAL);
	EQ(entries("."), 2);
}

static void times(void)
{
	struct timespec floor;

	OK(mkdir("d", 0755));
	make("d/a", 10, 1);
	if (can("link")) {
		OK(link("d/a", "b"));
		aged("b");
	}
	aged("d");
	tick();
	floor = clock_floor();
	OK(unlink("d/a"));
	expect_recent("the directory's mtime", look("d").st_mtim, floor);
	expect_changed("the directory's ctime", look("d").st_ctim, floor);
	if (!can("link"))
		return;
	expect_changed("the remaining name's ctime", look("b").st_ctim, floor);
	EQ(look("b").st_mtim.tv_sec, AGED);
}

static void of_symlink(void)
{
	make("a", 10, 1);
	OK(symlink("a", "s"));
	OK(unlink("s"));
	expect_missing("s");
	expect_made("a", 10, 1);
}

static void open_file_lives(void)
{
	void *data = patterned(5000, 10000, 1);
	int fd;

	make("f", 10000, 1);
	fd = opened("f", O_RDWR);
	OK(unlink("f"));
	EQ(look_fd(fd).st_nlink, 0);
	EQ(look_fd(fd).st_size, 10000);
	EQ(OK(pwrite(fd, data, 5000, 10000)), 5000);
	expect_pattern(fd, 0, 15000, 1);
	forget(fd);
	expect_pattern(fd, 0, 15000, 1);
	OK(ftruncate(fd, 100));
	expect_pattern(fd, 0, 100, 1);
	if (can("chmod")) {
		OK(fchmod(fd, 0600));
		EQ(look_fd(fd).st_mode & 07777, 0600);
	}
	EQ(entries("."), 0);
	closed(fd);
}

static void name_is_free(void)
{
	int old;

	make("f", 10000, 1);
	old = opened("f", O_RDONLY);
	OK(unlink("f"));
	make("f", 200, 2);
	HOLDS(look("f").st_ino != look_fd(old).st_ino, "a new file has the inode of one that is open still");
	expect_made("f", 200, 2);
	expect_pattern(old, 0, 10000, 1);
	closed(old);
	expect_made("f", 200, 2);
}

static void nothing_inherited(void)
{
	for (int i = 0; i < 50; i++) {
		int fd;

		make("f", 30000, i);
		if (can("chmod"))
			OK(chmod("f", 0400));
		if (i % 10 == 0)
			settle();
		OK(unlink("f"));
		fd = created("f", 0644);
		EQ(look_fd(fd).st_size, 0);
		EQ(look_fd(fd).st_nlink, 1);
		expect_mode("f", 0644);
		OK(ftruncate(fd, 30000));
		expect_zeros(fd, 0, 30000);
		EQ(OK(pwrite(fd, "x", 1, 5000)), 1);
		forget(fd);
		expect_zeros(fd, 0, 5000);
		expect_zeros(fd, 5001, 24999);
		closed(fd);
		OK(unlink("f"));
	}
}

static void many_orphans(void)
{
	int fds[200];
	char name[16];

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		make(name, 3000 + i, i);
		fds[i] = opened(name, O_RDWR);
		OK(unlink(name));
	}
	EQ(entries("."), 0);
	for (int i = 0; i < 200; i += 2)
		closed(fds[i]);
	for (int i = 1; i < 200; i += 2) {
		expect_pattern(fds[i], 0, 3000 + i, i);
		closed(fds[i]);
	}
}

static void mapped_file_lives(void)
{
	const bool stores = can("mmap_write");
	unsigned char *map;
	int fd;

	make("f", 8192, 1);
	/* What was opened for writing may not be mapped where there are no stores, even if it is only for reading. */
	fd = opened("f", stores ? O_RDWR : O_RDONLY);
	map = (void *)OK(mmap(NULL, 8192, PROT_READ | (stores ? PROT_WRITE : 0), MAP_SHARED, fd, 0));
	OK(unlink("f"));
	expect_pattern(fd, 0, 8192, 1);
	closed(fd);
	if (stores) {
		map[5000] = 'x';
		OK(msync(map, 8192, MS_SYNC));
		EQ(map[5000], 'x');
	}
	BYTES(map, (unsigned char *)patterned(5000, 0, 1), 5000);
	OK(munmap(map, 8192));
}

static void special_files(void)
{
	OK(mkfifo("p", 0644));
	OK(mknod("s", S_IFSOCK | 0644, 0));
	OK(unlink("p"));
	OK(unlink("s"));
	EQ(entries("."), 0);
}

static void denied(void)
{
	OK(mkdir("d", 0755));
	make("d/f", 10, 1);
	OK(chmod("d/f", 0666));
	AS(USER_A, GROUP_A)
		FAILS(unlink("d/f"), EACCES);
	expect_made("d/f", 10, 1);
	OK(chmod("d", 0777));
	OK(chmod("d/f", 0));
	AS(USER_A, GROUP_A)
		OK(unlink("d/f"));
	expect_missing("d/f");
}

static const struct check unlink_checks[] = {
	{ "unlink", "removes", "POSIX.1-2017 unlink()", removes },
	{ "unlink", "errors", "POSIX.1-2017 unlink() ERRORS; unlink(2) EISDIR", errors },
	{ "unlink", "times", "POSIX.1-2017 unlink(): times of the directory and the file", times },
	{ "unlink", "of_symlink", "POSIX.1-2017 unlink(): the link, not its target", of_symlink },
	{ "unlink", "open_file_lives", "POSIX.1-2017 unlink(): contents stay while the file is open", open_file_lives },
	{ "unlink", "name_is_free", "POSIX.1-2017 unlink()", name_is_free },
	{ "unlink", "nothing_inherited", "POSIX.1-2017 open(), O_CREAT; ftruncate()", nothing_inherited },
	{ "unlink", "many_orphans", "POSIX.1-2017 unlink(): contents stay while the file is open", many_orphans },
	{ "unlink", "mapped_file_lives", "POSIX.1-2017 mmap(): a mapping holds a reference", mapped_file_lives },
	{ "unlink", "special_files", "POSIX.1-2017 unlink()", special_files },
	{ "unlink", "denied", "POSIX.1-2017 unlink() EACCES: the directory's permission counts", denied },
};

FAMILY(unlink);

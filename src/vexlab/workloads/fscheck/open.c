// SPDX-License-Identifier: Apache-2.0
/* open(2) and creation: flags, errors, what a new file is like. */
#include "fscheck/check.h"

static void creat_new(void)
{
	int fd = created("f", 0640);
	struct stat st = look("f");

	EQ(S_ISREG(st.st_mode), 1);
	expect_mode("f", 0640);
	EQ(st.st_size, 0);
	EQ(st.st_nlink, 1);
	EQ(st.st_uid, geteuid());
	EQ(st.st_gid, look(".").st_mode & S_ISGID ? look(".").st_gid : getegid());
	EQ(st.st_blocks, 0);
	EQ(st.st_ino, look_fd(fd).st_ino);
	EQ(has_entry(".", "f"), 1);
	closed(fd);
}

static void creat_umask(void)
{
	need("modes");
	umask(027);
	closed(created("f", 0777));
	EQ(look("f").st_mode & 07777, 0750);
	umask(0);
	closed(created("g", 0666));
	EQ(look("g").st_mode & 07777, 0666);
}

static void creat_mode_zero(void)
{
	int fd = created("f", 0);

	EQ(OK(write(fd, "abc", 3)), 3);
	closed(fd);
	EQ(look("f").st_size, 3);
	expect_mode("f", 0);
}

static void creat_existing(void)
{
	struct stat before, after;

	make("f", 100, 1);
	OK(chmod("f", 0604));
	before = look("f");
	closed(OK(open("f", O_RDWR | O_CREAT, 0777)));
	after = look("f");
	EQ(after.st_ino, before.st_ino);
	EQ(after.st_mode, before.st_mode);
	expect_made("f", 100, 1);
}

static void creat_parent_times(void)
{
	struct timespec floor;

	aged(".");
	floor = clock_floor();
	closed(created("f", 0644));
	expect_recent("the directory's mtime", look(".").st_mtim, floor);
	expect_changed("the directory's ctime", look(".").st_ctim, floor);
}

static void excl_exists(void)
{
	struct stat before;

	make("f", 10, 1);
	before = look("f");
	FAILS(open("f", O_CREAT | O_EXCL | O_RDWR | O_TRUNC, 0644), EEXIST);
	EQ(same_time(before.st_mtim, look("f").st_mtim), 1);
	expect_made("f", 10, 1);
	OK(mkdir("d", 0755));
	FAILS(open("d", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
}

static void excl_symlink(void)
{
	OK(symlink("target", "s"));
	FAILS(open("s", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);
	expect_missing("target");
}

static void excl_race(void)
{
	const int count = names_in_directory(200, strlen("w99.3")) / 2;
	char name[16];

	WORKERS(4, number) {
		for (int i = 0; i < count; i++) {
			char mine[32];
			int fd;

			snprintf(name, sizeof(name), "n%d", i);
			fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0644);
			if (fd < 0)
				HOLDS(errno == EEXIST, "expected success or EEXIST, got %s", errno_name(errno));
			if (fd < 0)
				continue;
			closed(fd);
			snprintf(mine, sizeof(mine), "w%d.%d", i, number);
			closed(created(mine, 0644));
		}
	}
	for (int i = 0; i < count; i++) {
		int winners = 0;

		snprintf(name, sizeof(name), "n%d", i);
		look(name);
		for (int number = 0; number < 4; number++) {
			snprintf(name, sizeof(name), "w%d.%d", i, number);
			winners += !access(name, F_OK);
		}
		EQ(winners, 1);
	}
	EQ(entries("."), 2 * count);
}

static void creat_through_symlink(void)
{
	int fd;

	OK(symlink("target", "s"));
	fd = OK(open("s", O_CREAT | O_RDWR, 0644));
	EQ(OK(write(fd, "x", 1)), 1);
	closed(fd);
	expect_text("target", "x");
	EQ(S_ISLNK(look("s").st_mode), 1);
}

static void missing(void)
{
	FAILS(open("f", O_RDONLY), ENOENT);
	FAILS(open("d/f", O_CREAT | O_RDWR, 0644), ENOENT);
	FAILS(open("", O_RDONLY), ENOENT);
	expect_missing("f");
	EQ(entries("."), 0);
}

static void not_a_directory(void)
{
	make("f", 1, 1);
	FAILS(open("f/g", O_RDONLY), ENOTDIR);
	FAILS(open("f/g", O_CREAT | O_RDWR, 0644), ENOTDIR);
	FAILS(open("f/", O_RDONLY), ENOTDIR);
	FAILS(open("f/.", O_RDONLY), ENOTDIR);
	FAILS(open("f/..", O_RDONLY), ENOTDIR);
	FAILS(open("f", O_RDONLY | O_DIRECTORY), ENOTDIR);
}

static void is_a_directory(void)
{
	OK(mkdir("d", 0755));
	FAILS(open("d", O_WRONLY), EISDIR);
	FAILS(open("d", O_RDWR), EISDIR);
	FAILS(open("d", O_RDONLY | O_CREAT, 0644), EISDIR);
	FAILS(open("d", O_RDWR | O_TRUNC), EISDIR);
	FAILS(open("new/", O_CREAT | O_RDWR, 0644), EISDIR);
	expect_missing("new");
	closed(OK(open("d", O_RDONLY | O_DIRECTORY)));
}

static void truncates(void)
{
	struct timespec floor;
	struct stat before, after;

	make("f", file_bytes(100000), 1);
	aged("f");
	before = look("f");
	floor = clock_floor();
	closed(OK(open("f", O_WRONLY | O_TRUNC)));
	after = look("f");
	EQ(after.st_size, 0);
	EQ(after.st_ino, before.st_ino);
	expect_recent("mtime", after.st_mtim, floor);
	expect_changed("ctime", after.st_ctim, floor);
	settle();
	EQ(look("f").st_blocks, 0);
}

static void trunc_seen_by_others(void)
{
	char byte;
	int fd;

	make("f", 5000, 1);
	fd = opened("f", O_RDONLY);
	closed(OK(open("f", O_WRONLY | O_TRUNC)));
	EQ(look_fd(fd).st_size, 0);
	EQ(OK(pread(fd, &byte, 1, 0)), 0);
	closed(fd);
}

static void nofollow(void)
{
	make("f", 1, 1);
	OK(symlink("f", "s"));
	FAILS(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
	closed(OK(open("f", O_RDONLY | O_NOFOLLOW)));
	OK(mkdir("d", 0755));
	make("d/g", 1, 1);
	OK(symlink("d", "t"));
	closed(OK(open("t/g", O_RDONLY | O_NOFOLLOW)));
	FAILS(open("t", O_RDONLY | O_NOFOLLOW | O_DIRECTORY), ENOTDIR, ELOOP);
}

static void loop(void)
{
	OK(symlink("b", "a"));
	OK(symlink("a", "b"));
	OK(symlink("self", "self"));
	FAILS(open("a", O_RDONLY), ELOOP);
	FAILS(open("self", O_RDONLY), ELOOP);
	FAILS(open("self/f", O_RDONLY), ELOOP);
}

static void access_modes(void)
{
	char byte;
	int fd;

	make("f", 10, 1);
	fd = opened("f", O_WRONLY);
	FAILS(read(fd, &byte, 1), EBADF);
	closed(fd);
	fd = opened("f", O_RDONLY);
	FAILS(write(fd, "x", 1), EBADF);
	FAILS(ftruncate(fd, 0), EINVAL, EBADF);
	closed(fd);
	expect_made("f", 10, 1);
}

static void path_only(void)
{
	char byte;
	int fd;

	make("f", 10, 1);
	fd = OK(open("f", O_PATH));
	FAILS(read(fd, &byte, 1), EBADF);
	EQ(look_fd(fd).st_ino, look("f").st_ino);
	closed(fd);
	if (!can("symlink"))
		return;
	OK(symlink("f", "s"));
	fd = OK(open("s", O_PATH | O_NOFOLLOW));
	EQ(S_ISLNK(look_fd(fd).st_mode), 1);
	closed(fd);
}

static void relative_to_dir(void)
{
	int dir, file;

	OK(mkdir("d", 0755));
	dir = opened("d", O_RDONLY | O_DIRECTORY);
	closed(OK(openat(dir, "f", O_CREAT | O_RDWR, 0644)));
	look("d/f");
	if (can("rename_directory"))
		OK(rename("d", "e"));
	closed(OK(openat(dir, "g", O_CREAT | O_RDWR, 0644)));
	look(can("rename_directory") ? "e/g" : "d/g");
	file = opened(can("rename_directory") ? "e/f" : "d/f", O_RDONLY);
	FAILS(openat(file, "x", O_RDONLY), ENOTDIR);
	closed(file);
	closed(dir);
}

static void in_removed_dir(void)
{
	int dir;

	OK(mkdir("d", 0755));
	dir = opened("d", O_RDONLY | O_DIRECTORY);
	OK(rmdir("d"));
	FAILS(openat(dir, "f", O_CREAT | O_RDWR, 0644), ENOENT);
	FAILS(mkdirat(dir, "e", 0755), ENOENT);
	FAILS(symlinkat("x", dir, "s"), ENOENT);
	make("g", 1, 1);
	FAILS(linkat(AT_FDCWD, "g", dir, "g", 0), ENOENT);
	FAILS(renameat(AT_FDCWD, "g", dir, "g"), ENOENT);
	EQ(look_fd(dir).st_nlink == 0 || !keeps_dir_links(), 1);
	closed(dir);
}

static void many_open(void)
{
	const int count = names_in_directory(500, strlen("f499"));
	int fds[500];
	char name[16];

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		fds[i] = created(name, 0644);
		OK(write(fds[i], &i, sizeof(i)));
	}
	for (int i = 0; i < count; i++) {
		int got;

		EQ(OK(pread(fds[i], &got, sizeof(got), 0)), sizeof(got));
		EQ(got, i);
		closed(fds[i]);
	}
}

static void noatime_owner(void)
{
	make("f", 10, 1);
	closed(OK(open("f", O_RDONLY | O_NOATIME)));
	AS(USER_A, GROUP_A)
		FAILS(open("f", O_RDONLY | O_NOATIME), EPERM);
}

static void by_handle(void)
{
	struct {
		struct file_handle handle;
		unsigned char room[MAX_HANDLE_SZ];
	} id = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount, dir, fd;

	need_root();
	make("f", 5000, 1);
	OPTIONAL(name_to_handle_at(AT_FDCWD, "f", &id.handle, &mount, 0), EOPNOTSUPP);
	dir = opened(".", O_RDONLY | O_DIRECTORY);
	fd = OK(open_by_handle_at(dir, &id.handle, O_RDONLY));
	EQ(look_fd(fd).st_ino, look("f").st_ino);
	expect_pattern(fd, 0, 5000, 1);
	closed(fd);
	OK(rename("f", "g"));
	closed(OK(open_by_handle_at(dir, &id.handle, O_RDONLY)));
	OK(unlink("g"));
	FAILS(open_by_handle_at(dir, &id.handle, O_RDONLY), ESTALE);
	/* A new file may get the old one's inode, but is not the old one. */
	for (int i = 0; i < 20; i++) {
		make("new", 10, 2);
		FAILS(open_by_handle_at(dir, &id.handle, O_RDONLY), ESTALE);
		OK(unlink("new"));
	}
	closed(dir);
}

static const struct check open_checks[] = {
	{ "open", "creat_new", "POSIX.1-2017 open(), O_CREAT", creat_new },
	{ "open", "creat_umask", "POSIX.1-2017 open(), O_CREAT; umask()", creat_umask },
	{ "open", "creat_mode_zero", "POSIX.1-2017 open(): the mode does not affect the open file", creat_mode_zero },
	{ "open", "creat_existing", "POSIX.1-2017 open(), O_CREAT on an existing file has no effect", creat_existing },
	{ "open", "creat_parent_times", "POSIX.1-2017 open(): marks the parent's mtime and ctime", creat_parent_times },
	{ "open", "excl_exists", "POSIX.1-2017 open() EEXIST", excl_exists },
	{ "open", "excl_symlink", "POSIX.1-2017 open(), O_EXCL and symbolic links", excl_symlink },
	{ "open", "excl_race", "POSIX.1-2017 open(): O_EXCL is atomic", excl_race },
	{ "open", "creat_through_symlink", "open(2), O_CREAT through a dangling link", creat_through_symlink },
	{ "open", "missing", "POSIX.1-2017 open() ENOENT", missing },
	{ "open", "not_a_directory", "POSIX.1-2017 open() ENOTDIR; 4.13 Pathname Resolution", not_a_directory },
	{ "open", "is_a_directory", "POSIX.1-2017 open() EISDIR", is_a_directory },
	{ "open", "trunc", "POSIX.1-2017 open(), O_TRUNC", truncates },
	{ "open", "trunc_seen_by_others", "POSIX.1-2017 open(), O_TRUNC", trunc_seen_by_others },
	{ "open", "nofollow", "POSIX.1-2017 open(), O_NOFOLLOW, ELOOP", nofollow },
	{ "open", "loop", "POSIX.1-2017 open() ELOOP", loop },
	{ "open", "access_modes", "POSIX.1-2017 read(), write() EBADF; ftruncate() EINVAL, EBADF", access_modes },
	{ "open", "path_only", "open(2), O_PATH", path_only },
	{ "open", "relative_to_dir", "POSIX.1-2017 openat()", relative_to_dir },
	{ "open", "in_removed_dir", "POSIX.1-2017 rmdir(): no entries may be created in a removed directory",
	  in_removed_dir },
	{ "open", "many_open", "POSIX.1-2017 open(): each descriptor has its own file", many_open },
	{ "open", "noatime_owner", "open(2), O_NOATIME, EPERM", noatime_owner },
	{ "open", "by_handle", "open_by_handle_at(2) ESTALE", by_handle },
};

FAMILY(open);

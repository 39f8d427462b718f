// SPDX-License-Identifier: Apache-2.0
/* Which operation marks which time (POSIX.1-2017 4.9 File Times Update), and utimensat(2). */
#include <sys/xattr.h>

#include "fscheck/check.h"

static struct timespec floor_time;

/* Before the operation: old atime and mtime, and a ctime that lies a tick back. */
static void before(const char *path)
{
	aged(path);
	tick();
	floor_time = clock_floor();
}

static void after(const char *path, const char *what, bool mtime, bool ctime)
{
	struct stat st = look(path);
	char text[64];

	snprintf(text, sizeof(text), "mtime after %s", what);
	if (mtime)
		expect_recent(text, st.st_mtim, floor_time);
	else
		HOLDS(st.st_mtim.tv_sec == AGED, "%s: expected %d as before, got %lld", text, AGED,
		      (long long)st.st_mtim.tv_sec);
	snprintf(text, sizeof(text), "ctime after %s", what);
	if (ctime)
		expect_changed(text, st.st_ctim, floor_time);
	else if (can("ctime"))
		HOLDS(compare_times(st.st_ctim, floor_time) < 0, "%s: expected it as before, it was marked", text);
}

/* The time of access is as aged() has set it. */
static void expect_old_access(const char *path)
{
	if (can("atime"))
		EQ(look(path).st_atim.tv_sec, kept_access(AGED));
}

static void creation(void)
{
	struct timespec floor = clock_floor();
	struct stat st;

	make("f", 0, 1);
	st = look("f");
	expect_accessed("atime", st.st_atim, floor);
	expect_recent("mtime", st.st_mtim, floor);
	expect_changed("ctime", st.st_ctim, floor);
	floor = clock_floor();
	if (can("symlink")) {
		OK(symlink("x", "s"));
		expect_recent("the symbolic link's mtime", look("s").st_mtim, floor);
	}
	if (!can("fifo"))
		return;
	OK(mkfifo("p", 0644));
	expect_recent("the fifo's mtime", look("p").st_mtim, floor);
	expect_accessed("the fifo's atime", look("p").st_atim, floor);
}

static void writing(void)
{
	int fd;

	make("f", 100, 1);
	fd = opened("f", O_RDWR);
	before("f");
	EQ(OK(pwrite(fd, "x", 1, 0)), 1);
	after("f", "overwriting", true, true);
	before("f");
	EQ(OK(pwrite(fd, "x", 1, 100)), 1);
	after("f", "appending", true, true);
	expect_old_access("f");
	closed(fd);
}

static bool noatime(unsigned long flags)
{
	struct statvfs fs;

	OK(statvfs(".", &fs));
	return fs.f_flag & flags;
}

static void expect_read_marks(const char *path, const char *what, bool unmarked)
{
	if (unmarked)
		expect_old_access(path);
	else if (can("atime"))
		expect_accessed(what, look(path).st_atim, floor_time);
}

static void reading(void)
{
	char byte;
	int fd;

	make("f", 100, 1);
	fd = opened("f", O_RDONLY);
	before("f");
	EQ(OK(pread(fd, &byte, 1, 0)), 1);
	after("f", "reading", false, false);
	/* relatime marks it too, since atime was not later than mtime: mount(8). */
	expect_read_marks("f", "atime after reading", noatime(ST_NOATIME));
	closed(fd);
}

static void noatime_flag(void)
{
	char byte;
	int fd;

	make("f", 100, 1);
	fd = OK(open("f", O_RDONLY | O_NOATIME));
	before("f");
	EQ(OK(pread(fd, &byte, 1, 0)), 1);
	expect_old_access("f");
	after("f", "reading", false, false);
	closed(fd);
}

static void reading_names(void)
{
	char target[8];

	if (can("symlink")) {
		OK(symlink("x", "s"));
		before("s");
		EQ(OK(readlink("s", target, 8)), 1);
		after("s", "readlink", false, false);
		if (!noatime(ST_NOATIME) && can("atime"))
			expect_accessed("atime after readlink", look("s").st_atim, floor_time);
	}
	OK(mkdir("d", 0755));
	make("d/f", 1, 1);
	before("d");
	EQ(entries("d"), 1);
	after("d", "reading the directory", false, false);
	if (noatime(ST_NOATIME | ST_NODIRATIME) || !can("atime"))
		return;
	/* A filesystem may have set SB_NODIRATIME itself, which statvfs does not tell. */
	if (look("d").st_atim.tv_sec == kept_access(AGED))
		report(REFUSED, 0, "reading a directory does not mark its atime");
	expect_accessed("atime after reading the directory", look("d").st_atim, floor_time);
}

static void attributes(void)
{
	if (!can("chown") && !can("link"))
		need("chmod");
	make("f", 100, 1);
	before("f");
	if (can("chmod")) {
		OK(chmod("f", 0600));
		after("f", "chmod", false, true);
		before("f");
	}
	if (can("chown")) {
		OK(chown("f", geteuid(), getegid()));
		after("f", "chown", false, true);
		before("f");
	}
	if (can("link")) {
		OK(link("f", "g"));
		after("f", "link", false, true);
		before("f");
		OK(unlink("g"));
		after("f", "unlink of another name", false, true);
	}
	expect_old_access("f");
}

static void xattr_marks_ctime(void)
{
	make("f", 100, 1);
	before("f");
	OPTIONAL(setxattr("f", "user.a", "b", 1, 0), EOPNOTSUPP);
	after("f", "setxattr", false, true);
	before("f");
	OK(removexattr("f", "user.a"));
	after("f", "removexattr", false, true);
}

static void looking_marks_nothing(void)
{
	struct stat st;

	make("f", 100, 1);
	before("f");
	OK(stat("f", &st));
	OK(access("f", R_OK));
	closed(opened("f", O_RDWR));
	after("f", "stat, access, open, close", false, false);
	expect_old_access("f");
	before(".");
	FAILS(open("missing", O_RDONLY), ENOENT);
	FAILS(unlink("missing"), ENOENT);
	FAILS(mkdir("f", 0755), EEXIST);
	FAILS(rename("missing", "f"), ENOENT);
	after(".", "operations that failed", false, false);
}

static void mapped_reading(void)
{
	volatile char *map;
	int fd;

	make("f", 4096, 1);
	fd = opened("f", O_RDONLY);
	before("f");
	map = (void *)OK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	(void)map[0];
	after("f", "reading through a mapping", false, false);
	expect_read_marks("f", "atime after reading through a mapping", noatime(ST_NOATIME));
	closed(fd);
}

static void mapped_writing(void)
{
	char *map;
	int fd;

	make("f", 4096, 1);
	fd = opened("f", O_RDWR);
	flushed(fd);
	before("f");
	map = (void *)OK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	map[0] = 'x';
	map_flushed(map, 4096, fd);
	after("f", "writing through a mapping and msync", true, true);
	closed(fd);
}

static void monotonic(void)
{
	struct timespec last = { 0 };
	int fd = created("f", 0644);

	for (int i = 0; i < 5; i++) {
		EQ(OK(pwrite(fd, "x", 1, i)), 1);
		HOLDS(compare_times(look_fd(fd).st_mtim, last) > 0, "mtime did not move although the clock did");
		last = look_fd(fd).st_mtim;
		tick();
	}
	closed(fd);
}

static void set_exactly(void)
{
	const struct timespec times[2] = { { 1111111111, 123456789 }, { 1222222222, 987654321 } };
	long grain = settings.granularity;
	struct stat st;

	make("f", 10, 1);
	OK(mkdir("d", 0755));
	tick();
	floor_time = clock_floor();
	OK(utimensat(AT_FDCWD, "f", times, 0));
	OK(utimensat(AT_FDCWD, "d", times, 0));
	st = look("f");
	EQ(st.st_atim.tv_sec, kept_access(times[0].tv_sec));
	EQ(st.st_mtim.tv_sec, kept_second(times[1].tv_sec));
	EQ(st.st_atim.tv_nsec, kept_access_ns(times[0].tv_nsec));
	EQ(st.st_mtim.tv_nsec, times[1].tv_nsec / grain * grain);
	expect_changed("ctime", st.st_ctim, floor_time);
	EQ(same_time(look("d").st_mtim, st.st_mtim), 1);
	if (settings.access_granularity > profile_limit("time_granularity", settings.granularity))
		report(REFUSED, 0, "times of access are kept in steps of %lld s", settings.access_granularity / 1000000000);
}

static void set_now_and_omit(void)
{
	struct timespec times[2] = { { 0, UTIME_NOW }, { 0, UTIME_OMIT } };
	struct stat st;

	make("f", 10, 1);
	before("f");
	OK(utimensat(AT_FDCWD, "f", times, 0));
	st = look("f");
	expect_accessed("atime", st.st_atim, floor_time);
	EQ(st.st_mtim.tv_sec, AGED);
	before("f");
	times[0].tv_nsec = UTIME_OMIT;
	times[1] = (struct timespec){ 77, 88 };
	OK(utimensat(AT_FDCWD, "f", times, 0));
	expect_old_access("f");
	EQ(look("f").st_mtim.tv_sec, kept_second(77));
	before("f");
	OK(utimensat(AT_FDCWD, "f", NULL, 0));
	expect_accessed("atime", look("f").st_atim, floor_time);
	expect_recent("mtime", look("f").st_mtim, floor_time);
}

static void set_errors(void)
{
	const struct timespec wrong[2] = { { 1, 1000000000 }, { 1, -1 } };
	const struct timespec times[2] = { { 1, 1 }, { 1, 1 } };

	make("f", 10, 1);
	aged("f");
	FAILS(utimensat(AT_FDCWD, "f", wrong, 0), EINVAL);
	FAILS(utimensat(AT_FDCWD, "missing", times, 0), ENOENT);
	FAILS(utimensat(AT_FDCWD, "f/x", times, 0), ENOTDIR);
	FAILS(utimensat(AT_FDCWD, "f", times, 0x10000), EINVAL);
	EQ(look("f").st_mtim.tv_sec, AGED);
}

static void set_permission(void)
{
	const struct timespec times[2] = { { 1, 1 }, { 1, 1 } };

	need_root();
	make("f", 10, 1);
	make("g", 10, 1);
	OK(chmod("g", 0666));
	aged("f");
	AS(USER_A, GROUP_A) {
		FAILS(utimensat(AT_FDCWD, "f", times, 0), EPERM);
		FAILS(utimensat(AT_FDCWD, "f", NULL, 0), EACCES);
		FAILS(utimensat(AT_FDCWD, "g", times, 0), EPERM);
		OK(utimensat(AT_FDCWD, "g", NULL, 0));
	}
	EQ(look("f").st_mtim.tv_sec, AGED);
	OK(chown("f", USER_A, GROUP_A));
	OK(chmod("f", 0));
	AS(USER_A, GROUP_A)
		OK(utimensat(AT_FDCWD, "f", times, 0));
	EQ(look("f").st_mtim.tv_sec, kept_second(1));
}

/* Seconds of dates that a filesystem may not be able to hold; then Linux keeps the nearest it can (inode_set_time). */
static void distant_dates(void)
{
	static const int64_t dates[] = {
		0, 1, 2147483647, 2147483648, 4294967295, 4294967296, 6442450943, -1, -86400 * 365, -2147483648,
	};
	int64_t lost = 0;

	make("f", 10, 1);
	for (size_t i = 0; i < ARRAY_SIZE(dates); i++) {
		const struct timespec times[2] = { { dates[i], 0 }, { dates[i], 0 } };
		struct stat st;

		OK(utimensat(AT_FDCWD, "f", times, 0));
		st = look("f");
		EQ(st.st_atim.tv_sec, kept_access(st.st_mtim.tv_sec));
		if (st.st_mtim.tv_sec == kept_second(dates[i])) {
			if (dates[i] < profile_limit("time_min", LLONG_MIN))
				lost = dates[i];
			continue;
		}
		HOLDS((dates[i] < 0 && st.st_mtim.tv_sec > dates[i] && st.st_mtim.tv_sec <= 0) ||
			      (dates[i] >= 2147483647 && st.st_mtim.tv_sec < dates[i] && st.st_mtim.tv_sec >= 2147483647),
		      "the date %lld: expected it or the nearest possible, got %lld", (long long)dates[i],
		      (long long)st.st_mtim.tv_sec);
		lost = dates[i];
	}
	if (lost)
		report(REFUSED, 0, "the date %lld and perhaps others are outside the filesystem's range", (long long)lost);
}

static const struct check times_checks[] = {
	{ "times", "creation", "POSIX.1-2017 open(), symlink(), mkfifo(): mark all three times", creation },
	{ "times", "writing", "POSIX.1-2017 write(): marks mtime and ctime", writing },
	{ "times", "reading", "POSIX.1-2017 read(): marks atime; mount(8) relatime", reading },
	{ "times", "noatime_flag", "open(2), O_NOATIME", noatime_flag },
	{ "times", "reading_names", "POSIX.1-2017 readdir(), readlink(): mark atime", reading_names },
	{ "times", "attributes", "POSIX.1-2017 chmod(), chown(), link(): mark ctime", attributes },
	{ "times", "xattr_marks_ctime", "xattr(7); inode(7), ctime", xattr_marks_ctime },
	{ "times", "looking_marks_nothing", "POSIX.1-2017 4.9 File Times Update", looking_marks_nothing },
	{ "times", "mapped_reading", "POSIX.1-2017 mmap(): marked between mmap() and munmap()", mapped_reading },
	{ "times", "mapped_writing", "POSIX.1-2017 mmap(): marked between a write reference and msync()",
	  mapped_writing },
	{ "times", "monotonic", "POSIX.1-2017 4.9 File Times Update", monotonic },
	{ "times", "set_exactly", "POSIX.1-2017 utimensat()", set_exactly },
	{ "times", "set_now_and_omit", "POSIX.1-2017 utimensat(), UTIME_NOW, UTIME_OMIT", set_now_and_omit },
	{ "times", "set_errors", "POSIX.1-2017 utimensat() ERRORS", set_errors },
	{ "times", "set_permission", "POSIX.1-2017 utimensat() EACCES, EPERM", set_permission },
	{ "times", "distant_dates", "utimensat(2); inode_timestamp_truncate in Linux fs/inode.c", distant_dates },
};

FAMILY(times);

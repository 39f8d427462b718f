// SPDX-License-Identifier: Apache-2.0
/* The state around a check: directory entries, times, free space. */
#include "fscheck/check.h"

size_t entries(const char *path)
{
	struct names names;
	size_t count;

	if (!names_read(AT_FDCWD, path, &names))
		report(FAIL, errno, "reading the directory \"%.200s\": %s", path, errno_name(errno));
	count = names.count;
	names_free(&names);
	return count;
}

bool has_entry(const char *path, const char *name)
{
	struct names names;
	bool found = false;

	if (!names_read(AT_FDCWD, path, &names))
		report(FAIL, errno, "reading the directory \"%.200s\": %s", path, errno_name(errno));
	for (size_t i = 0; i < names.count; i++)
		found |= !strcmp(names.name[i], name);
	names_free(&names);
	return found;
}

bool keeps_dir_links(void)
{
	/* A directory's link count of 1 says "not counted" (btrfs, others); POSIX asks for no particular number. */
	return look(".").st_nlink != 1;
}

int compare_times(struct timespec a, struct timespec b)
{
	if (a.tv_sec != b.tv_sec)
		return a.tv_sec < b.tv_sec ? -1 : 1;
	return a.tv_nsec < b.tv_nsec ? -1 : a.tv_nsec > b.tv_nsec;
}

bool same_time(struct timespec a, struct timespec b)
{
	return !compare_times(a, b);
}

void aged(const char *path)
{
	const struct timespec times[2] = { { AGED, 0 }, { AGED, 0 } };

	if (utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW))
		report(FAIL, errno, "utimensat(\"%.200s\"): expected success, got %s", path, errno_name(errno));
}

#define SECOND 1000000000LL
#define DAY (86400 * SECOND)

static long long seconds_of(long long grain)
{
	return 1 + (grain - 1) / SECOND;
}

static struct timespec rounded(struct timespec time, long long grain)
{
	long long over = time.tv_sec % seconds_of(grain);

	time.tv_nsec = grain >= SECOND ? 0 : time.tv_nsec / grain * grain;
	time.tv_sec -= over < 0 ? over + seconds_of(grain) : over;
	return time;
}

void find_granularity(struct settings *found)
{
	/* No multiple of two seconds, nor of a day. */
	const struct timespec time = { AGED + 43211, 123456789 }, times[2] = { time, time };
	int fd = created("granularity", 0600);
	struct stat st;

	found->granularity = 1;
	if (futimens(fd, times)) {
		closed(fd);
		found->access_granularity = 1;
		return;
	}
	st = look_fd(fd);
	while (found->granularity < SECOND && st.st_mtim.tv_nsec != 123456789 / found->granularity * found->granularity)
		found->granularity *= 10;
	found->access_granularity = profile_limit("time_granularity", found->granularity);
	for (const long long *grain = (const long long[]){ SECOND, 2 * SECOND, DAY, 0 }; *grain; grain++)
		if (*grain > found->access_granularity && same_time(st.st_atim, rounded(time, *grain)))
			found->access_granularity = *grain;
	closed(fd);
}

static long long seconds_as_one(void)
{
	return seconds_of(profile_limit("time_granularity", 1));
}

static long long within_dates(long long second)
{
	long long first = profile_limit("time_min", LLONG_MIN);

	return second < first ? first : second;
}

long long kept_second(long long second)
{
	return rounded((struct timespec){ within_dates(second), 0 }, profile_limit("time_granularity", 1)).tv_sec;
}

long long kept_access(long long second)
{
	return rounded((struct timespec){ within_dates(second), 0 }, settings.access_granularity).tv_sec;
}

long kept_access_ns(long ns)
{
	return rounded((struct timespec){ 0, ns }, settings.access_granularity).tv_nsec;
}

struct timespec clock_floor(void)
{
	long grain = settings.granularity;
	struct timespec now;

	/* The kernel stamps files with the coarse clock: include/linux/timekeeping.h, ktime_get_coarse_real_ts64. */
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	now.tv_nsec = grain >= 1000000000 ? 0 : now.tv_nsec / grain * grain;
	now.tv_sec = kept_second(now.tv_sec);
	return now;
}

void expect_recent(const char *what, struct timespec time, struct timespec floor)
{
	struct timespec now;

	asserted();
	clock_gettime(CLOCK_REALTIME, &now);
	if (compare_times(time, floor) < 0 || compare_times(time, now) > 0)
		fail("%s: expected a time from %lld.%09ld to %lld.%09ld, got %lld.%09ld", what, (long long)floor.tv_sec,
		     floor.tv_nsec, (long long)now.tv_sec, now.tv_nsec, (long long)time.tv_sec, time.tv_nsec);
}

void expect_accessed(const char *what, struct timespec time, struct timespec floor)
{
	expect_recent(what, time, rounded(floor, settings.access_granularity));
}

void expect_changed(const char *what, struct timespec time, struct timespec floor)
{
	if (can("ctime"))
		expect_recent(what, time, floor);
}

void expect_marked(const char *path, struct timespec floor)
{
	char what[64];

	snprintf(what, sizeof(what), "mtime of %s", path);
	expect_recent(what, look(path).st_mtim, floor);
	snprintf(what, sizeof(what), "ctime of %s", path);
	expect_changed(what, look(path).st_ctim, floor);
}

void tick(void)
{
	/* Longer than a jiffy of the slowest kernel (CONFIG_HZ=100), or than the filesystem's own grain. */
	struct timespec pause = { 0, 25000000 };

	if (settings.granularity > pause.tv_nsec)
		pause = (struct timespec){ seconds_as_one(), 100000000 };
	while (nanosleep(&pause, &pause) && errno == EINTR)
		;
}

void settle(void)
{
	int fd = opened(".", O_RDONLY);

	if (syncfs(fd))
		report(FAIL, errno, "syncfs: expected success, got %s", errno_name(errno));
	close(fd);
}

struct statvfs filesystem(void)
{
	struct statvfs fs;

	if (statvfs(".", &fs))
		report(FAIL, errno, "statvfs: expected success, got %s", errno_name(errno));
	return fs;
}

/* Polls, since filesystems free in the background; the count must come back exactly. */
static void expect_back(const char *what, bool inodes, unsigned long wanted)
{
	unsigned long got = 0;

	asserted();
	for (int i = 0; i < 60; i++) {
		struct statvfs fs;

		settle();
		fs = filesystem();
		/* Inodes in use, not free ones: XFS makes them as they are needed, so that f_files moves too. */
		got = inodes ? fs.f_files - fs.f_ffree : fs.f_bfree;
		if (got == wanted)
			return;
		usleep(50000);
	}
	fail("%s: expected %lu as before, got %lu", what, wanted, got);
}

void expect_free_blocks(unsigned long wanted)
{
	expect_back("free blocks", false, wanted);
}

void expect_used_inodes(unsigned long wanted)
{
	expect_back("inodes in use", true, wanted);
}

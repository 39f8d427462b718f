// SPDX-License-Identifier: Apache-2.0
/* Which times are kept, how finely and how far. */
#include "fsprobe/probe.h"

#define AGED 1000000000	/* 2001 */
#define COARSEST_S 2	/* FAT's modification times */
#define DAY_S 86400	/* FAT's access times */
#define MS 1000000L

static void set_times(const char *name, time_t access, time_t modification, long ns)
{
	const struct timespec times[2] = { { access, ns }, { modification, ns } };

	NEED(utimensat(AT_FDCWD, name, times, 0));
}

static bool near(time_t a, time_t b, time_t most)
{
	return a - b <= most && b - a <= most;
}

static bool later(struct timespec a, struct timespec b)
{
	return a.tv_sec != b.tv_sec ? a.tv_sec > b.tv_sec : a.tv_nsec > b.tv_nsec;
}

static void rest(long ms)
{
	struct timespec pause = { ms / 1000, ms % 1000 * MS };

	while (nanosleep(&pause, &pause) && errno == EINTR)
		;
}

static void utimes_kept(void)
{
	static const struct timespec times[2] = { { AGED + 10 * DAY_S, 0 }, { AGED, 0 } };
	const char *name = at("f");
	struct stat before, st;

	made(name);
	before = look(name);
	ASK(utimensat(AT_FDCWD, name, times, 0));
	st = look(name);
	if (st.st_mtime == before.st_mtime)
		refused_silently("it succeeds, and the times stay what they were");
	HOLDS(near(st.st_mtime, AGED, COARSEST_S), "mtime was set to %d, and is %lld", AGED, (long long)st.st_mtime);
	forget();
	st = look(name);
	HOLDS(near(st.st_mtime, AGED, COARSEST_S), "mtime was set to %d, and is %lld when it is read again", AGED,
	      (long long)st.st_mtime);
	works();
}

static void atime_kept(void)
{
	const char *name = at("f");
	time_t marked;
	char byte;
	int fd;

	made(name);
	set_times(name, AGED, AGED + DAY_S, 0);
	forget();
	trigger("utimensat to 2001, read, stat");
	if (!near(look(name).st_atime, AGED, DAY_S))
		refused(0, "atime was set to %d, and is %lld when it is read again", AGED,
			(long long)look(name).st_atime);
	fd = MUST(open(name, O_RDONLY | O_CLOEXEC));
	MUST(read(fd, &byte, 1));
	close(fd);
	marked = look(name).st_atime;
	if (near(marked, AGED, DAY_S))
		refused(0, "reading does not mark it");
	forget();
	if (!near(look(name).st_atime, marked, DAY_S))
		refused(0, "it was %lld after a read, and is %lld when it is read again", (long long)marked,
			(long long)look(name).st_atime);
	works();
}

static void mtime_kept(void)
{
	const char *name = at("f");
	time_t marked, now;
	int fd;

	made(name);
	set_times(name, AGED, AGED, 0);
	trigger("utimensat to 2001, write, stat");
	fd = NEED(open(name, O_WRONLY | O_CLOEXEC));
	NEED(write(fd, "x", 1));
	NEED(close(fd));
	now = time(NULL);
	marked = look(name).st_mtime;
	HOLDS(near(marked, now, COARSEST_S + 3), "it is %lld after a write at %lld", (long long)marked, (long long)now);
	forget();
	HOLDS(near(look(name).st_mtime, marked, COARSEST_S), "it was %lld after a write, and is %lld when it is read again",
	      (long long)marked, (long long)look(name).st_mtime);
	works();
}

static void ctime_kept(void)
{
	static const long pauses[] = { 30, 1100, 2100 };
	const char *name = at("f");
	struct stat before, after = { 0 };
	bool moved = false;

	made(name);
	before = look(name);
	trigger("stat, utimensat to 2001, stat");
	for (size_t i = 0; i < ARRAY_SIZE(pauses) && !moved; i++) {
		rest(pauses[i]);
		set_times(name, AGED, AGED, 0);
		after = look(name);
		moved = later(after.st_ctim, before.st_ctim);
	}
	if (!moved && !later(after.st_ctim, after.st_mtim) && !later(after.st_mtim, after.st_ctim))
		refused(0, "it is the same as mtime");
	HOLDS(moved, "setting mtime does not mark it");
	forget();
	before = look(name);
	if (!near(before.st_ctime, after.st_ctime, COARSEST_S))
		refused(0, "it was %lld after a change, and is %lld when it is read again", (long long)after.st_ctime,
			(long long)before.st_ctime);
	works();
}

static void birth_time(void)
{
	const char *name = at("f");
	struct statx first, second;
	time_t now;

	made(name);
	now = time(NULL);
	trigger("statx(\"f\", STATX_BTIME)");
	MUST(statx(AT_FDCWD, name, 0, STATX_BTIME, &first));
	if (!(first.stx_mask & STATX_BTIME))
		refused(0, "statx does not tell it");
	HOLDS(near(first.stx_btime.tv_sec, now, COARSEST_S + 3), "it is %lld of a file that was made at %lld",
	      (long long)first.stx_btime.tv_sec, (long long)now);
	set_times(name, AGED, AGED, 0);
	forget();
	MUST(statx(AT_FDCWD, name, 0, STATX_BTIME, &second));
	HOLDS(second.stx_btime.tv_sec == first.stx_btime.tv_sec, "it was %lld, and is %lld when it is read again",
	      (long long)first.stx_btime.tv_sec, (long long)second.stx_btime.tv_sec);
	works();
}

static void time_granularity(void)
{
	static const long grains[] = { 1, 100, 1000, MS, 10 * MS, 1000 * MS };
	const char *name = at("f");
	struct stat st, set;

	made(name);
	set_times(name, AGED + 1, AGED + 1, 123456789);
	set = look(name);
	forget();
	st = look(name);
	trigger("utimensat to 1000000001.123456789, stat, drop caches, stat");
	/* The kernel cuts times to what the filesystem says it keeps (s_time_gran), so that both are the same. */
	HOLDS(!later(set.st_mtim, st.st_mtim) && !later(st.st_mtim, set.st_mtim),
	      "mtime is %lld.%09ld, and %lld.%09ld when it is read again", (long long)set.st_mtime, set.st_mtim.tv_nsec,
	      (long long)st.st_mtime, st.st_mtim.tv_nsec);
	for (size_t i = 0; i < ARRAY_SIZE(grains); i++)
		if (st.st_mtim.tv_sec == AGED + 1 && st.st_mtim.tv_nsec == 123456789 / grains[i] * grains[i])
			works_to(grains[i], false, 0);
	if (near(st.st_mtime, AGED + 1, COARSEST_S) && !st.st_mtim.tv_nsec)
		works_to(COARSEST_S * 1000 * MS, false, 0);
	broken("mtime was set to %d.123456789, and is %lld.%09ld", AGED + 1, (long long)st.st_mtime, st.st_mtim.tv_nsec);
}

#define DATES 9

/* The last of these dates that is kept; each file has its own, so that they are all read again at once. */
static void find_last_date(const long long dates[DATES])
{
	long long last = AGED;
	char names[DATES + 1][16];
	long long wanted[DATES + 1];
	int count = 0;

	for (int i = 0; i <= DATES; i++) {
		char name[4];

		snprintf(name, sizeof(name), "f%d", i);
		snprintf(names[i], sizeof(names[i]), "%s", at(name));
		close(created(names[i]));
		/* The last one is what the kernel made of one that is too far: the filesystem's own limit, if it says one. */
		wanted[i] = i < DATES ? dates[i] : (long long)look(names[i - 1]).st_mtime;
		set_times(names[i], wanted[i], wanted[i], 0);
		count++;
	}
	forget();
	for (int i = 0; i < count; i++) {
		long long got = look(names[i]).st_mtime;

		if (near(got, wanted[i], COARSEST_S) && llabs(got - AGED) > llabs(last - AGED))
			last = got;
		else if (!near(got, wanted[i], COARSEST_S) && !i)
			broken("the date %lld is %lld when it is read again", wanted[i], got);
	}
	if (last == wanted[DATES - 1])
		works_to(last, true, 0);
	works_to(last, false, 0);
}

static void time_min(void)
{
	static const long long dates[DATES] = {
		946684800,	/* 2000 */
		315532800,	/* 1980, where FAT begins */
		0,
		-1,
		-(1LL << 31),	/* 1901 */
		-(1LL << 32),
		-(1LL << 33),
		-(1LL << 35),
		-(1LL << 40),
	};

	trigger("utimensat, drop caches, stat");
	find_last_date(dates);
}

static void time_max(void)
{
	static const long long dates[DATES] = {
		1800000000,	/* 2027 */
		(1LL << 31) - 1,	/* 2038 */
		1LL << 31,
		(1LL << 32) - 1,	/* 2106 */
		1LL << 32,
		(1LL << 33) - 1,
		(1LL << 34) - 1,
		(1LL << 37),
		1LL << 40,
	};

	trigger("utimensat, drop caches, stat");
	find_last_date(dates);
}

static const struct probe times_probes[] = {
	PROBE(utimes, utimes_kept),
	PROBE(atime, atime_kept, .needs = FILES ",utimes"),
	PROBE(mtime, mtime_kept, .needs = FILES ",utimes"),
	PROBE(ctime, ctime_kept, .needs = FILES ",utimes"),
	PROBE(birth_time, birth_time, .needs = FILES ",utimes"),
	PROBE(time_granularity, time_granularity, .needs = FILES ",utimes"),
	PROBE(time_min, time_min, .needs = FILES ",utimes"),
	PROBE(time_max, time_max, .needs = FILES ",utimes"),
};

GROUP(times);

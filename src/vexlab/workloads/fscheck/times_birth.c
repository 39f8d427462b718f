// SPDX-License-Identifier: Apache-2.0
/* Times of birth: set once, by whatever makes the file. */
#include "fscheck/check.h"

static void birth(void)
{
	struct statx before, now;
	struct timespec floor = clock_floor();

	make("f", 10, 1);
	OK(statx(AT_FDCWD, "f", 0, STATX_BTIME, &before));
	if (!(before.stx_mask & STATX_BTIME))
		report(REFUSED, 0, "the filesystem keeps no times of birth");
	expect_recent("btime", (struct timespec){ before.stx_btime.tv_sec, before.stx_btime.tv_nsec }, floor);
	tick();
	make("f", 20, 2);
	OK(chmod("f", 0600));
	aged("f");
	OK(statx(AT_FDCWD, "f", 0, STATX_BTIME, &now));
	EQ(now.stx_btime.tv_sec, before.stx_btime.tv_sec);
	EQ(now.stx_btime.tv_nsec, before.stx_btime.tv_nsec);
}

static void birth_of_others(void)
{
	const char *names[3] = { "directory" };
	size_t count = 1;
	struct timespec floor = clock_floor();
	struct statx born, now;

	OK(mkdir("directory", 0755));
	if (can("symlink")) {
		OK(symlink("target", "short"));
		names[count++] = "short";
	}
	if (can("fifo")) {
		OK(mkfifo("pipe", 0644));
		names[count++] = "pipe";
	}
	for (size_t i = 0; i < count; i++) {
		OK(statx(AT_FDCWD, names[i], AT_SYMLINK_NOFOLLOW, STATX_BTIME, &born));
		if (!(born.stx_mask & STATX_BTIME))
			report(REFUSED, 0, "the filesystem keeps no time of birth of a %s", names[i]);
		expect_recent(names[i], (struct timespec){ born.stx_btime.tv_sec, born.stx_btime.tv_nsec }, floor);
		tick();
		aged(names[i]);
		OK(statx(AT_FDCWD, names[i], AT_SYMLINK_NOFOLLOW, STATX_BTIME, &now));
		EQ(now.stx_btime.tv_sec, born.stx_btime.tv_sec);
		EQ(now.stx_btime.tv_nsec, born.stx_btime.tv_nsec);
	}
}

static const struct check times_birth_checks[] = {
	{ "times", "birth", "statx(2), stx_btime", birth },
	{ "times", "birth_of_others", "statx(2), stx_btime", birth_of_others },
};

FAMILY(times_birth);

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_CHECK_H
#define VEXLAB_CHECK_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/profile.h"
#include "lib/digest.h"
#include "lib/random.h"
#include "lib/tree.h"

/*
 * A check is a function that runs in a fresh directory (its working directory) in a process of its own. It speaks
 * through the macros below; the first failure ends it. A check that asserted nothing has failed, so none passes
 * because it could not run.
 */
/* LACKS: it needs what the filesystem does not have. BLOCKED: it needs what the filesystem does wrong. */
enum result { PASS, FAIL, REFUSED, SKIP, TIMEOUT, LACKS, BLOCKED };

struct check {
	const char *family;
	const char *name;
	const char *cite;
	void (*run)(void);
};

struct family {
	const struct check *checks;
	size_t count;
};

#define FAMILY(name) const struct family name##_family = { name##_checks, ARRAY_SIZE(name##_checks) }

struct outcome {
	int result;
	int err;
	unsigned int asserted;
	char detail[1500];
	char needs[32];		/* of LACKS and BLOCKED: the capability */
};

/* Settings of this run, the same in every child. */
struct settings {
	bool announce;		/* the kernel's log is told which check begins */
	bool shared;		/* others use this filesystem: counts of free blocks and inodes say nothing */
	bool keep;		/* what a check leaves stays, for whoever looks at it afterwards */
	unsigned long fill_mib;	/* the largest free space that is filled */
	const char *program;	/* the path of this program */
	double until;		/* the clock, in seconds, when half of the check's time has gone */
	long granularity;	/* of the filesystem's times, in nanoseconds */
	long long access_granularity;	/* of atime, which may be coarser: FAT keeps the day */
};

extern struct outcome *outcome;
extern struct settings settings;

__attribute__((noreturn, format(printf, 3, 4))) void report(enum result result, int err, const char *format, ...);
void expect_success(const char *what, long value, int err);
void expect_failure(const char *what, long value, int err, const int *wanted);
void expect_equal(const char *what, long long got, long long wanted);
void expect_bytes(const char *what, const void *got, const void *wanted, size_t len);
void expect_optional(const char *what, long value, int err, const int *allowed, uint64_t before);
void asserted(void);
/* Ends the check where this capability does not work, or its limit is below `wanted` and an error was seen there. */
void need(const char *capability);
void need_room(const char *limit, long long wanted);
const char *errno_name(int err);

/*
 * A check is about one thing. What it only uses it goes without where that does not work, and of what has a limit it
 * takes as much as `wanted`, or half of the limit where one was met below that.
 */
bool can(const char *capability);
size_t file_bytes(size_t wanted);
off_t sparse_bytes(off_t wanted);
size_t name_bytes(size_t wanted);
/* Entries with names of `len` bytes; at least two. */
int names_in_directory(int wanted, size_t len);
/* How many of `wanted` zeros a name takes that has so many bytes `beside` them; at least one. */
int name_padding(int wanted, int beside);

#define fail(...) report(FAIL, 0, __VA_ARGS__)
#define skip(...) report(SKIP, 0, __VA_ARGS__)

/* The call must succeed (not return -1); its value. */
#define OK(call) ({ \
	errno = 0; \
	long ok_value = (long)(call); \
	expect_success(#call, ok_value, errno); \
	ok_value; })

/* The call must return -1 with one of these errors. */
#define FAILS(call, ...) ({ \
	errno = 0; \
	long fails_value = (long)(call); \
	expect_failure(#call, fails_value, errno, (const int[]){ __VA_ARGS__, 0 }); })

/* As OK, but one of these errors is a refusal of an optional operation, provided that nothing changed. */
#define OPTIONAL(call, ...) ({ \
	uint64_t optional_before = tree_digest(); \
	errno = 0; \
	long optional_value = (long)(call); \
	expect_optional(#call, optional_value, errno, (const int[]){ __VA_ARGS__, 0 }, optional_before); \
	optional_value; })

#define EQ(got, wanted) expect_equal(#got, (long long)(got), (long long)(wanted))
#define BYTES(got, wanted, len) expect_bytes(#got, got, wanted, len)
#define HOLDS(condition, ...) ({ \
	asserted(); \
	if (!(condition)) \
		fail(__VA_ARGS__); })

/* The block that follows runs in a child as this user; a failure in it is the check's. */
#define AS(uid, gid) for (int as_once = as_begin(uid, gid); as_once; as_end())
#define USER_A 4001
#define USER_B 4002
#define GROUP_A 5001
#define GROUP_B 5002
int as_begin(uid_t uid, gid_t gid);
__attribute__((noreturn)) void as_end(void);

/* The block that follows runs in `count` children at once, each with its own number; all are waited for. */
#define WORKERS(count, number) for (int number = workers_begin(count); number >= 0; as_end())
int workers_begin(int count);

/* One child in the background; background_end waits for it, and its failure is the check's. */
pid_t background_begin(void);
void background_end(pid_t pid);

/* Whether less than half of the time that a check may take has gone: for work of which less will do. */
bool time_left(void);

void need_root(void);
void need_own_filesystem(void);
/* Ends the check where a cleaner gives blocks back (freed_blocks is refused); not where they are never given back. */
void need_freed_blocks(void);

/* Files and their bytes. Byte i of pattern `seed` depends on seed and i alone and is never zero. */
void pattern(void *data, size_t len, off_t offset, unsigned int seed);
void *patterned(size_t len, off_t offset, unsigned int seed);
void make(const char *path, size_t len, unsigned int seed);
void put(const char *path, const char *text);
void expect_pattern(int fd, off_t offset, size_t len, unsigned int seed);
void expect_zeros(int fd, off_t offset, size_t len);
void expect_made(const char *path, size_t len, unsigned int seed);
void expect_text(const char *path, const char *text);
void expect_missing(const char *path);
void expect_value(const char *path, const char *name, const void *value, size_t len);
int opened(const char *path, int flags);
int created(const char *path, mode_t mode);
void closed(int fd);
struct stat look(const char *path);
struct stat look_fd(int fd);
/* Nothing is asked where files do not keep modes. */
void expect_mode(const char *path, mode_t wanted);
/* Writes the file back, with the whole filesystem where there is no fsync(2). */
void flushed(int fd);
/* The same of a shared mapping of the file, by msync(2). */
void map_flushed(void *map, size_t len, int fd);
/* Writes the file back and drops its pages, so that the next read comes from the device. */
void forget(int fd);

/* Directories. */
size_t entries(const char *path);
bool has_entry(const char *path, const char *name);
bool keeps_dir_links(void);

/* A directory's entries "entry0", "entry1", ..., and how often each was seen. */
#define ENTRIES 3000
extern unsigned char seen[ENTRIES];
void make_entries(const char *dir, int count);
DIR *open_stream(const char *path);
struct dirent *next_entry(DIR *dir);
/* -1 for dot and dot-dot. */
int entry_number(const struct dirent *entry);
void scan_entries(DIR *dir);
void expect_seen(int from, int to, int times);

/* Times. `aged` sets atime and mtime to a day of 2001; `tick` waits until the filesystem's clock has moved. */
#define AGED 1000000000
void aged(const char *path);
void tick(void);
struct timespec clock_floor(void);
void expect_recent(const char *what, struct timespec time, struct timespec floor);
/* The same of the time of change, where it is kept. */
void expect_changed(const char *what, struct timespec time, struct timespec floor);
/* Both mtime and ctime. */
void expect_marked(const char *path, struct timespec floor);
void find_granularity(struct settings *found);
/* The second of a time as it is kept: whole seconds may be one, and dates before the filesystem's first are that. */
long long kept_second(long long second);
/* The same of the time of access. */
long long kept_access(long long second);
long kept_access_ns(long ns);
void expect_accessed(const char *what, struct timespec time, struct timespec floor);
int compare_times(struct timespec a, struct timespec b);
bool same_time(struct timespec a, struct timespec b);

/* Free space: counts after everything deferred has been done. */
void settle(void);
struct statvfs filesystem(void);
void expect_free_blocks(unsigned long wanted);
void expect_used_inodes(unsigned long wanted);

/* Filling what is free; skips where that is not ours to fill or too large. */
#define MIB (1UL << 20)
void need_small(void);
unsigned long free_mib(void);
/* Appends the pattern in pieces until ENOSPC; the file's size then. */
size_t write_until_full(int fd, size_t piece, unsigned int seed);
/* Takes all but about `leave` MiB with the file "ballast". */
void ballast(unsigned long leave);
/* Takes with a file what is left, which may be too little for a new one. */
void fill_rest(const char *path);
/* Takes all of it, the rest with the file "rest". */
void fill_up(void);

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FSPROBE_PROBE_H
#define FSPROBE_PROBE_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "lib/child.h"
#include "lib/tree.h"

/*
 * A probe is a function that runs in a process of its own, in a fresh directory where directories can be made and
 * removed, else in the one directory there is. It finds out one capability, and ends with works(), refused(), broken()
 * or unknown(), mostly by way of the macros below:
 *
 *	NEED(call)	set-up: an error says nothing of this capability, which stays unknown
 *	ASK(call)	what the probe is about: an error is a refusal, provided that nothing changed
 *	MUST(call)	afterwards: an error means that it is broken
 *	HOLDS(...)	afterwards: an effect that must be there
 *
 * Names of files are given as at("x"). A file is small (SMALL bytes), as some filesystems know no others.
 */
enum state { STATE_NONE, STATE_WORKS, STATE_REFUSED, STATE_BROKEN, STATE_UNKNOWN };

/* What a probe needs that says nothing else. */
#define FILES "create,write"

struct probe {
	const char *name;	/* in src/vexlab/model/capabilities.py */
	void (*run)(void);
	const char *needs;	/* where one of these does not work, this one stays unknown; NULL: FILES */
	bool guest;		/* reaches beyond its directory: only in a machine of our own (--guest) */
	bool basic;		/* the others rely on it: asked first, and not in a directory of its own */
};

struct group {
	const struct probe *probes;
	size_t count;
};

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define PROBE(name_, run_, ...) { .name = #name_, .run = run_, ##__VA_ARGS__ }
#define GROUP(name) const struct group name##_group = { name##_probes, ARRAY_SIZE(name##_probes) }

struct answer {
	int state;
	int err;
	bool deadly;		/* broken: it hung, or the kernel killed it, so that nobody may do it again */
	bool silent;		/* refused without an error: the call says that it succeeded */
	bool limited;		/* there is a limit */
	bool at_least;		/* the search ended there, not the filesystem */
	long long limit;
	char detail[300];
	char trigger[160];
};

struct settings {
	bool guest;		/* this machine is ours: caches are dropped, the filesystem is frozen */
	bool announce;		/* the kernel's log is told what begins, and what was found */
	bool flat;		/* no directory for each probe */
	bool keep;		/* what a probe leaves stays */
	bool cached;		/* caches cannot be dropped */
	bool unsynced;		/* fsync cannot be used */
};

extern struct answer *answer;
extern struct settings settings;

#define SMALL 3000


__attribute__((noreturn)) void works(void);
__attribute__((noreturn)) void works_to(long long limit, bool at_least, int err);
__attribute__((noreturn, format(printf, 2, 3))) void refused(int err, const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2))) void refused_silently(const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2))) void broken(const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2))) void unknown(const char *format, ...);
/* Adds a sentence to what works() says. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);
/* The call that a broken capability is shown by: the last one that was asked for. */
void trigger(const char *call);
void check_unchanged(uint64_t before, int err);
const char *errno_name(int err);

#define NEED(call) ({ \
	errno = 0; \
	long need_value = (long)(call); \
	if (need_value == -1) \
		unknown("it needs %s, which says %s", #call, errno_name(errno)); \
	need_value; })

#define ASK(call) ({ \
	uint64_t ask_before = tree_digest(); \
	trigger(#call); \
	errno = 0; \
	long ask_value = (long)(call); \
	if (ask_value == -1) \
		check_unchanged(ask_before, errno); \
	ask_value; })

#define MUST(call) ({ \
	errno = 0; \
	long must_value = (long)(call); \
	if (must_value == -1) \
		broken("%s says %s", #call, errno_name(errno)); \
	must_value; })

#define HOLDS(condition, ...) ({ \
	if (!(condition)) \
		broken(__VA_ARGS__); })

/* Whether this capability was found not to work. */
bool is_missing(const char *name);
/* The name of a file for this probe. */
const char *at(const char *name);
int created(const char *name);
/* Byte i of the content depends on `seed` and i, and is never zero. */
void pattern(void *data, size_t len, off_t offset, unsigned int seed);
/* Writes a pattern; unknown where not all of it fits. */
void fill(int fd, size_t len, off_t offset, unsigned int seed);
/* A file of SMALL bytes. */
void made(const char *name);
/* "" where the bytes are the pattern's, or zero for seed 0; else what is wrong. */
const char *differs(int fd, size_t len, off_t offset, unsigned int seed);
const char *file_differs(const char *name, size_t len, unsigned int seed);
void expect_file(const char *what, const char *name, size_t len);
void expect_missing(const char *name);
struct stat look(const char *name);
bool has_entry(const char *dir, const char *name);
#define FEW 10
/* A few empty files. */
void make_few(char names[FEW][16]);
/* Writes everything back and drops what is cached, so that what is asked next comes from the device. */
void forget(void);
/* fsync, where it can be used. */
void settle(int fd);
/* The size of a block, and a file of that many of them (pattern 1), written back. */
size_t block_size(void);
int blocks_of(int count);
/* The largest offset of a small set at which a byte can be written, and whether the gap before it takes blocks. */
off_t with_gap(int fd, bool *sparse);

#include "lib/digest.h"

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIB_CAPABILITY_H
#define LIB_CAPABILITY_H

#include <stdbool.h>

/*
 * Which capabilities of the probed profile a piece of work used. The calls that need one are wrapped when a program is
 * linked (lib/wrap.c, ld's --wrap), so that no source names them. A call that fails for want of a capability that the
 * filesystem does not have says nothing about what the work is about; a call that crashed the kernel when it was probed
 * is not made again.
 */
enum capability_use { USED_NOTHING, LACKED, USED_BROKEN, AVOIDED };

struct capability_note {
	enum capability_use use;
	char name[32];
	int err;
};

/* Calls on the filesystem of `dir` are watched from now on, also in children; false with errno where it cannot be. */
bool capability_watch(const char *dir);

/* Other work begins: nothing is noted of it yet. */
void capability_forget(void);

/* The gravest note since then. */
struct capability_note capability_noted(void);

/* Called in place of a call that is deadly, where it is set; it need not return. Else the call fails with EOPNOTSUPP. */
extern void (*capability_avoided)(const char *name);

/* Broken capabilities are avoided as deadly ones are: for programs that cannot say afterwards what it was for. */
void capability_avoid_broken(void);

/* For lib/wrap.c. `on` is whether the call reaches the watched filesystem; it is asked for deadly ones only. */
bool capability_deadly(const char *name);
bool capability_path(int dirfd, const char *path);
bool capability_fd(int fd);
long capability_after(long value, const char *name);
/* The call asked for `wanted` of a capability that has a limit; `whole` is whether it got all of it. */
long capability_within(long value, bool whole, const char *name, long long wanted);
/* A name was to be made: it may be too long, or its directory full. */
long capability_named(long value);

#endif

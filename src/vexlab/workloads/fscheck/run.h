/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_RUN_H
#define VEXLAB_RUN_H

#include "fscheck/check.h"
#include "lib/child.h"

/* Runs `work` in a child with its own process group; false where it had to be killed. Its word is in *outcome. */
bool guarded(void (*work)(void), double timeout);

/* Runs one check below the working directory and prints its line; true where it did not fail. */
/* Watches which capabilities the checks in `dir` use. */
bool watch(const char *dir);
bool run_check(const struct check *check, double timeout);

/* Finds out what the checks need to know of the filesystem. */
void probe(double timeout);

/*
 * With --announce tells the kernel's log which check begins, so that the console says it when the kernel dies in it;
 * the family "end" comes after the last one.
 */
void announce(const char *family, const char *name);

void print_outcome(const struct check *check, double ms);

/* fscheck prove: whether `path` lies on a filesystem of this type on this device. */
bool prove(const char *path, const char *device, const char *fstype);

/*
 * fscheck mark and fscheck verify: state that must survive unmounting, fsck, a machine's end. Where one of the
 * capabilities that it `needs`, separated by blanks, does not work it is neither made nor looked for; of what it only
 * uses it leaves out the same both times.
 */
struct marker {
	const char *name;
	const char *cite;
	const char *needs;
	void (*make)(void);
	void (*verify)(void);
};
extern const struct marker markers[];
extern const size_t marker_count;
bool mark(const char *path, double timeout);
bool verify(const char *path, double timeout);

/* fscheck readonly: the same place, mounted read-only. */
bool readonly(const char *path, double timeout);

extern const struct family *const families[];
extern const size_t family_count;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FSFAULT_H
#define FSFAULT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * An operation that is disturbed. setup and undo run undisturbed; run returns 0 or an errno. settled, where there is
 * one, says what is wrong with how run left things, NULL for nothing; it gets what run returned.
 */
struct operation {
	const char *name;
	bool (*setup)(void);
	int (*run)(void);
	void (*undo)(void);
	const char *(*settled)(int result);
};

/* What the operations work on. */
struct place {
	const char *directory; /* on the filesystem, of our own; where it is mounted for mount and unmount */
	const char *device;
	const char *fstype;
	const char *options; /* of the mount, "" for none */
	const char *module;  /* its name */
	const char *image;   /* its file, NULL where it comes with the kernel */
	const char *params;
};
extern struct place place;

extern const struct operation file_operations[], system_operations[];

/* Reads further operations, ioctls, from a file; false with errno, EINVAL where it cannot be read. */
bool calls_read(const char *file);
size_t calls_count(void);
const struct operation *call_at(size_t which);

enum fault { ALLOCATION, IO };

/* Switches the injection of one kind on, for all of them; false with errno where the kernel has none. */
bool inject_setup(enum fault fault, const char *device);
/* Has the n-th from now on fail, n from 1: allocations and copies of this task; n-th block of 4 KiB of the device. */
bool inject_arm(enum fault fault, unsigned int nth);
/* Ends it, and tells whether one failed. */
bool inject_disarm(enum fault fault);

/* Notes every allocation of this task with its stack until seen_print, which prints those below `module`. */
bool seen_begin(void);
void seen_print(const char *operation, const char *module);

/* The kernel's log does not tell of every failure: a probe does, with its stack. False where there are no probes. */
bool failed_setup(void);
/* Notes the failures of this task until failed_print, which prints them as those of `operation`'s n-th attempt. */
bool failed_begin(void);
void failed_print(const char *operation, unsigned int nth, const char *module);
void failed_end(void);

#endif

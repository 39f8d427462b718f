/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_LAST_OPERATIONS_H
#define VEXLAB_LAST_OPERATIONS_H

#include "fscheck/check.h"

/*
 * An operation that needs several blocks. In a directory, `to` is the name that it makes, else a file that it changes.
 * `expect` fails unless all of it is there.
 */
struct operation {
	const char *name;
	const char *needs;	/* the capability that it is about */
	int (*attempt)(const char *to);
	void (*expect)(const char *to);
	bool in_directory;
	bool moves;	/* a directory that must be made beforehand, see moved_from() */
	int refusal;	/* the error that says that there is no such thing here */
	bool cut;	/* what is expected is removed at once */
};

#define OPERATIONS 10
extern const struct operation operations[OPERATIONS];

/* Whether the filesystem has it. */
bool has(const struct operation *operation);

/* The size of a block, to be set first. */
extern size_t block_size;

/* The directory that is moved to the name `to`, or to one in the directory `to`. */
void moved_from(char from[64], const char *to);

#endif

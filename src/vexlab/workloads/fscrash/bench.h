/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_FSCRASH_BENCH_H
#define VEXLAB_FSCRASH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "fscrash/check.h"
#include "fscrash/dm.h"
#include "fscrash/model.h"

#define MOST_HARMLESS 16

/* What is given on the command line: the devices, and how the filesystem is made, mounted and checked. */
struct bench {
	const char *disk;
	const char *log;
	const char *cow;
	const char *fstype;
	const char *options;
	const char *mkfs;
	const char *fsck;
	const char *hook;
	const char *root;
	const char *harmless[MOST_HARMLESS];	/* parts of what the kernel may say */
	int harmless_count;
	uint64_t sectors;
	long slack;
	char base[NODE_ROOM];
	int kmsg;
	long free_blocks;
	long free_inodes;
	double limit_ms;
	double fsck_ms;
	double began_ms;
};

double now_ms(void);
/* Makes the filesystem, full of what is deleted again, with the actors' folders; it ends unmounted. */
bool bench_prepare(struct bench *bench, char why[WHY]);
/* Does the program on a copy-on-write layer whose writes are logged; false where an operation fails. */
bool bench_record(struct bench *bench, const struct model *model, char why[WHY]);
/* A copy-on-write layer above the base, and its end. */
bool bench_layer(struct bench *bench, const char *name, char node[NODE_ROOM], char why[WHY]);

bool bench_mount(const struct bench *bench, const char *node, char why[WHY]);
bool bench_unmount(const struct bench *bench, char why[WHY]);
/* Runs the target's fsck, if it has one and the time spent in it allows, and says what it found. */
bool bench_fsck(struct bench *bench, const char *node, bool always, char why[WHY]);
/* Whether the kernel has complained since the last call; its words are in `why` then. */
bool bench_quiet(struct bench *bench, char why[WHY]);
/* Removes everything from the unmounted filesystem, and compares what is free with the base's. */
bool bench_emptied(struct bench *bench, const char *node, char why[WHY]);
/* Whether the file that nobody touches is what it was. */
bool bench_kept(const struct bench *bench, char why[WHY]);

#endif

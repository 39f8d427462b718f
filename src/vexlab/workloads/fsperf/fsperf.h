/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_FSPERF_H
#define VEXLAB_FSPERF_H

#include <stdbool.h>

/* One thread's part of a phase: the names or blocks [base, base + count) in its own directory. */
struct job {
	int dir;
	int thread;	/* of its names, where all threads share one directory */
	bool shared;
	long most;	/* blocks of a file */
	long base;
	long count;
	long round;
	long done;	/* operations, if other than count */
};

struct phase {
	const char *name;
	const char *needs;	/* of the profile: where it is lacking, the phase is done on no side */
	/* False with errno where an operation failed. */
	bool (*work)(struct job *job);
	bool file;	/* of blocks of one file, not of names */
	bool alone;	/* on the whole filesystem: by one thread */
};

extern const struct phase phases[];
extern const struct phase io_phases[];

/* What the device under a directory has done and what the kernel's memory holds, as the kernel counts it. */
struct counts {
	long long reads;
	long long read_sectors;
	long long writes;
	long long write_sectors;
	long long flushes;
	long long slab;		/* bytes */
	long long freed;	/* bytes of MemFree */
};

/* What memory holds is asked for only if wanted: that takes the kernel far longer than many a phase. */
bool counts_read(struct counts *counts, const char *path, bool memory);
/* Where /sys counts the requests of the device under a directory. */
bool counts_path(char *path, unsigned long size, const char *dir);

#endif

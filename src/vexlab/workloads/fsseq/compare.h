/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_COMPARE_H
#define VEXLAB_COMPARE_H

#include "fsseq/execute.h"

/* Two directories on two filesystems; each program runs in a fresh directory in both. */
struct pair {
	const char *path[2];
	bool dir_links;
	bool drop;		/* drop the caches before the trees are compared a second time */
};

/* The first difference: at an operation, or (index == -1) in the trees that were left. */
struct difference {
	long index;
	char a[9000];
	char b[9000];
};

bool pair_open(struct pair *pair, const char *a, const char *b);
/* True where the two differ. */
bool differ(struct pair *pair, const struct program *program, struct difference *difference);
/* Leaves the shortest program found that still differs. */
void shrink(struct pair *pair, struct program *program);

#endif

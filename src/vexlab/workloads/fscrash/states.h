/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VEXLAB_FSCRASH_STATES_H
#define VEXLAB_FSCRASH_STATES_H

#include "fscrash/bench.h"
#include "fscrash/execute.h"
#include "fscrash/log.h"

/* A crash after the entry `cut` of the log: what was not flushed then is on the disk in part, as `part` says. */
struct state {
	int cut;
	int flush;
	int end;
	int done;
	int begun;
	uint64_t seed;
	enum part *part;
};

/* Checks `count` states made of `seed`, printing a line for each; the number of those that failed is returned. */
int check_states(struct bench *bench, const struct model *model, const struct log *log, uint64_t seed, int count);

#endif

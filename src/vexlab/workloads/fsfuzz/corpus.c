// SPDX-License-Identifier: Apache-2.0
/*
 * What is kept to be changed further: programs in which an ioctl worked, with such pointers and after what had worked on
 * its file until then, as none had before, or any call failed in a new way; and, where the kernel tells, those that ran
 * code that none had run. How a call fails hardly depends on what went before, and is not to fill the room of those that
 * lead on; nor is one call that works in many ways: each has its share of what is picked and of what is dropped. What
 * stands behind the call that was new is cut off, and a shorter program that leads to the same takes its place, so that
 * a change meets what matters.
 */
#include <stdlib.h>
#include <string.h>

#include "fsfuzz/fuzz.h"
#include "lib/random.h"

#define MOST_PROGRAMS 256
#define BITS 16
#define NOWHERE UINT16_MAX
#define NOTHING UINT32_MAX
#define GROUPS 64	/* of the calls for which programs are kept; those of further calls share one */

static struct program programs[MOST_PROGRAMS];
static uint64_t age[MOST_PROGRAMS];
static uint8_t group[MOST_PROGRAMS];
static uint32_t leads_to[MOST_PROGRAMS];	/* a place in seen */
static int size_of_group[GROUPS], count, known;
static uint64_t taken;
static uint16_t seen[1 << BITS];		/* the number of the program that was kept for it, from 1; NOWHERE: none is */

static uint32_t signature(const struct op *op, const struct outcome *outcome)
{
	bool worked = op->code == OP_IOCTL && !outcome->error;
	uint64_t what = op->code == OP_IOCTL ? op->number : op->code, how = worked ? (uint32_t)outcome->done : 0;

	for (int i = 0; worked && i < op->pointers; i++)
		how ^= mix64(op->pointer[i].offset + 1);
	return mix64(mix64(what ^ (uint64_t)outcome->error << 40) + how) >> (64 - BITS);
}

/* An empty place, or that of the oldest program of the largest group. */
static int place_for_one(void)
{
	int largest = 0, oldest = -1;

	if (count < MOST_PROGRAMS)
		return count++;
	for (int i = 1; i < GROUPS; i++)
		if (size_of_group[i] > size_of_group[largest])
			largest = i;
	for (int i = 0; i < count; i++)
		if (group[i] == largest && (oldest < 0 || age[i] < age[oldest]))
			oldest = i;
	size_of_group[largest]--;
	return oldest;
}

static int group_of(const struct op *op)
{
	for (int call = 0; op->code == OP_IOCTL && call < table.calls && call < GROUPS - 1; call++)
		if (table.call[call].number == op->number)
			return call + 1;
	return 0;
}

static void keep(int at, const struct program *program, int ops, uint32_t leads)
{
	programs[at] = *program;
	programs[at].ops = ops;
	age[at] = ++taken;
	leads_to[at] = leads;
	if (leads != NOTHING)
		seen[leads] = at + 1;
}

/* Whether the program that was kept for a signature is longer than these many operations. */
static bool is_shorter(uint32_t leads, int ops)
{
	int at = seen[leads] - 1;

	return seen[leads] != NOWHERE && leads_to[at] == leads && programs[at].ops > ops;
}

void corpus_take(const struct program *program, const struct outcome *outcomes, bool fresh_cover)
{
	uint32_t leads = NOTHING;
	int ops = program->ops, at;

	for (int i = 0; i < program->ops; i++) {
		uint32_t here = signature(&program->op[i], &outcomes[i]);

		if (!seen[here]) {
			seen[here] = NOWHERE;
			known++;
			leads = here;
			ops = i + 1;
		} else if (is_shorter(here, i + 1)) {
			keep(seen[here] - 1, program, i + 1, here);
		}
	}
	if (leads == NOTHING && !fresh_cover)
		return;
	at = place_for_one();
	keep(at, program, fresh_cover ? program->ops : ops, leads);
	group[at] = leads == NOTHING ? 0 : group_of(&program->op[ops - 1]);
	size_of_group[group[at]]++;
}

static int size_of(int among)
{
	return among < 0 ? count : size_of_group[among];
}

/* The program after `back` others of a group, or of all: from the newest on, or in no order. */
static int counted(int among, int back, bool newest)
{
	uint64_t than = UINT64_MAX;
	int found = -1;

	do {
		int next = -1;

		for (int i = newest ? 0 : found + 1; i < count; i++) {
			if ((among >= 0 && group[i] != among) || (newest && age[i] >= than))
				continue;
			if (next < 0 || age[i] > age[next])
				next = i;
			if (!newest)
				break;
		}
		found = next;
		than = age[found];
	} while (back--);
	return found;
}

static int drawn_group(uint64_t *state)
{
	int filled[GROUPS], groups = 0;

	for (int i = 0; i < GROUPS; i++)
		if (size_of_group[i])
			filled[groups++] = i;
	return filled[random_below(state, groups)];
}

/* Half of the time one of any call, else of a call that is drawn first; half of the time one of the newest eight. */
bool corpus_pick(struct program *program, uint64_t *state)
{
	int among;
	bool newest;

	if (!count)
		return false;
	among = random_below(state, 2) ? drawn_group(state) : -1;
	newest = random_below(state, 2);
	*program = programs[counted(among, random_below(state, newest && size_of(among) > 8 ? 8 : size_of(among)), newest)];
	return true;
}

int corpus_size(void)
{
	return count;
}

int signatures(void)
{
	return known;
}

void corpus_save(const char *path)
{
	static char text[1 << 16];
	FILE *file = fopen(path, "we");

	for (int i = 0; file && i < count; i++) {
		program_print(&programs[i], text, sizeof(text));
		fprintf(file, "%send\n", text);
	}
	if (file)
		fclose(file);
}

// SPDX-License-Identifier: Apache-2.0
/*
 * A walk through a call that works: each bit of its numbers and flags is changed once, and nothing else of the program,
 * so that what only one bit leads to is met soon and not by luck. Walked is the first program in which a call works with
 * such pointers. A round begins each walk at another bit, for not all of them may come to their end in it.
 */
#include "fsfuzz/fuzz.h"
#include "lib/random.h"

#define MOST_WALKS 64

struct walk {
	struct program program;
	uint64_t what;
	int at, left;	/* the next bit, and how many are to be changed still */
};

static struct walk walks[MOST_WALKS];
static int count, pending;

static bool is_walked(const struct member *member)
{
	return member->size <= 8 &&
	       (member->role == ROLE_NUMBER || member->role == ROLE_FLAGS || member->role == ROLE_ANY);
}

static int bits_of(const struct call *call)
{
	int bits = 0;

	for (int m = 0; m < call->members; m++)
		bits += is_walked(&call->member[m]) ? 8 * call->member[m].size : 0;
	return bits;
}

static void flip_bit(struct op *op, const struct call *call, int bit)
{
	for (int m = 0; m < call->members; m++) {
		int bits = is_walked(&call->member[m]) ? 8 * call->member[m].size : 0;

		if (bit < bits) {
			op->data[call->member[m].offset + bit / 8] ^= 1 << bit % 8;
			return;
		}
		bit -= bits;
	}
}

static bool is_known(uint64_t what)
{
	for (int i = 0; i < count; i++)
		if (walks[i].what == what)
			return true;
	return false;
}

void walk_take(const struct program *program, const struct outcome *outcomes, uint64_t *state)
{
	for (int i = 0; i < program->ops && count < MOST_WALKS; i++) {
		const struct op *op = &program->op[i];
		const struct call *call = op->code == OP_IOCTL && !outcomes[i].error ? table_find(op->number) : NULL;
		uint64_t what = mix64(op->number);
		int bits = call ? bits_of(call) : 0;

		for (int p = 0; p < op->pointers; p++)
			what ^= mix64(op->pointer[p].offset + 1);
		if (!bits || is_known(what))
			continue;
		walks[count] = (struct walk){ *program, what, random_below(state, bits), bits };
		walks[count++].program.ops = i + 1;
		pending++;
	}
}

bool walk_next(struct program *program, uint64_t *state)
{
	struct walk *walk;
	const struct call *call;
	struct op *last;

	if (!pending)
		return false;
	do
		walk = &walks[random_below(state, count)];
	while (!walk->left);
	*program = walk->program;
	last = &program->op[program->ops - 1];
	call = table_find(last->number);
	flip_bit(last, call, walk->at);
	walk->at = (walk->at + 1) % bits_of(call);
	pending -= !--walk->left;
	return true;
}

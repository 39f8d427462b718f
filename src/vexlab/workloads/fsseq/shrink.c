// SPDX-License-Identifier: Apache-2.0
/* Delta debugging (Zeller, Hildebrandt 2002) of a program, then smaller numbers, here where a try costs no round trip. */
#include <stdlib.h>
#include <string.h>

#include "fsseq/compare.h"

static struct difference found;

static bool still(struct pair *pair, const struct program *program)
{
	return differ(pair, program, &found);
}

static struct program without(const struct program *program, size_t from, size_t count)
{
	struct program less = { 0 };

	for (size_t i = 0; i < program->count; i++)
		if (i < from || i >= from + count)
			*program_add(&less, program->op[i].code) = program->op[i];
	return less;
}

static bool remove_pieces(struct pair *pair, struct program *program)
{
	bool any = false;

	for (size_t piece = program->count / 2 + 1; piece; piece /= 2)
		for (size_t end = program->count; end > 0;) {
			size_t from = end > piece ? end - piece : 0;
			struct program less = without(program, from, end - from);

			if (less.count && still(pair, &less)) {
				free(program->op);
				*program = less;
				any = true;
			} else {
				free(less.op);
			}
			end = from < program->count ? from : program->count;
		}
	return any;
}

static bool smaller_numbers(struct pair *pair, struct program *program)
{
	bool any = false;

	for (size_t i = 0; i < program->count; i++)
		for (int j = 0; j < NUMBERS; j++) {
			long long *number = &program->op[i].number[j], old = *number;
			const long long tries[] = { 0, 1, old / 8, old / 2, old & ~4095LL, old - 1 };

			if (strchr("so", op_kinds[program->op[i].code].args[0]) && !j)
				continue;
			for (size_t t = 0; t < sizeof(tries) / sizeof(*tries) && old > 1; t++) {
				if (tries[t] >= old || tries[t] < 0)
					continue;
				*number = tries[t];
				if (still(pair, program)) {
					any = true;
					break;
				}
				*number = old;
			}
		}
	return any;
}

void shrink(struct pair *pair, struct program *program)
{
	if (!still(pair, program)) {
		pair->drop = true;	/* it may show only in what comes back from the disk */
		if (!still(pair, program))
			return;
	}
	if (found.index >= 0)
		program->count = found.index + 1;
	while (remove_pieces(pair, program))
		;
	/* Each round makes a number at most half; that is enough, and it ends. */
	for (int round = 0; round < 16 && smaller_numbers(pair, program); round++)
		;
	while (remove_pieces(pair, program))
		;
}

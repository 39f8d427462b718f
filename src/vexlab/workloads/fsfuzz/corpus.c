// SPDX-License-Identifier: Apache-2.0
/*
 * What is kept to be changed further: programs in which an ioctl worked after what had worked on its file until then as
 * none had before, or any call failed in a new way; and, where the kernel tells, those that ran code that none had run.
 * How a call fails hardly depends on what went before, and is not to fill the room of those that lead on.
 */
#include <stdlib.h>
#include <string.h>

#include "fsfuzz/fuzz.h"
#include "lib/random.h"

#define MOST_PROGRAMS 192
#define BITS 16

static struct program programs[MOST_PROGRAMS];
static int count, taken, known;
static uint8_t seen[1 << BITS];

static bool is_new(const struct op *op, const struct outcome *outcome)
{
	uint64_t what = op->code == OP_IOCTL ? op->number : op->code;
	uint32_t before = op->code == OP_IOCTL && !outcome->error ? (uint32_t)outcome->done : 0;
	uint64_t hash = mix64(mix64(what ^ (uint64_t)outcome->error << 40) + before);
	uint8_t *place = &seen[hash >> (64 - BITS)];

	if (*place)
		return false;
	*place = 1;
	known++;
	return true;
}

void corpus_take(const struct program *program, const struct outcome *outcomes, bool fresh_cover)
{
	bool fresh = fresh_cover;

	for (int i = 0; i < program->ops; i++)
		fresh |= is_new(&program->op[i], &outcomes[i]);
	if (!fresh)
		return;
	programs[taken++ % MOST_PROGRAMS] = *program;
	count = taken < MOST_PROGRAMS ? taken : MOST_PROGRAMS;
}

/* The newer half is taken more often: it is what the last changes have led to. */
bool corpus_pick(struct program *program, uint64_t *state)
{
	int recent = count > 8 ? count / 4 : count, back;

	if (!count)
		return false;
	back = random_below(state, random_below(state, 2) ? recent : count);
	*program = programs[(taken - 1 - back + MOST_PROGRAMS) % MOST_PROGRAMS];
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

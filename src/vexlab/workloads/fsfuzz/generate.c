// SPDX-License-Identifier: Apache-2.0
/* Programs drawn, and changed: an operation more, less, twice, elsewhere, or with other arguments. */
#include <fcntl.h>
#include <string.h>

#include "fsfuzz/fuzz.h"
#include "lib/profile.h"
#include "lib/random.h"

static uint64_t below(const struct choice *choice, uint64_t limit)
{
	return random_below(choice->state, limit);
}

static bool chance(const struct choice *choice, int percent)
{
	return below(choice, 100) < (uint64_t)percent;
}

static int64_t draw_flags(const struct choice *choice)
{
	int64_t flags = chance(choice, 85) ? O_RDWR | O_CREAT : chance(choice, 60) ? O_RDONLY : O_WRONLY | O_CREAT;

	if (chance(choice, 6))
		flags |= O_TRUNC;
	if (chance(choice, 6))
		flags |= O_APPEND;
	if (chance(choice, 1))
		flags |= O_DSYNC;
	if (chance(choice, 3))
		flags = O_RDONLY | O_DIRECTORY;
	return flags;
}

static int64_t draw_place(const struct choice *choice)
{
	static const int64_t borders[] = { 0, 1, 4095, 4096, 4097, 8192, 49151, 49152, 65536, 4243456, 1LL << 31,
					   1LL << 32, (1LL << 42) - 1, -1 };

	return chance(choice, 40) ? borders[below(choice, sizeof(borders) / sizeof(*borders))] :
				    (int64_t)below(choice, 70000);
}

/* A slot that an earlier operation has opened, mostly. */
static int64_t draw_slot(const struct program *before, const struct choice *choice)
{
	int opened[MOST_OPS], count = 0;

	for (int i = 0; i < before->ops; i++)
		if (before->op[i].code == OP_OPEN)
			opened[count++] = before->op[i].arg[0];
	return count && chance(choice, 96) ? opened[below(choice, count)] : (int64_t)below(choice, SLOTS);
}

static void draw_arguments(struct op *op, const struct program *before, const struct choice *choice)
{
	for (int arg = 0; kinds[op->code].args[arg]; arg++)
		switch (kinds[op->code].args[arg]) {
		case 's':
			op->arg[arg] = op->code == OP_OPEN ? (int64_t)below(choice, SLOTS) : draw_slot(before, choice);
			break;
		case 'p':
			op->arg[arg] = below(choice, chance(choice, 70) ? 3 : PATHS);
			break;
		case 'o':
			op->arg[arg] = draw_flags(choice);
			break;
		default:
			op->arg[arg] = arg == 1 ? draw_place(choice) : (int64_t)below(choice, chance(choice, 80) ? 5000 : 70000);
		}
}

/* The weights are even numbers of a file call's share; an ioctl's is drawn before. */
static enum code draw_file_code(const struct choice *choice)
{
	int total = 0, roll;

	for (int code = 0; code < OPS; code++)
		total += kinds[code].weight;
	for (;;) {
		roll = below(choice, total);
		for (int code = 0; code < OPS; code++) {
			roll -= kinds[code].weight;
			if (roll >= 0)
				continue;
			if (!*kinds[code].needs || profile_works(kinds[code].needs) ||
			    profile_state(kinds[code].needs) == UNKNOWN)
				return code;
			break;
		}
	}
}

static void draw_op(struct op *op, const struct program *before, const struct choice *choice)
{
	static const enum code plain[] = { OP_OPEN, OP_OPEN, OP_CLOSE, OP_READ, OP_WRITE, OP_TRUNCATE, OP_UNLINK };
	bool ioctl = table.calls && chance(choice, choice->calls ? 40 : 85);

	memset(op, 0, sizeof(*op));
	op->thread = choice->calls && chance(choice, 60) ? (int)below(choice, choice->threads) : 0;
	if (ioctl)
		draw_ioctl(op, before, choice);
	else
		op->code = choice->calls ? draw_file_code(choice) : chance(choice, 3) ? OP_DROP : plain[below(choice, 7)];
	draw_arguments(op, before, choice);
}

static void add(struct program *program, int at, const struct op *op)
{
	if (program->ops == MOST_OPS)
		return;
	memmove(&program->op[at + 1], &program->op[at], (program->ops - at) * sizeof(*op));
	program->op[at] = *op;
	program->ops++;
}

/* What was drawn for a place sees what stands before it. */
static void add_drawn(struct program *program, int at, const struct choice *choice)
{
	static struct op op;
	int ops = program->ops;

	program->ops = at;
	draw_op(&op, program, choice);
	program->ops = ops;
	add(program, at, &op);
}

void generate(struct program *program, const struct choice *choice)
{
	int wanted = 2 + below(choice, choice->calls ? 14 : 8);

	program->ops = 1;
	memset(program->op, 0, sizeof(*program->op));
	program->op[0].code = OP_OPEN;
	program->op[0].arg[0] = below(choice, SLOTS);
	program->op[0].arg[2] = O_RDWR | O_CREAT;
	while (program->ops < wanted)
		add_drawn(program, program->ops, choice);
}

static void append_tail(struct program *program, const struct program *other, const struct choice *choice)
{
	int from = below(choice, other->ops ? other->ops : 1);

	for (int i = from; i < other->ops; i++)
		add(program, program->ops, &other->op[i]);
}

static void spread(struct program *program, const struct choice *choice)
{
	for (int i = 0; i < program->ops; i++)
		if (chance(choice, 30))
			program->op[i].thread = below(choice, choice->threads);
}

void mutate(struct program *program, const struct program *other, const struct choice *choice)
{
	for (int turns = 1 + below(choice, 3); turns; turns--) {
		int at = program->ops ? (int)below(choice, program->ops) : 0, roll = below(choice, 100);
		struct op *op = &program->op[at];

		if (roll < 30 || !program->ops) {
			add_drawn(program, chance(choice, 60) ? program->ops : at, choice);
		} else if (roll < 38) {
			memmove(op, op + 1, (program->ops - at - 1) * sizeof(*op));
			program->ops--;
		} else if (roll < 48) {
			static struct op twice;

			twice = *op;
			add(program, at, &twice);
		} else if (roll < 53 && other) {
			append_tail(program, other, choice);
		} else if (roll < 60 && choice->calls) {
			spread(program, choice);
		} else if (op->code == OP_IOCTL) {
			struct program before = *program;

			before.ops = at;
			draw_again(op, &before, choice);
		} else {
			struct program before = *program;

			before.ops = at;
			draw_arguments(op, &before, choice);
		}
	}
}

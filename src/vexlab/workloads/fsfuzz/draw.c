// SPDX-License-Identifier: Apache-2.0
/* The arguments of one ioctl: mostly what the interface takes, so that what is wrong in them is looked at. */
#include <string.h>

#include "fsfuzz/fuzz.h"
#include "lib/random.h"

#define NOBODYS 0xffff888000001000ULL	/* the kernel's own memory */

static uint64_t below(const struct choice *choice, uint64_t limit)
{
	return random_below(choice->state, limit);
}

static bool chance(const struct choice *choice, int percent)
{
	return below(choice, 100) < (uint64_t)percent;
}

static uint64_t cut(uint64_t value, int size)
{
	return size >= 8 ? value : value & ((1ULL << 8 * size) - 1);
}

/* A value at which code goes wrong: a power of two, one less, one more, all bits. */
static uint64_t border(const struct choice *choice, int size)
{
	uint64_t value = 1ULL << below(choice, size >= 8 ? 64 : 8 * size);

	switch (below(choice, 5)) {
	case 0: return value - 1;
	case 1: return value + 1;
	case 2: return cut(0 - value, size);
	case 3: return cut(~0ULL, size);
	default: return value;
	}
}

static uint64_t known(const struct choice *choice)
{
	uint64_t value = table.values ? table.value[below(choice, table.values)] : 1;

	return chance(choice, 70) ? value : chance(choice, 50) ? value + 1 : value - 1;
}

uint64_t draw_number(const struct choice *choice, const struct member *member)
{
	int roll = below(choice, 100);
	uint64_t small = 1 + below(choice, 8);

	if (roll < 55)
		return member->high && small > member->high ? member->high : small;
	if (roll < 63)
		return 0;
	if (roll < 72 && member->high)
		return (const uint64_t[]){ member->low, member->high, member->high + 1,
					   member->low - 1 }[below(choice, 4)];
	if (roll < 80)
		return cut(known(choice), member->size);
	if (roll < 90)
		return cut(border(choice, member->size), member->size);
	if (roll < 94)
		return below(choice, 300);
	return cut(random64(choice->state), member->size);
}

/* What a member of the same name had in an earlier call of the program: what was made is asked for again. */
static bool shared_value(const struct program *before, const struct member *member, uint64_t *value)
{
	for (int i = before->ops - 1; i >= 0; i--) {
		const struct op *op = &before->op[i];
		const struct call *call = op->code == OP_IOCTL ? table_find(op->number) : NULL;

		for (int m = 0; call && m < call->members; m++)
			if (call->member[m].name == member->name && call->member[m].role == ROLE_NUMBER) {
				*value = number_at(op->data + call->member[m].offset, call->member[m].size);
				return true;
			}
	}
	return false;
}

static uint64_t draw_value(const struct program *before, const struct choice *choice, const struct member *member)
{
	uint64_t value = 0;

	switch (member->role) {
	case ROLE_CONST:
		return chance(choice, 97) ? member->low : draw_number(choice, member);
	case ROLE_ZERO:
	case ROLE_OUT:
		return chance(choice, 97) ? 0 : draw_number(choice, member);
	case ROLE_FLAGS:
		if (chance(choice, 55))
			return 0;
		if (chance(choice, 60) && member->low)
			return member->low;
		return chance(choice, 80) ? 1ULL << below(choice, 8 * member->size) : random64(choice->state);
	case ROLE_NUMBER:
		if (chance(choice, 80) && shared_value(before, member, &value))
			return cut(value, member->size);
		return draw_number(choice, member);
	default:
		return chance(choice, 60) ? 1 + below(choice, 8) : draw_number(choice, member);
	}
}

static void fill_content(struct pointer *pointer, const struct member *member, const struct choice *choice)
{
	int width = member->kind == 'f' ? 4 : member->element > 8 || member->element < 1 ? 8 : member->element;

	pointer->length = width * (1 + below(choice, 4));
	for (int at = 0; at < pointer->length; at += width) {
		float number = (float)below(choice, 9) - 4;
		uint64_t value = chance(choice, 93) ? below(choice, 4) : random64(choice->state);

		if (member->kind == 'f' && chance(choice, 98))
			memcpy(pointer->content + at, &number, 4);
		else
			number_put(pointer->content + at, width, value);
	}
}

static void draw_pointer(struct op *op, const struct call *call, const struct member *member,
			 const struct choice *choice)
{
	static const uint64_t bad[] = { 0, 1, NOBODYS, 0x7ffffffff000ULL, ~0ULL, 0xffffffff81000000ULL };
	struct pointer *pointer = &op->pointer[op->pointers];
	uint64_t size = pointer_claims(op, call, member);

	if (chance(choice, 12))	/* often it means: not wanted */
		return;
	if (chance(choice, 4) || op->pointers == MOST_POINTERS) {
		number_put(op->data + member->offset, 8, bad[below(choice, 6)]);
		return;
	}
	memset(pointer, 0, sizeof(*pointer));
	pointer->offset = member->offset;
	pointer->place = chance(choice, 55) && size ? 'c' : chance(choice, 80) ? 'g' : 'u';
	pointer->size = size ? size : 4096;
	/* Too short: the kernel must say EFAULT, and then nothing behind it may be looked at. */
	if (chance(choice, 5)) {
		pointer->place = 'g';
		pointer->size = below(choice, pointer->size + 1);
	}
	fill_content(pointer, member, choice);
	op->pointers++;
}

static void draw_flip(struct op *op, const struct call *call, const struct choice *choice)
{
	const struct member *member;

	if (!call->members)
		return;
	member = &call->member[below(choice, call->members)];
	/* Numbers are what code looks at twice. */
	for (int i = 0; i < 8 && member->role != ROLE_NUMBER && chance(choice, 80); i++)
		member = &call->member[below(choice, call->members)];
	if (member->size > 8)
		return;
	op->flip.offset = member->offset;
	op->flip.size = member->size;
	op->flip.value = chance(choice, 60) ? 1 + below(choice, 300) : border(choice, member->size);
}

static void draw_blindly(struct op *op, const struct call *call, const struct choice *choice)
{
	op->number = call->number;
	op->size = call->size;
	for (int at = 0; at < op->size; at += 4)
		number_put(op->data + at, op->size - at < 4 ? op->size - at : 4,
			   chance(choice, 50) ? below(choice, 5) : random64(choice->state));
}

void draw_ioctl(struct op *op, const struct program *before, const struct choice *choice)
{
	const struct call *call = &table.call[below(choice, table.calls)];
	bool sparse;	/* what only the kernel fills in is often to be zero when it is asked */

	op->code = OP_IOCTL;
	op->pointers = 0;
	memset(op->data, 0, sizeof(op->data));
	memset(&op->flip, 0, sizeof(op->flip));
	op->compat = chance(choice, 3);
	if (choice->blind) {
		draw_blindly(op, call, choice);
		return;
	}
	op->number = call->number;
	op->size = call->size;
	sparse = chance(choice, 30);
	for (int m = 0; m < call->members; m++) {
		const struct member *member = &call->member[m];
		bool empty = sparse && member->role != ROLE_CONST && chance(choice, 80);

		if (member->role != ROLE_POINTER && !empty)
			number_put(op->data + member->offset, member->size, draw_value(before, choice, member));
	}
	for (int m = 0; m < call->members; m++)
		if ((call->member[m].role == ROLE_POINTER && !(sparse && chance(choice, 50))) ||
		    (call->member[m].role == ROLE_ANY && !sparse && chance(choice, 50)))
			draw_pointer(op, call, &call->member[m], choice);
	if (chance(choice, 8))
		draw_flip(op, call, choice);
}

static void forget_pointer(struct op *op, int offset)
{
	for (int i = 0; i < op->pointers; i++)
		if (op->pointer[i].offset == offset) {
			memmove(&op->pointer[i], &op->pointer[i + 1], (op->pointers - i - 1) * sizeof(*op->pointer));
			op->pointers--;
			return;
		}
}

/* The memory behind a pointer becomes what the structure says now. */
static void fit_pointers(struct op *op, const struct call *call)
{
	for (int i = 0; i < op->pointers; i++)
		for (int m = 0; m < call->members; m++) {
			const struct member *member = &call->member[m];
			uint64_t size = member->offset == op->pointer[i].offset && member->role == ROLE_POINTER ?
						pointer_claims(op, call, member) :
						0;

			if (size)
				op->pointer[i].size = size;
			else if (member->offset == op->pointer[i].offset && op->pointer[i].place == 'c')
				op->pointer[i].place = 'g';
		}
}

void draw_again(struct op *op, const struct program *before, const struct choice *choice)
{
	const struct call *call = table_find(op->number);
	const struct member *member;

	if (!call || !call->members || choice->blind) {
		draw_ioctl(op, before, choice);
		return;
	}
	member = &call->member[below(choice, call->members)];
	if (chance(choice, 15)) {
		draw_flip(op, call, choice);
	} else if (member->role == ROLE_POINTER) {
		forget_pointer(op, member->offset);
		draw_pointer(op, call, member, choice);
	} else {
		forget_pointer(op, member->offset);
		number_put(op->data + member->offset, member->size,
			   chance(choice, 50) ? draw_value(before, choice, member) : draw_number(choice, member));
		/* Else the kernel must say EFAULT where the memory is too short for what the structure says now. */
		if (chance(choice, 60))
			fit_pointers(op, call);
	}
}

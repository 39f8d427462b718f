// SPDX-License-Identifier: Apache-2.0
/* Memory for what members point to, and what must never be found in it. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fsfuzz/fuzz.h"

#define CANARY 256
#define CANARY_BYTE 0xc5
#define PAGE 4096

struct area {
	uint8_t *start;		/* BUFFER_MOST bytes, then a page that nobody may touch */
	uint8_t *before;	/* what was in it */
	uint8_t *used;
};

static struct area areas[MOST_THREADS][MOST_POINTERS];
static uint8_t *structures;

/* All in the lowest 2 GiB, where 32-bit programs have theirs. */
static void *low(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

bool buffers_start(int threads)
{
	for (int thread = 0; thread < threads; thread++)
		for (int i = 0; i < MOST_POINTERS; i++) {
			struct area *area = &areas[thread][i];

			area->start = low(BUFFER_MOST + 2 * PAGE);
			area->before = malloc(BUFFER_MOST);
			if (!area->start || !area->before ||
			    mprotect(area->start + BUFFER_MOST + PAGE, PAGE, PROT_NONE))
				return false;
		}
	structures = low(MOST_THREADS * PAGE);
	return structures;
}

uint8_t *structure_of(int thread)
{
	return structures + thread * PAGE;
}

void *buffer_of(int thread, int number, size_t size)
{
	return areas[thread][number].start + BUFFER_MOST + PAGE - size;
}

void *buffer_place(int thread, int number, const struct pointer *pointer)
{
	struct area *area = &areas[thread][number];
	uint8_t *end = area->start + BUFFER_MOST + PAGE;

	if (pointer->place == 'c') {
		end -= CANARY;
		memset(end, CANARY_BYTE, CANARY);
	} else if (pointer->place == 'u') {
		end -= 3;
	}
	area->used = end - pointer->size;
	if (pointer->length == 0)
		memset(area->used, 0, pointer->size);
	for (uint32_t at = 0; pointer->length && at < pointer->size; at += pointer->length) {
		uint32_t left = pointer->size - at, part = pointer->length;

		memcpy(area->used + at, pointer->content, part < left ? part : left);
	}
	memcpy(area->before, area->used, pointer->size);
	return area->used;
}

/* Slab memory that was never written or is free (include/linux/poison.h), and addresses of the kernel's own. */
static const char *kernels_own(uint64_t word)
{
	if (word == 0x5a5a5a5a5a5a5a5aULL || word == 0x6b6b6b6b6b6b6b6bULL)
		return "memory that was never written";
	if (word >= 0xffff888000000000ULL && word < 0xffffc88000000000ULL)
		return "an address of the kernel's memory";
	if (word >= 0xffffffff81000000ULL && word < 0xffffffffff000000ULL && word < 0xffffffffc8000000ULL)
		return "an address of the kernel's code";
	return NULL;
}

void leak_check(const void *now, const void *before, size_t size, const char *what)
{
	const uint8_t *new = now, *old = before;

	for (size_t at = 0; at + 8 <= size; at += 8) {
		uint64_t word, was;
		const char *words;

		memcpy(&word, new + at, 8);
		memcpy(&was, old + at, 8);
		words = word != was ? kernels_own(word) : NULL;
		if (words) {
			say_wrong("%s gives a program %s", what, words);
			return;
		}
	}
}

static uint64_t product(uint64_t one, uint64_t two)
{
	uint64_t result;

	return __builtin_mul_overflow(one, two, &result) ? UINT64_MAX : result;
}

uint64_t pointer_claims(const struct op *op, const struct call *call, const struct member *member)
{
	uint64_t count = 1;

	for (int i = 0; i < 2; i++)
		for (int m = 0; member->count[i] >= 0 && m < call->members; m++)
			if (call->member[m].offset == member->count[i])
				count = product(count, number_at(op->data + member->count[i], call->member[m].size));
	count = product(count, member->element);
	return count <= BUFFER_MOST ? count : 0;
}

/* Memory that a change of the program made shorter than its structure says is not all that the caller names. */
static bool names_it(const struct op *op, const struct pointer *pointer)
{
	const struct call *call = table_find(op->number);

	for (int m = 0; call && m < call->members; m++)
		if (call->member[m].offset == pointer->offset && call->member[m].role == ROLE_POINTER)
			return pointer_claims(op, call, &call->member[m]) == pointer->size;
	return false;
}

void buffer_check(int thread, int number, const struct op *op, const char *call)
{
	const struct pointer *pointer = &op->pointer[number];
	struct area *area = &areas[thread][number];
	const uint8_t *end = area->used + pointer->size;

	leak_check(area->used, area->before, pointer->size, call);
	if (pointer->place != 'c' || !names_it(op, pointer))
		return;
	for (int i = 0; i < CANARY; i++)
		if (end[i] != CANARY_BYTE) {
			say_wrong("%s writes behind the memory that its caller names", call);
			return;
		}
}

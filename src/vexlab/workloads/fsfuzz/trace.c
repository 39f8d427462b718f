// SPDX-License-Identifier: Apache-2.0
/*
 * The programs that ran last. Each page says by itself what it is, for pages that follow one another here need not do
 * so in the machine's memory, where the host looks for them (src/vexlab/fuzz/trace.py).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fsfuzz/fuzz.h"

#define PAGE 4096
#define PROGRAMS 24
#define PAGES 8

struct page {
	uint8_t magic[16];
	uint64_t number;	/* of the program, from 1 */
	uint32_t index, pages, length, reserved;
	char text[PAGE - 40];
};

static struct page *pages;
static uint8_t magic[16];
static uint64_t last;

bool trace_start(const char *hex)
{
	_Static_assert(sizeof(struct page) == PAGE, "a page");
	size_t size = (size_t)PROGRAMS * PAGES * PAGE;

	for (int i = 0; i < 16; i++)
		if (sscanf(hex + 2 * i, "%2hhx", &magic[i]) != 1)
			return false;
	pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return false;
	memset(pages, 0, size);
	return !mlock(pages, size);
}

void trace_put(const struct program *program)
{
	static char text[PAGES * sizeof(pages->text)];
	size_t length = program_print(program, text, sizeof(text)), room = sizeof(pages->text);
	int count = (length + room - 1) / room;
	struct page *at;

	if (!pages)
		return;
	at = pages + (++last % PROGRAMS) * PAGES;
	for (int i = 0; i < PAGES; i++)
		at[i].number = 0;
	for (int i = 0; i < count; i++) {
		at[i].index = i;
		at[i].pages = count;
		at[i].length = length - i * room < room ? length - i * room : room;
		memcpy(at[i].text, text + i * room, at[i].length);
		memcpy(at[i].magic, magic, sizeof(magic));
		atomic_thread_fence(memory_order_seq_cst);
		at[i].number = last;
	}
}

/* The number of the first program whose number is above `after`; 0 for none. */
static uint64_t next_after(uint64_t after)
{
	uint64_t best = 0;

	for (int slot = 0; slot < PROGRAMS; slot++) {
		uint64_t number = pages[slot * PAGES].number;

		if (number > after && (!best || number < best))
			best = number;
	}
	return best;
}

char *trace_text(void)
{
	char *text = calloc(PROGRAMS * PAGES + 1, sizeof(pages->text));
	size_t at = 0;

	for (uint64_t number = text ? next_after(0) : 0; number; number = next_after(number)) {
		const struct page *page = pages + (number % PROGRAMS) * PAGES;

		if (at)
			at += sprintf(text + at, "end\n");
		for (uint32_t i = 0; i < page->pages && i < PAGES && page[i].number == number; i++) {
			memcpy(text + at, page[i].text, page[i].length);
			at += page[i].length;
		}
	}
	return text;
}

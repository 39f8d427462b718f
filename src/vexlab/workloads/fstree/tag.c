// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fstree/entry.h"
#include "lib/random.h"

static struct cell cell_of(off_t at, uint64_t seed, unsigned int id, unsigned int generation)
{
	struct cell cell = { CELL_MAGIC, seed, id, generation, at, { 0 } };
	uint64_t state = seed ^ ((uint64_t)id << 32) ^ generation ^ mix64(at);

	for (int i = 0; i < 4; i++)
		cell.rest[i] = random64(&state);
	return cell;
}

void tag(char *data, off_t offset, size_t len, uint64_t seed, unsigned int id, unsigned int generation)
{
	while (len) {
		off_t start = offset & ~(off_t)(CELL - 1);
		size_t skip = offset - start, part = CELL - skip < len ? CELL - skip : len;
		struct cell cell = cell_of(start, seed, id, generation);

		memcpy(data, (char *)&cell + skip, part);
		data += part;
		offset += part;
		len -= part;
	}
}

void render(char *data, off_t offset, size_t len, uint64_t seed, unsigned int id, const char *extents)
{
	long long from, size;
	unsigned int generation;
	int used;

	memset(data, 0, len);
	for (; sscanf(extents, " %lld+%lld@%u%n", &from, &size, &generation, &used) == 3; extents += used) {
		off_t start = from > offset ? from : offset;
		off_t end = from + size < offset + (off_t)len ? from + size : offset + (off_t)len;

		if (start < end)
			tag(data + (start - offset), start, end - start, seed, id, generation);
	}
}

void explain(const char *data, size_t len, size_t wrong, off_t offset, uint64_t seed, unsigned int id, char *text,
	     size_t room)
{
	/* The whole cell around the wrong byte, wherever cells may start: misplaced bytes need not be aligned. */
	size_t from = wrong > CELL ? wrong - CELL + 1 : 0;
	struct cell cell;

	for (size_t at = from; at <= wrong && at + sizeof(cell) <= len; at++) {
		memcpy(&cell, data + at, sizeof(cell));
		if (cell.magic != CELL_MAGIC)
			continue;
		if (cell.seed != seed)
			snprintf(text, room, "bytes of another run (seed %llu), file %u, offset %llu",
				 (unsigned long long)cell.seed, cell.id, (unsigned long long)cell.offset);
		else if (cell.id != id)
			snprintf(text, room, "bytes of file %u, written as generation %u for offset %llu", cell.id,
				 cell.generation, (unsigned long long)cell.offset);
		else if (cell.offset != (uint64_t)(offset + at))
			snprintf(text, room, "its own bytes of offset %llu (generation %u)", (unsigned long long)cell.offset,
				 cell.generation);
		else
			snprintf(text, room, "its own bytes of generation %u, which were cut or overwritten",
				 cell.generation);
		return;
	}
	if (!data[wrong])
		snprintf(text, room, "zeros");
	else
		snprintf(text, room, "bytes that no file of this tree ever had: 0x%02x", (unsigned char)data[wrong]);
}

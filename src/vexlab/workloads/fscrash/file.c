// SPDX-License-Identifier: Apache-2.0
/* What a file's bytes may be after a crash. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fscrash/check.h"
#include "lib/tree.h"

#define MOST_CELLS (2 * MOST_SIZE / CELL)

/* The version of each cell, and the size, after the events up to the operation `op`. */
static int settle(const struct file *file, int op, uint32_t *version, uint32_t *size)
{
	int i;

	*size = 0;
	for (i = 0; i < file->events && file->event[i].op <= op; i++) {
		const struct event *event = &file->event[i];
		uint32_t from = event->off / CELL;
		uint32_t end = event->cut ? MOST_CELLS : from + event->len / CELL;

		for (uint32_t cell = from; cell < end; cell++)
			version[cell] = event->cut ? 0 : (uint32_t)event->op + 1;
		*size = event->size;
	}
	return i;
}

/* Whether a later event gives the cell this version. */
static bool given_later(const struct file *file, int first, int begun, uint32_t cell, uint32_t version)
{
	for (int i = first; i < file->events && file->event[i].op <= begun; i++) {
		const struct event *event = &file->event[i];
		uint32_t from = event->off / CELL;

		if (event->cut ? !version && cell >= from :
				 version == (uint32_t)event->op + 1 && cell >= from &&
					 cell < from + event->len / CELL)
			return true;
	}
	return false;
}

static void tell_cell(const struct cell *cell, int file, uint32_t number, uint32_t durable, char why[WHY])
{
	uint32_t at = number * CELL;
	int len = snprintf(why, WHY, "at byte %u ", at);

	why += len;
	if (cell->magic == CELL_MAGIC && (int)cell->file == file && cell->number == number)
		len = snprintf(why, WHY - len, "are the bytes of operation %d", (int)cell->version - 1);
	else if (cell->magic == CELL_MAGIC)
		len = snprintf(why, WHY - len, "are bytes of another file or place (file %u, byte %u)", cell->file,
			       cell->number * CELL);
	else if (cell->magic == STALE_MAGIC)
		len = snprintf(why, WHY - len, "are stale bytes, of a file deleted long before");
	else if (!cell->magic && !cell->file && !cell->version && !cell->number)
		len = snprintf(why, WHY - len, "are zeros");
	else
		len = snprintf(why, WHY - len, "are bytes nobody wrote (%08x %08x)", cell->magic, cell->file);
	if (durable)
		sprintf(why + len, " instead of those of operation %d, which are durable", (int)durable - 1);
}

static bool check_size(const struct file *file, int first, int begun, uint32_t size, off_t found, char why[WHY])
{
	uint32_t least = size, most = size;

	for (int i = first; i < file->events && file->event[i].op <= begun; i++) {
		if (file->event[i].size < least)
			least = file->event[i].size;
		if (file->event[i].size > most)
			most = file->event[i].size;
	}
	if (found >= least && found <= most)
		return true;
	if (least == most)
		snprintf(why, WHY, "has %lld bytes instead of %u", (long long)found, least);
	else
		snprintf(why, WHY, "has %lld bytes, not between %u and %u", (long long)found, least, most);
	return false;
}

bool check_file(const struct model *model, int number, int fd, int done, int begun, char why[WHY])
{
	static uint32_t version[MOST_CELLS];
	static struct cell cells[MOST_CELLS];
	const struct file *file = &model->file[number];
	uint32_t size;
	struct stat st;
	int first;

	memset(version, 0, sizeof(version));
	first = settle(file, points_last(&file->durable, done), version, &size);
	if (fstat(fd, &st)) {
		snprintf(why, WHY, "cannot be asked: %s", strerror(errno));
		return false;
	}
	if (!check_size(file, first, begun, size, st.st_size, why))
		return false;
	memset(cells, 0, st.st_size);
	if (read_all(fd, cells, st.st_size, 0) != st.st_size) {
		snprintf(why, WHY, "cannot be read: %s", strerror(errno));
		return false;
	}
	for (uint32_t i = 0; i < (uint32_t)st.st_size / CELL; i++) {
		struct cell zero = { 0, 0, 0, 0 };
		struct cell own = { CELL_MAGIC, number, cells[i].version, i };
		bool empty = !memcmp(&cells[i], &zero, CELL);

		if ((empty || !memcmp(&cells[i], &own, CELL)) &&
		    ((empty ? 0 : own.version) == version[i] ||
		     given_later(file, first, begun, i, empty ? 0 : own.version)))
			continue;
		tell_cell(&cells[i], number, i, version[i], why);
		return false;
	}
	return true;
}

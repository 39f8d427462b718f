// SPDX-License-Identifier: GPL-2.0
/*
 * A set of names, kept by their hashes.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fsck.h"

static bool names_grow(struct names *n)
{
	size_t room = n->room ? n->room * 2 : 256, i, at;
	uint32_t *slot, *old = n->slot;
	uint32_t hash;

	slot = calloc(room, sizeof(*slot));
	if (!slot)
		return false;
	for (i = 0; i < n->room; i++) {
		if (!old[i])
			continue;
		/* The hash stands before the name. */
		memcpy(&hash, n->text + old[i] - 1, sizeof(hash));
		for (at = hash % room; slot[at]; at = (at + 1) % room)
			;
		slot[at] = old[i];
	}
	free(old);
	n->slot = slot;
	n->room = room;
	return true;
}

static bool names_reserve_text(struct names *n, size_t more)
{
	size_t room = n->text_room;
	uint8_t *text;

	if (n->text_used + more <= room)
		return true;
	room = room * 2 + 65536;
	if (room > UINT32_MAX)
		return false;
	text = realloc(n->text, room);
	if (!text)
		return false;
	n->text = text;
	n->text_room = room;
	return true;
}

int names_add(struct names *n, uint32_t hash, const char *name, uint8_t len)
{
	size_t need = sizeof(hash) + 1 + len, at;
	const uint8_t *known;

	if ((n->count * 2 >= n->room && !names_grow(n)) ||
	    !names_reserve_text(n, need))
		return -ENOMEM;
	for (at = hash % n->room; n->slot[at]; at = (at + 1) % n->room) {
		known = n->text + n->slot[at] - 1;
		if (!memcmp(known, &hash, sizeof(hash)) &&
		    known[sizeof(hash)] == len &&
		    !memcmp(known + sizeof(hash) + 1, name, len))
			return 0;
	}
	n->slot[at] = n->text_used + 1;
	memcpy(n->text + n->text_used, &hash, sizeof(hash));
	n->text[n->text_used + sizeof(hash)] = len;
	memcpy(n->text + n->text_used + sizeof(hash) + 1, name, len);
	n->text_used += need;
	n->count++;
	return 1;
}

void names_forget(struct names *n)
{
	n->count = 0;
	n->text_used = 0;
	if (n->slot)
		memset(n->slot, 0, n->room * sizeof(*n->slot));
}

void names_free(struct names *n)
{
	free(n->slot);
	free(n->text);
}

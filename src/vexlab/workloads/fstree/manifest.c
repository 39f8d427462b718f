// SPDX-License-Identifier: Apache-2.0
/* The manifest by the model: what must be found of each name. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fstree/entry.h"
#include "lib/hash.h"

#define PIECE (1 << 18)

static char piece[PIECE];

static char *extents_of(const struct node *node)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	for (int i = 0; out && i < node->extents; i++)
		if (node->extent[i].len)
			fprintf(out, "%s%lld+%lld@%u", ftell(out) ? " " : "", (long long)node->extent[i].offset,
				(long long)node->extent[i].len, node->extent[i].generation);
	if (!out || fclose(out))
		abort();
	return text;
}

void to_manifest(struct tree *tree)
{
	for (size_t i = 0; i < model.count; i++) {
		struct node *node = model.names[i].node;
		struct entry *entry;

		if (!model.names[i].path)
			continue;
		if (S_ISREG(node->entry.mode) && !node->entry.extents) {
			node->entry.extents = extents_of(node);
			node->entry.hash = HASH_START;
			for (off_t at = 0; at < node->entry.size; at += PIECE) {
				size_t part = node->entry.size - at < PIECE ? (size_t)(node->entry.size - at) : PIECE;

				render(piece, at, part, model.seed, node->entry.id, node->entry.extents);
				node->entry.hash = hash64(node->entry.hash, piece, part);
			}
		}
		entry = tree_add(tree);
		*entry = node->entry;
		entry->untold = allowed.untold | (S_ISDIR(entry->mode) && !allowed.dir_links ? UNTOLD_NLINK : 0) |
				(S_ISLNK(entry->mode) && !allowed.symlink_modes ? UNTOLD_MODE : 0);
		entry->path = model.names[i].path;
	}
	tree_finish(tree);
}

// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fstree/entry.h"

bool broken(const char *what, const char *path)
{
	fprintf(stderr, "fstree: %s %s: %s\n", what, path, strerror(errno));
	return false;
}

struct entry *tree_add(struct tree *tree)
{
	if (tree->count == tree->room) {
		tree->room = tree->room * 2 + 256;
		tree->entry = realloc(tree->entry, tree->room * sizeof(*tree->entry));
		if (!tree->entry)
			abort();
	}
	memset(&tree->entry[tree->count], 0, sizeof(*tree->entry));
	return &tree->entry[tree->count++];
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static int by_inode(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a, *y = *(const struct entry *const *)b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return strcmp(x->path, y->path);
}

void tree_finish(struct tree *tree)
{
	struct entry **order = calloc(tree->count + 1, sizeof(*order));

	if (!order)
		abort();
	qsort(tree->entry, tree->count, sizeof(*tree->entry), by_path);
	for (size_t i = 0; i < tree->count; i++)
		order[i] = &tree->entry[i];
	qsort(order, tree->count, sizeof(*order), by_inode);
	for (size_t i = 0; i < tree->count; i++)
		order[i]->group = i && order[i]->ino == order[i - 1]->ino ? order[i - 1]->group : order[i]->path;
	free(order);
}

static const char *type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "dir";
	case S_IFLNK:
		return "symlink";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	default:
		return "unknown";
	}
}

void entry_print(struct json *json, const struct entry *entry)
{
	char text[64];

	json_open(json);
	json_str(json, "path", entry->path);
	json_str(json, "type", type_of(entry->mode));
	if (!(entry->untold & UNTOLD_MODE)) {
		snprintf(text, sizeof(text), "%04o", entry->mode & 07777);
		json_str(json, "mode", text);
	}
	if (!(entry->untold & UNTOLD_OWNER)) {
		json_int(json, "uid", entry->uid);
		json_int(json, "gid", entry->gid);
	}
	if (!(entry->untold & UNTOLD_NLINK))
		json_int(json, "nlink", entry->nlink);
	if (!S_ISDIR(entry->mode))
		json_int(json, "size", entry->size);
	if (!(entry->untold & UNTOLD_MTIME)) {
		snprintf(text, sizeof(text), "%lld.%09ld", (long long)entry->mtime.tv_sec, entry->mtime.tv_nsec);
		json_str(json, "mtime", text);
	}
	if (S_ISREG(entry->mode))
		json_hex(json, "hash", entry->hash);
	if (entry->target)
		json_str(json, "target", entry->target);
	if (S_ISCHR(entry->mode) || S_ISBLK(entry->mode))
		json_int(json, "rdev", entry->rdev);
	if (entry->xattrs) {
		json_begin(json, "xattrs", '{');
		for (int i = 0; i < entry->xattrs; i++)
			json_hex(json, entry->xattr[i], entry->value[i]);
		json_end(json, '}');
	}
	json_str(json, "group", entry->group);
	if (entry->extents) {
		json_int(json, "id", entry->id);
		json_hex(json, "seed", entry->seed);
		json_str(json, "extents", entry->extents);
	}
	if (entry->data)
		json_str(json, "data", entry->data);
	if (entry->wrong)
		json_str(json, "wrong", entry->wrong);
	json_close(json);
}

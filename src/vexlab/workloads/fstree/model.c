// SPDX-License-Identifier: Apache-2.0
/* What `fill` has made so far: names of inodes, and a choice among them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fstree/entry.h"
#include "lib/random.h"

struct model model;

static unsigned int last_id;

uint64_t below(uint64_t limit)
{
	return random_below(&model.state, limit);
}

bool has_room(const struct name *dir)
{
	return dir ? dir->children < allowed.entries && dir->depth < allowed.depth : model.top < allowed.entries;
}

struct name *some_dir(void)
{
	for (int i = 0; i < 8 && model.count; i++) {
		struct name *name = &model.names[below(model.count)];

		if (!name->node->gone && name->path && S_ISDIR(name->node->entry.mode) && has_room(name))
			return name;
	}
	return NULL;
}

struct name *some_file(void)
{
	for (int i = 0; i < 8 && model.count; i++) {
		struct name *name = &model.names[below(model.count)];

		if (name->path && S_ISREG(name->node->entry.mode))
			return name;
	}
	return NULL;
}

char *new_path(struct name *parent)
{
	static unsigned int number;
	size_t extra = below(12) ? below(12) : below(230);
	char tail[256], *path;

	if ((long long)extra > allowed.name)
		extra = allowed.name;
	memset(tail, 'a' + number % 26, extra);
	tail[extra] = '\0';
	if (parent && (long long)strlen(parent->path) > allowed.path)
		parent = NULL;
	if (asprintf(&path, "%s%s%s%u-%s", allowed.prefix, parent ? parent->path : "", parent ? "/" : "", number++, tail) < 0)
		abort();
	return path;
}

void count_child(struct name *parent, int change)
{
	if (parent)
		parent->children += change;
	else
		model.top += change;
}

struct name *add_name(char *path, struct node *node, struct name *parent)
{
	struct name *name = &model.names[model.count++];

	name->path = path;
	name->node = node;
	name->parent = parent && !strncmp(path, parent->path, strlen(parent->path)) ? parent : NULL;
	name->depth = name->parent ? name->parent->depth + 1 : 1;
	count_child(name->parent, 1);
	return name;
}

struct node *new_node(mode_t mode)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		abort();
	node->entry.mode = mode;
	node->entry.uid = geteuid();
	node->entry.gid = getegid();
	node->entry.nlink = S_ISDIR(mode) ? 2 : 1;
	node->entry.id = ++last_id;
	node->entry.ino = last_id;
	node->entry.seed = model.seed;
	return node;
}

void forget_name(struct name *name)
{
	count_child(name->parent, -1);
	name->path = NULL;
	if (!--name->node->entry.nlink)
		name->node->gone = true;
}

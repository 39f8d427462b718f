// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "fsseq/model.h"

#define ENTRIES 48

struct entry {
	char path[TEXT_ROOM];
	int type;
};

static struct entry entry[ENTRIES];
static int count;

void model_clear(void)
{
	count = 0;
}

static int find(const char *path)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(entry[i].path, path))
			return i;
	return -1;
}

static bool below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && path[len] == '/';
}

static bool parent_exists(const char *path)
{
	const char *slash = strrchr(path, '/');
	char parent[TEXT_ROOM];
	int at;

	if (!slash)
		return true;
	memcpy(parent, path, slash - path);
	parent[slash - path] = '\0';
	at = find(parent);
	return at >= 0 && entry[at].type == MODEL_DIR;
}

void model_make(const char *path, int type)
{
	if (count == ENTRIES || find(path) >= 0 || !parent_exists(path) || strlen(path) > TEXT_ROOM / 2)
		return;
	strcpy(entry[count].path, path);
	entry[count++].type = type;
}

static bool has_children(const char *path)
{
	for (int i = 0; i < count; i++)
		if (below(entry[i].path, path))
			return true;
	return false;
}

void model_remove(const char *path, int type)
{
	int at = find(path);

	if (at >= 0 && entry[at].type == type && !has_children(path))
		entry[at] = entry[--count];
}

static void move_below(const char *from, const char *to)
{
	char text[2 * TEXT_ROOM];

	for (int i = 0; i < count; i++) {
		if (strcmp(entry[i].path, from) && !below(entry[i].path, from))
			continue;
		snprintf(text, sizeof(text), "%s%s", to, entry[i].path + strlen(from));
		if (strlen(text) < TEXT_ROOM / 2)
			strcpy(entry[i].path, text);
	}
}

void model_move(const char *from, const char *to, bool exchange)
{
	int a = find(from), b = find(to);

	if (a < 0 || a == b || below(to, from) || below(from, to) || !parent_exists(to))
		return;
	if (exchange) {
		if (b < 0)
			return;
		move_below(from, "\001");
		move_below(to, from);
		move_below("\001", to);
		return;
	}
	if (b >= 0) {
		if (entry[a].type != entry[b].type || has_children(to))
			return;
		entry[b] = entry[--count];
	}
	move_below(from, to);
}

const char *model_pick(int types, uint64_t pick)
{
	int found = 0;

	for (int i = 0; i < count; i++)
		found += !!(entry[i].type & types);
	if (!found)
		return "";
	found = pick % found;
	for (int i = 0; i < count; i++)
		if ((entry[i].type & types) && !found--)
			return entry[i].path;
	return "";
}

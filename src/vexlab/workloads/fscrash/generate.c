// SPDX-License-Identifier: Apache-2.0
/* Programs, made of a seed alone: what people do with files, and the idioms by which they keep them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fscrash/model.h"
#include "lib/profile.h"
#include "lib/random.h"

#define ROOM_WANTED 4 /* names that an idiom may need */

static uint32_t below(struct model *model, uint32_t limit)
{
	return (uint32_t)random_below(&model->random, limit);
}

static struct world *now(struct model *model, int actor)
{
	return &model->actor[actor].world[model->actor[actor].worlds - 1];
}

/* An entry of that kind, or NULL. The two folders that stay are left out. */
static struct entry *pick(struct model *model, int actor, enum kind kind)
{
	struct world *world = now(model, actor);
	struct entry *found[MOST_ENTRIES];
	int count = 0;

	for (int i = 0; i < world->count; i++)
		if (world->entry[i].kind == kind && strlen(world->entry[i].path) > 2)
			found[count++] = &world->entry[i];
	return count ? found[below(model, count)] : NULL;
}

/* A path that does not exist: in d0 or d1, or for files in a folder there. */
static void new_path(struct model *model, int actor, char *path, char letter)
{
	struct entry *folder = letter == 's' || below(model, 3) ? NULL : pick(model, actor, K_DIR);

	do {
		unsigned int number = below(model, 60);

		if (folder)
			snprintf(path, PATH_ROOM, "%.20s/%c%u", folder->path, letter, number);
		else
			snprintf(path, PATH_ROOM, "d%u/%c%u", below(model, 2), letter, number);
	} while (world_find(now(model, actor), path));
}

static struct op op_on(enum verb verb, int actor, int file, const char *a)
{
	struct op op = { .verb = verb, .actor = actor, .file = file };

	snprintf(op.a, sizeof(op.a), "%s", a ? a : "");
	return op;
}

static void add(struct model *model, enum verb verb, int actor, int file, const char *a)
{
	struct op op = op_on(verb, actor, file, a);

	model_apply(model, &op);
}

/* Sizes around what filesystems count in: cells, sectors, blocks, several blocks. */
static uint32_t length(struct model *model)
{
	switch (below(model, 4)) {
	case 0:
		return CELL * (1 + below(model, 40));
	case 1:
		return 512 * (1 + below(model, 10));
	case 2:
		return 4096 * (1 + below(model, 4));
	default:
		return CELL * (1 + below(model, 2500));
	}
}

static void write_to(struct model *model, enum verb verb, struct entry *entry, int actor)
{
	struct file *file = &model->file[entry->file];
	struct op op = op_on(verb, actor, entry->file, entry->path);
	bool mapped = verb == V_STORE || verb == V_MSYNC;

	if (mapped && model->lacks & L_STORE)
		return;
	op.len = length(model);
	if (mapped || below(model, 3) == 0)
		op.off = CELL * below(model, file->size / CELL + 1);
	else if (below(model, 4) == 0)
		op.off = file->size + (model->lacks & L_GAPS ? 0 : CELL * below(model, 2000)); /* a hole */
	else
		op.off = file->size;
	if (mapped && op.off + op.len > file->size)
		op.len = file->size - op.off;
	if (op.off + op.len > model->most || !op.len)
		return;
	model_apply(model, &op);
}

/* A synchronous write of a range promises that range, so nothing else may be waiting. */
static bool settled(const struct file *file)
{
	return !file->events || points_last(&file->durable, 1 << 30) >= file->event[file->events - 1].op;
}

static void create(struct model *model, int actor)
{
	int file = model_new_file(model, actor);
	char path[PATH_ROOM];

	new_path(model, actor, path, 'f');
	add(model, V_CREATE, actor, file, path);
	if (below(model, 4))
		write_to(model, V_WRITE, world_find(now(model, actor), path), actor);
}

/* Write a new file, fsync it, rename it over the old one: the old content or the new one, never neither. */
static void replace(struct model *model, int actor)
{
	struct entry *old = pick(model, actor, K_FILE);
	struct op op = op_on(V_RENAME, actor, 0, NULL);
	int file;

	if (model->lacks & (L_RENAME | L_OVER | L_FSYNC))
		return;
	if (old && below(model, 8))
		memcpy(op.b, old->path, PATH_ROOM);
	else
		new_path(model, actor, op.b, 'n');
	new_path(model, actor, op.a, 't');
	file = op.file = model_new_file(model, actor);
	add(model, V_CREATE, actor, file, op.a);
	write_to(model, V_WRITE, world_find(now(model, actor), op.a), actor);
	add(model, V_FSYNC, actor, file, op.a);
	model_apply(model, &op);
	if (below(model, 3) == 0)
		add(model, V_DIRSYNC, actor, 0, NULL);
}

static void unnamed(struct model *model, int actor)
{
	int file = model_new_file(model, actor);
	struct entry like = { .file = file };
	char path[PATH_ROOM];

	new_path(model, actor, path, 'u');
	add(model, V_TMPFILE, actor, file, NULL);
	write_to(model, V_WRITE, &like, actor);
	if (below(model, 3) == 0)
		return; /* it never gets a name */
	if (below(model, 2))
		add(model, V_FSYNC, actor, file, NULL);
	add(model, V_LINKFD, actor, file, path);
}

static void rename_one(struct model *model, int actor)
{
	bool folder = below(model, 4) == 0;
	struct entry *from = pick(model, actor, folder ? K_DIR : K_FILE);
	struct op op;

	if (!from || model->lacks & (folder ? L_MOVE : L_RENAME))
		return;
	op = op_on(V_RENAME, actor, from->file, from->path);
	new_path(model, actor, op.b, folder ? 's' : 'r');
	model_apply(model, &op);
}

static void pair(struct model *model, int actor, enum verb verb)
{
	struct entry *a = pick(model, actor, K_FILE);
	struct entry *b = pick(model, actor, K_FILE);
	struct op op;

	if (!a || (verb == V_EXCHANGE && a == b))
		return;
	op = op_on(verb, actor, a->file, a->path);
	if (verb == V_EXCHANGE)
		memcpy(op.b, b->path, PATH_ROOM);
	else
		new_path(model, actor, op.b, 'l');
	model_apply(model, &op);
}

static void unlink_one(struct model *model, int actor)
{
	struct entry *entry = pick(model, actor, below(model, 8) ? K_FILE : K_SYMLINK);
	bool held;

	if (!entry)
		return;
	held = entry->kind == K_FILE && model->file[entry->file].links == 1 && below(model, 2) &&
	       !(model->lacks & L_UNLINK_OPEN);
	add(model, held ? V_HOLD : V_UNLINK, actor, entry->file, entry->path);
}

static void drop_one(struct model *model, int actor)
{
	for (int i = 0; i < model->files; i++) {
		struct file *file = &model->file[i];

		if (file->actor == actor && file->open && !file->links) {
			add(model, V_DROP, actor, i, NULL);
			return;
		}
	}
}

static void folder(struct model *model, int actor)
{
	struct entry *entry = pick(model, actor, K_DIR);
	struct world *world = now(model, actor);
	char path[PATH_ROOM];

	if (entry && below(model, 3) == 0) {
		size_t len = strlen(entry->path);

		for (int i = 0; i < world->count; i++)
			if (!strncmp(world->entry[i].path, entry->path, len) && world->entry[i].path[len] == '/')
				return;
		if (!(model->lacks & L_RMDIR))
			add(model, V_RMDIR, actor, 0, entry->path);
		return;
	}
	new_path(model, actor, path, 's');
	add(model, V_MKDIR, actor, 0, path);
}

static void attribute(struct model *model, int actor, enum verb verb)
{
	struct entry *entry = pick(model, actor, K_FILE);
	struct op op;

	if (!entry)
		return;
	op = op_on(verb, actor, entry->file, entry->path);
	op.len = verb == V_CHMOD ? 0600 + below(model, 64) : (uint32_t)model->ops + 1;
	model_apply(model, &op);
}

static void keep(struct model *model, int actor)
{
	struct entry *entry = pick(model, actor, K_FILE);
	uint32_t which = below(model, 20);

	if (model->lacks & L_FDATASYNC && which >= 13 && which < 16)
		which = 12;
	if (model->lacks & L_FSYNC && (!entry || which < 13 || which >= 16))
		which = 0;
	if (which == 0 && model->lacks & L_SYNCFS)
		return;
	if (which < 4 || !entry)
		add(model, which == 0 ? V_SYNCFS : V_DIRSYNC, which == 0 ? 0 : actor, 0, NULL);
	else if (which < 13)
		add(model, V_FSYNC, actor, entry->file, entry->path);
	else if (which < 16)
		add(model, V_FDATASYNC, actor, entry->file, entry->path);
	else if (settled(&model->file[entry->file]))
		write_to(model, which < 19 ? V_DSYNC : V_MSYNC, entry, actor);
}

static void one_symlink(struct model *model, int actor)
{
	char path[PATH_ROOM];

	new_path(model, actor, path, 'y');
	add(model, V_SYMLINK, actor, model->ops, path);
}

enum act {
	A_CREATE, A_WRITE, A_STORE, A_CUT, A_KEEP, A_REPLACE, A_RENAME, A_EXCHANGE, A_LINK, A_UNLINK, A_DROP, A_FOLDER,
	A_SYMLINK, A_CHMOD, A_XATTR, A_UNNAMED,
};

/* How often each is done, by profile: data, names. */
static const struct {
	enum act act;
	int data;
	int names;
} weights[] = {
	{ A_CREATE, 10, 12 }, { A_WRITE, 32, 8 }, { A_STORE, 6, 2 }, { A_CUT, 8, 2 },	  { A_KEEP, 24, 16 },
	{ A_REPLACE, 4, 9 },  { A_RENAME, 2, 14 }, { A_EXCHANGE, 0, 4 }, { A_LINK, 1, 6 }, { A_UNLINK, 5, 10 },
	{ A_DROP, 2, 3 },     { A_FOLDER, 1, 6 }, { A_SYMLINK, 0, 3 }, { A_CHMOD, 1, 3 }, { A_XATTR, 2, 4 },
	{ A_UNNAMED, 2, 3 },
};

static enum act draw(struct model *model)
{
	int total = 0, at;

	for (size_t i = 0; i < sizeof(weights) / sizeof(*weights); i++)
		total += model->profile == 'd' ? weights[i].data : weights[i].names;
	at = (int)below(model, total);
	for (size_t i = 0;; i++) {
		at -= model->profile == 'd' ? weights[i].data : weights[i].names;
		if (at < 0)
			return weights[i].act;
	}
}

static void act(struct model *model, int actor, enum act act)
{
	struct entry *entry = pick(model, actor, K_FILE);

	if (now(model, actor)->count + ROOM_WANTED > MOST_ENTRIES)
		act = A_UNLINK;
	switch (act) {
	case A_CREATE:
		create(model, actor);
		break;
	case A_WRITE:
	case A_STORE:
		if (entry)
			write_to(model, act == A_WRITE ? V_WRITE : V_STORE, entry, actor);
		break;
	case A_CUT:
		if (entry) {
			struct op op = op_on(V_CUT, actor, entry->file, entry->path);
			uint32_t size = model->file[entry->file].size;

			op.off = CELL * below(model, (below(model, 4) ? size : size + 20000) / CELL + 1);
			if (model->lacks & (op.off < size ? L_SHORTEN : L_EXTEND))
				return;
			if (op.off <= model->most && op.off != size)
				model_apply(model, &op);
		}
		break;
	case A_KEEP:
		keep(model, actor);
		break;
	case A_REPLACE:
		replace(model, actor);
		break;
	case A_RENAME:
		rename_one(model, actor);
		break;
	case A_EXCHANGE:
		if (!(model->lacks & L_EXCHANGE))
			pair(model, actor, V_EXCHANGE);
		break;
	case A_LINK:
		if (!(model->lacks & L_LINK))
			pair(model, actor, V_LINK);
		break;
	case A_UNLINK:
		unlink_one(model, actor);
		break;
	case A_DROP:
		drop_one(model, actor);
		break;
	case A_FOLDER:
		folder(model, actor);
		break;
	case A_SYMLINK:
		if (!(model->lacks & L_SYMLINK))
			one_symlink(model, actor);
		break;
	case A_CHMOD:
		if (!(model->lacks & L_MODE))
			attribute(model, actor, V_CHMOD);
		break;
	case A_XATTR:
		if (!(model->lacks & L_XATTR))
			attribute(model, actor, V_XATTR);
		break;
	case A_UNNAMED:
		if (!(model->lacks & (L_TMPFILE | L_LINK)))
			unnamed(model, actor);
		break;
	}
}

void model_make(struct model *model, uint64_t seed, int count, char profile, unsigned int lacks)
{
	static const struct world start = {
		.op = -1, .count = 2, .entry = { { "d0", K_DIR, 0, 0755, 0 }, { "d1", K_DIR, 0, 0755, 0 } },
	};

	*model = (struct model){ .random = seed, .profile = profile, .lacks = lacks | profile_lacks() };
	model->most = profile_half("file_sparse", profile_half("file_size", MOST_SIZE));
	if (model->most > MOST_SIZE)
		model->most = MOST_SIZE;
	for (int i = 0; i < ACTORS; i++) {
		model->actor[i].world = malloc(sizeof(start));
		if (!model->actor[i].world)
			abort();
		model->actor[i].world[0] = start;
		model->actor[i].worlds = 1;
		model->actor[i].named = -1;
	}
	while (model->ops < count) {
		int actor = (int)below(model, ACTORS);

		if (profile == 'h' && model->ops % 3 == 0)
			add(model, V_HOOK, actor, 0, NULL);
		act(model, actor, draw(model));
	}
}

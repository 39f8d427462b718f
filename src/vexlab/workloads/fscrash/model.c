// SPDX-License-Identifier: Apache-2.0
/* What each operation changes, and what it makes durable. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fscrash/model.h"
#include "lib/profile.h"

static void *grown(void *array, int count, size_t size)
{
	/* powers of two: most calls find room */
	if (count & (count - 1))
		return array;
	array = realloc(array, (count ? 2 * (size_t)count : 1) * size);
	if (!array)
		abort();
	return array;
}

static void points_add(struct points *points, int op, int upto)
{
	points->point = grown(points->point, points->count, sizeof(struct point));
	points->point[points->count++] = (struct point){ op, upto };
}

int points_last(const struct points *points, int op)
{
	int upto = -1;

	for (int i = 0; i < points->count && points->point[i].op <= op; i++)
		if (points->point[i].upto > upto)
			upto = points->point[i].upto;
	return upto;
}

const struct world *world_at(const struct actor *actor, int op)
{
	int i = actor->worlds - 1;

	while (i > 0 && actor->world[i].op > op)
		i--;
	return &actor->world[i];
}

struct entry *world_find(struct world *world, const char *path)
{
	for (int i = 0; i < world->count; i++)
		if (!strcmp(world->entry[i].path, path))
			return &world->entry[i];
	return NULL;
}

int world_links(const struct world *world, int file)
{
	int links = 0;

	for (int i = 0; i < world->count; i++)
		links += world->entry[i].kind == K_FILE && world->entry[i].file == file;
	return links;
}

int model_new_file(struct model *model, int actor)
{
	model->file = grown(model->file, model->files, sizeof(struct file));
	memset(&model->file[model->files], 0, sizeof(struct file));
	model->file[model->files].actor = actor;
	model->file[model->files].open = true;
	model->file[model->files].touched = -1;
	return model->files++;
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

/* The actor's world as this operation will leave it, to be changed. */
static struct world *next_world(struct model *model, int actor, int op)
{
	struct actor *a = &model->actor[actor];

	a->world = grown(a->world, a->worlds, sizeof(struct world));
	a->world[a->worlds] = a->world[a->worlds - 1];
	a->world[a->worlds].op = op;
	return &a->world[a->worlds++];
}

static void add_entry(struct world *world, const char *path, enum kind kind, int file, const struct entry *like)
{
	struct entry *entry = &world->entry[world->count++];

	*entry = like ? *like : (struct entry){ .mode = kind == K_FILE ? 0644 : 0755 };
	memcpy(entry->path, path, PATH_ROOM);
	entry->kind = kind;
	entry->file = file;
	qsort(world->entry, world->count, sizeof(*entry), compare);
}

static void remove_entry(struct world *world, struct entry *entry)
{
	size_t behind = world->count - (entry - world->entry) - 1;

	memmove(entry, entry + 1, behind * sizeof(*entry));
	world->count--;
}

static void drop_name(struct model *model, struct world *world, const char *path)
{
	struct entry *old = world_find(world, path);

	if (!old)
		return;
	if (old->kind == K_FILE && !--model->file[old->file].links)
		model->file[old->file].open = false;
	remove_entry(world, old);
}

static void move(struct model *model, struct world *world, const struct op *op)
{
	size_t len = strlen(op->a);

	drop_name(model, world, op->b);
	for (int i = 0; i < world->count; i++) {
		struct entry *entry = &world->entry[i];
		char path[2 * PATH_ROOM];

		if (strncmp(entry->path, op->a, len) || (entry->path[len] && entry->path[len] != '/'))
			continue;
		snprintf(path, sizeof(path), "%s%s", op->b, entry->path + len);
		memcpy(entry->path, path, PATH_ROOM);
	}
	qsort(world->entry, world->count, sizeof(struct entry), compare);
}

static void exchange(struct world *world, const struct op *op)
{
	struct entry *a = world_find(world, op->a);
	struct entry *b = world_find(world, op->b);
	struct entry keep = *a;

	*a = *b;
	memcpy(a->path, op->a, PATH_ROOM);
	*b = keep;
	memcpy(b->path, op->b, PATH_ROOM);
}

static void touch(struct model *model, const struct op *op, const struct entry *entry, int at)
{
	if (entry ? entry->kind == K_FILE : op->verb == V_CREATE || op->verb == V_LINKFD)
		model->file[op->file].touched = at;
	if (op->verb != V_CHMOD && op->verb != V_XATTR)
		model->actor[op->actor].named = at;
}

static void apply_name(struct model *model, const struct op *op, int at)
{
	struct world *world = next_world(model, op->actor, at);
	struct entry *entry = world_find(world, op->a);

	touch(model, op, entry, at);
	switch (op->verb) {
	case V_CREATE:
	case V_LINKFD:
		add_entry(world, op->a, K_FILE, op->file, NULL);
		model->file[op->file].links++;
		break;
	case V_LINK: {
		struct entry like = *entry;

		add_entry(world, op->b, K_FILE, op->file, &like);
		model->file[op->file].links++;
		break;
	}
	case V_MKDIR:
		add_entry(world, op->a, K_DIR, 0, NULL);
		break;
	case V_SYMLINK:
		add_entry(world, op->a, K_SYMLINK, op->file, NULL);
		break;
	case V_RMDIR:
	case V_UNLINK:
		drop_name(model, world, op->a);
		break;
	case V_HOLD:
		model->file[op->file].links = 0;
		remove_entry(world, entry);
		break;
	case V_RENAME:
		move(model, world, op);
		break;
	case V_EXCHANGE:
		exchange(world, op);
		break;
	default:
		for (int i = 0; i < world->count; i++) {
			if (world->entry[i].kind != K_FILE || world->entry[i].file != op->file)
				continue;
			if (op->verb == V_CHMOD)
				world->entry[i].mode = op->len;
			else
				world->entry[i].xattr = op->len;
		}
	}
}

static void apply_bytes(struct model *model, const struct op *op, int at)
{
	struct file *file = &model->file[op->file];
	struct event *event;

	file->event = grown(file->event, file->events, sizeof(*event));
	event = &file->event[file->events++];
	*event = (struct event){ .op = at, .cut = op->verb == V_CUT, .off = op->off, .len = op->len };
	if (event->cut)
		file->size = op->off;
	else if (op->off + op->len > file->size)
		file->size = op->off + op->len;
	event->size = file->size;
}

static void apply_sync(struct model *model, const struct op *op, int at)
{
	struct actor *actor = &model->actor[op->actor];
	struct file *file = &model->file[op->file];

	if (op->verb == V_SYNCFS) {
		for (int i = 0; i < ACTORS; i++)
			points_add(&model->actor[i].durable, at, at);
		for (int i = 0; i < model->files; i++)
			points_add(&model->file[i].durable, at, at);
		return;
	}
	if (op->verb == V_DIRSYNC) {
		points_add(&actor->durable, at, actor->named);
		return;
	}
	points_add(&file->durable, at, at);
	/*
	 * fsync(2) promises the file, not its name. All journalling filesystems of Linux keep the name too, and what
	 * was done before, since they commit in order; one that does not declares it.
	 */
	if (op->verb == V_FSYNC && !(model->lacks & L_NAMES))
		points_add(&actor->durable, at, file->touched);
}

void model_apply(struct model *model, const struct op *op)
{
	int at = model->ops;

	model->op = grown(model->op, model->ops, sizeof(*op));
	model->op[model->ops++] = *op;
	switch (op->verb) {
	case V_WRITE:
	case V_STORE:
	case V_CUT:
		apply_bytes(model, op, at);
		break;
	case V_DSYNC:
	case V_MSYNC:
		apply_bytes(model, op, at);
		apply_sync(model, op, at);
		break;
	case V_FSYNC:
	case V_FDATASYNC:
	case V_DIRSYNC:
	case V_SYNCFS:
		apply_sync(model, op, at);
		break;
	case V_DROP:
		model->file[op->file].open = false;
		break;
	case V_TMPFILE:
	case V_HOOK:
		break;
	default:
		apply_name(model, op, at);
	}
}

bool op_names(const struct op *op)
{
	switch (op->verb) {
	case V_CREATE:
	case V_RENAME:
	case V_EXCHANGE:
	case V_LINK:
	case V_LINKFD:
	case V_UNLINK:
	case V_HOLD:
	case V_MKDIR:
	case V_RMDIR:
	case V_SYMLINK:
		return true;
	default:
		return false;
	}
}

void symlink_target(int file, char *target, size_t room)
{
	size_t len = profile_half("symlink_max", file % 3 ? 20 : 300);

	if (len >= room)
		len = room - 1;
	for (size_t i = 0; i < len; i++)
		target[i] = 'a' + (file + i) % 26;
	target[len] = '\0';
}

size_t xattr_value(int version, char *value, size_t room)
{
	size_t len = version % 2 ? 30 : 700; /* ext4 with blocks of 1 KiB has no room for more */

	if (len > room)
		len = room;
	for (size_t i = 0; i < len; i++)
		value[i] = (char)(version * 31 + i);
	return len;
}

static const char *const verbs[] = {
	"create", "write", "store through a mapping", "truncate", "fsync", "fdatasync", "write with RWF_DSYNC",
	"store and msync", "rename", "exchange", "link", "unlink", "unlink while open", "close the unlinked", "mkdir",
	"rmdir", "symlink", "chmod", "setxattr", "fsync of the folders", "syncfs", "O_TMPFILE", "link the unnamed", "hook",
};

const char *op_text(const struct op *op, char *text, size_t room)
{
	int len = snprintf(text, room, "%s a%d", verbs[op->verb], op->actor);

	if (op->verb == V_DIRSYNC || op->verb == V_SYNCFS)
		return text;
	if (*op->a)
		len += snprintf(text + len, room - len, "/%s", op->a);
	if (*op->b)
		len += snprintf(text + len, room - len, " to %s", op->b);
	if (op->verb == V_CUT)
		snprintf(text + len, room - len, " to %u bytes", op->off);
	else if (op->verb == V_WRITE || op->verb == V_STORE || op->verb == V_DSYNC || op->verb == V_MSYNC)
		snprintf(text + len, room - len, " at %u, %u bytes", op->off, op->len);
	return text;
}

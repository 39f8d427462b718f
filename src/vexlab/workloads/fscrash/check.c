// SPDX-License-Identifier: Apache-2.0
/* What an actor's folder may be after a crash: one of its worlds, with files whose bytes may be so. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fscrash/check.h"
#include "fscrash/execute.h"
#include "lib/tree.h"

#define MOST_FOUND 64

struct found {
	char path[2 * PATH_ROOM];
	struct stat st;
};

struct listing {
	int dir;
	int count;
	struct found found[MOST_FOUND];
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct found *)a)->path, ((const struct found *)b)->path);
}

static bool list(struct listing *all, const char *folder, char why[WHY])
{
	struct names names;

	if (!names_read(all->dir, *folder ? folder : ".", &names)) {
		snprintf(why, WHY, "%s cannot be listed: %s", *folder ? folder : "the folder", strerror(errno));
		return false;
	}
	for (size_t i = 0; i < names.count; i++) {
		struct found *found = &all->found[all->count];
		int len = snprintf(found->path, sizeof(found->path), "%s%s%s", folder, *folder ? "/" : "",
				   names.name[i]);

		if (all->count == MOST_FOUND - 1 || len >= (int)sizeof(found->path)) {
			snprintf(why, WHY, "%.80s/%.80s should not be there", folder, names.name[i]);
			return false;
		}
		if (fstatat(all->dir, found->path, &found->st, AT_SYMLINK_NOFOLLOW)) {
			snprintf(why, WHY, "%s is listed and cannot be asked: %s", found->path, strerror(errno));
			return false;
		}
		all->count++;
		if (S_ISDIR(found->st.st_mode) && !list(all, found->path, why))
			return false;
	}
	names_free(&names);
	return true;
}

static mode_t type_of(enum kind kind)
{
	return kind == K_FILE ? S_IFREG : kind == K_DIR ? S_IFDIR : S_IFLNK;
}

static bool same_names(const struct listing *all, const struct world *world)
{
	if (all->count != world->count)
		return false;
	for (int i = 0; i < all->count; i++)
		if (strcmp(all->found[i].path, world->entry[i].path) ||
		    (all->found[i].st.st_mode & S_IFMT) != type_of(world->entry[i].kind))
			return false;
	return true;
}

static bool check_symlink(const struct listing *all, const struct entry *entry, char why[WHY])
{
	char wanted[512], target[512];
	ssize_t len = readlinkat(all->dir, entry->path, target, sizeof(target) - 1);

	target[len < 0 ? 0 : len] = '\0';
	symlink_target(entry->file, wanted, sizeof(wanted));
	if (!strcmp(wanted, target))
		return true;
	snprintf(why, WHY, "%s leads to '%.40s' instead of '%.40s'", entry->path, target, wanted);
	return false;
}

static bool check_folder(const struct listing *all, const struct entry *entry, const struct stat *st, char why[WHY])
{
	size_t len = strlen(entry->path);
	unsigned int links = 2;

	for (int i = 0; i < all->count; i++)
		links += S_ISDIR(all->found[i].st.st_mode) && !strncmp(all->found[i].path, entry->path, len) &&
			 all->found[i].path[len] == '/';
	/* 1 is what filesystems say that do not count */
	if (st->st_nlink == links || st->st_nlink == 1)
		return true;
	snprintf(why, WHY, "%s has %lu links instead of %u", entry->path, (unsigned long)st->st_nlink, links);
	return false;
}

static bool check_xattr(int fd, const struct entry *entry, char why[WHY])
{
	char wanted[2048], value[2048];
	ssize_t len = fgetxattr(fd, NAME_XATTR, value, sizeof(value));
	ssize_t size = entry->xattr ? (ssize_t)xattr_value(entry->xattr, wanted, sizeof(wanted)) : 0;

	if (!entry->xattr ? len < 0 && (errno == ENODATA || errno == EOPNOTSUPP) :
			    len == size && !memcmp(value, wanted, size))
		return true;
	if (len < 0)
		snprintf(why, WHY, "%s has lost its attribute: %s", entry->path, strerror(errno));
	else
		snprintf(why, WHY, "%s has an attribute of %zd bytes instead of %zd, or a wrong one", entry->path, len,
			 size);
	return false;
}

static bool check_links(const struct listing *all, const struct world *world, int at, char why[WHY])
{
	const struct stat *st = &all->found[at].st;
	int links = world_links(world, world->entry[at].file);

	if ((int)st->st_nlink != links) {
		snprintf(why, WHY, "%s has a link count of %lu and %d names", world->entry[at].path,
			 (unsigned long)st->st_nlink, links);
		return false;
	}
	for (int i = 0; i < world->count; i++) {
		bool same = world->entry[i].kind == K_FILE && world->entry[i].file == world->entry[at].file;

		if (same == (all->found[i].st.st_ino == st->st_ino))
			continue;
		snprintf(why, WHY, same ? "%s and %s are no longer one file" : "%s and %s have become one inode",
			 world->entry[at].path, world->entry[i].path);
		return false;
	}
	return true;
}

/* Names beside a file's own do not count here. */
static bool check_entry(const struct model *model, const struct listing *all, const struct entry *entry,
			const struct stat *st, int done, int begun, char why[WHY])
{
	char wrong[WHY];
	bool good;
	int fd;

	if (entry->kind == K_SYMLINK)
		return check_symlink(all, entry, why);
	if (entry->kind == K_DIR)
		return check_folder(all, entry, st, why);
	if (!(model->lacks & L_MODE) && (int)(st->st_mode & 07777) != entry->mode) {
		snprintf(why, WHY, "%s has mode %o instead of %o", entry->path, st->st_mode & 07777, entry->mode);
		return false;
	}
	fd = openat(all->dir, entry->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		snprintf(why, WHY, "%s cannot be opened: %s", entry->path, strerror(errno));
		return false;
	}
	good = check_xattr(fd, entry, why);
	if (good && !check_file(model, entry->file, fd, done, begun, wrong)) {
		snprintf(why, WHY, "%s %.300s", entry->path, wrong);
		good = false;
	}
	close(fd);
	return good;
}

static bool listed(const struct listing *all, const char *path)
{
	for (int i = 0; i < all->count; i++)
		if (!strcmp(all->found[i].path, path))
			return true;
	return false;
}

static bool expected(const struct world *world, const char *path)
{
	for (int i = 0; i < world->count; i++)
		if (!strcmp(world->entry[i].path, path))
			return true;
	return false;
}

static int differences(const struct listing *all, const struct world *world)
{
	int count = 0;

	for (int i = 0; i < all->count; i++)
		count += !expected(world, all->found[i].path);
	for (int i = 0; i < world->count; i++)
		count += !listed(all, world->entry[i].path);
	return count;
}

/* What the names differ in from the world that is the most alike. */
static void tell_names(const struct listing *all, const struct world *durable, const struct world *last, char why[WHY])
{
	const struct world *like = last;
	int len = 0;

	for (const struct world *world = last; world >= durable; world--)
		if (differences(all, world) < differences(all, like))
			like = world;
	for (int i = 0; i < like->count && len < WHY / 2; i++)
		if (!listed(all, like->entry[i].path))
			len += snprintf(why + len, WHY - len, "%s is missing, ", like->entry[i].path);
	for (int i = 0; i < all->count && len < WHY / 2; i++)
		if (!expected(like, all->found[i].path))
			len += snprintf(why + len, WHY - len, "%s should not be there, ", all->found[i].path);
	snprintf(why + len, WHY - len, "after none of the operations %d to %d stood these names; the nearest is %d",
		 durable->op, last->op, like->op);
}

static bool matches(const struct model *model, const struct listing *all, const struct world *world, int done,
		    int begun, char why[WHY], int *good)
{
	for (*good = 0; *good < world->count; ++*good) {
		const struct entry *entry = &world->entry[*good];

		if (entry->kind == K_FILE && !check_links(all, world, *good, why))
			return false;
		if (!check_entry(model, all, entry, &all->found[*good].st, done, begun, why))
			return false;
	}
	return true;
}

static const struct entry *entry_of(const struct world *world, const char *path)
{
	for (int i = 0; i < world->count; i++)
		if (!strcmp(world->entry[i].path, path))
			return &world->entry[i];
	return NULL;
}

static bool check_link_count(const struct listing *all, const struct found *found, char why[WHY])
{
	unsigned int names = 0;

	for (int i = 0; i < all->count; i++)
		names += all->found[i].st.st_ino == found->st.st_ino;
	if (!S_ISREG(found->st.st_mode) || names == found->st.st_nlink)
		return true;
	snprintf(why, WHY, "%s has a link count of %lu and %u names", found->path, (unsigned long)found->st.st_nlink, names);
	return false;
}

/* Whether what was durable under this name has since been removed, or is there under another one that it got. */
static bool may_be_gone(const struct listing *all, const struct entry *entry, const struct world *durable,
			const struct world *last)
{
	bool stayed = true, elsewhere = false;

	for (const struct world *world = durable; world <= last; world++) {
		bool there = false;

		for (int i = 0; i < world->count; i++) {
			const struct entry *other = &world->entry[i];

			if (other->kind != entry->kind || other->file != entry->file)
				continue;
			there = true;
			elsewhere |= strcmp(other->path, entry->path) && listed(all, other->path);
		}
		if (!there)
			return true;
		stayed &= expected(world, entry->path);
	}
	return !stayed && elsewhere;
}

/* Where names need not be those of one moment: each is as it was at some moment since it was durable. */
static bool check_unordered(const struct model *model, const struct listing *all, const struct world *durable,
			    const struct world *last, int done, int begun, char why[WHY])
{
	for (int i = 0; i < all->count; i++) {
		const struct found *found = &all->found[i];
		bool good = false;

		snprintf(why, WHY, "%s should not be there", found->path);
		for (const struct world *world = last; world >= durable && !good; world--) {
			const struct entry *entry = entry_of(world, found->path);

			good = entry && (found->st.st_mode & S_IFMT) == type_of(entry->kind) &&
			       check_entry(model, all, entry, &found->st, done, begun, why);
		}
		if (!good || !check_link_count(all, found, why))
			return false;
	}
	for (int i = 0; i < durable->count; i++) {
		const struct entry *entry = &durable->entry[i];

		if (!may_be_gone(all, entry, durable, last) && !listed(all, entry->path)) {
			snprintf(why, WHY, "%s is missing", entry->path);
			return false;
		}
	}
	return true;
}

static bool check_actor(const struct model *model, int number, struct listing *all, int done, int begun, char why[WHY])
{
	const struct actor *actor = &model->actor[number];
	const struct world *durable = world_at(actor, points_last(&actor->durable, done));
	const struct world *last = world_at(actor, begun);
	char wrong[WHY];
	int best = -1, good;

	qsort(all->found, all->count, sizeof(all->found[0]), compare);
	if (model->lacks & L_ORDER)
		return check_unordered(model, all, durable, last, done, begun, why);
	for (const struct world *world = last; world >= durable; world--) {
		if (!same_names(all, world))
			continue;
		if (matches(model, all, world, done, begun, wrong, &good))
			return true;
		if (good > best) {
			best = good;
			memcpy(why, wrong, WHY);
		}
	}
	if (best < 0)
		tell_names(all, durable, last, why);
	return false;
}

bool check_tree(const struct model *model, const char *root, int done, int begun, char why[WHY])
{
	static struct listing all;

	for (int i = 0; i < ACTORS; i++) {
		char path[256], wrong[WHY];
		bool good;

		snprintf(path, sizeof(path), "%s/a%d", root, i);
		all.count = 0;
		all.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (all.dir < 0) {
			snprintf(why, WHY, "a%d cannot be opened: %s", i, strerror(errno));
			return false;
		}
		good = list(&all, "", wrong) && check_actor(model, i, &all, done, begun, wrong);
		close(all.dir);
		if (!good) {
			snprintf(why, WHY, "a%d: %.380s", i, wrong);
			return false;
		}
	}
	return true;
}

int hooks_until(const struct model *model, int op)
{
	int hooks = 0;

	for (int i = 0; i <= op && i < model->ops; i++)
		hooks += model->op[i].verb == V_HOOK;
	return hooks;
}

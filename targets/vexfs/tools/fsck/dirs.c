// SPDX-License-Identifier: GPL-2.0
/*
 * Pass 2: directory blocks and what their entries name.
 */

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fsck.h"

/* Names of the directory at hand, to find those that occur twice. */
struct names {
	uint32_t	*slot;		/* place in text + 1, 0: empty */
	size_t		room, count;
	uint8_t		*text;		/* length byte, name, ... */
	size_t		text_room, text_used;
};

struct dir_check {
	struct check	*c;
	uint32_t	ino;
	uint32_t	block;
	uint64_t	lblk;
	uint8_t		buf[VEXFS_BLOCK_SIZE];
	bool		dirty;
	struct names	names;
};

static struct vexfs_dir_entry *entry_at(uint8_t *buf, uint32_t pos)
{
	return (struct vexfs_dir_entry *)(buf + pos);
}

/* A used entry that its hash confirms. */
static bool confirmed(struct check *c, const uint8_t *buf, uint32_t pos)
{
	const struct vexfs_dir_entry *de = (const void *)(buf + pos);

	return pos + VEXFS_DIRENT_MIN <= VEXFS_BLOCK_SIZE &&
	       de->d_ino && de->d_name_len &&
	       pos + VEXFS_DIRENT_HEAD + de->d_name_len <= VEXFS_BLOCK_SIZE &&
	       de->d_hash == name_hash(&c->fs.lo, de->d_name, de->d_name_len);
}

static bool length_valid(const struct vexfs_dir_entry *de, uint32_t pos)
{
	uint32_t rec_len = le16toh(de->d_rec_len);

	return rec_len >= VEXFS_DIRENT_HEAD && rec_len % 4 == 0 &&
	       pos + rec_len <= VEXFS_BLOCK_SIZE &&
	       (!de->d_ino || (de->d_name_len &&
			       rec_len >= VEXFS_DIRENT_LEN(de->d_name_len)));
}

bool looks_like_dir(struct check *c, uint32_t block)
{
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct vexfs_dir_entry *de;
	uint32_t pos;

	get_block(c, block, buf);
	for (pos = 0; pos < VEXFS_BLOCK_SIZE; pos += le16toh(de->d_rec_len)) {
		if (pos + VEXFS_DIRENT_HEAD > VEXFS_BLOCK_SIZE)
			return false;
		de = entry_at(buf, pos);
		if (!length_valid(de, pos) ||
		    (de->d_ino && !confirmed(c, buf, pos)))
			return false;
	}
	return true;
}

static bool name_valid(const struct vexfs_dir_entry *de)
{
	const char *name = de->d_name;
	uint32_t len = de->d_name_len;

	return !memchr(name, 0, len) && !memchr(name, '/', len) &&
	       !(len == 1 && name[0] == '.') &&
	       !(len == 2 && name[0] == '.' && name[1] == '.');
}

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

/* 1: new, 0: was there before, -ENOMEM. */
static int names_add(struct names *n, uint32_t hash, const char *name,
		     uint8_t len)
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

static void names_forget(struct names *n)
{
	n->count = 0;
	n->text_used = 0;
	if (n->slot)
		memset(n->slot, 0, n->room * sizeof(*n->slot));
}

static void names_free(struct names *n)
{
	free(n->slot);
	free(n->text);
}

/* Takes the entry at pos out; its space goes to the one before it. */
static void drop_entry(uint8_t *buf, uint32_t pos)
{
	struct vexfs_dir_entry *de = entry_at(buf, pos), *prev = NULL;
	uint32_t at = 0;

	while (at < pos) {
		prev = entry_at(buf, at);
		if (!length_valid(prev, at))
			return;		/* left as it is on request */
		at += le16toh(prev->d_rec_len);
	}
	if (prev && at == pos)
		prev->d_rec_len = htole16(le16toh(prev->d_rec_len) +
					  le16toh(de->d_rec_len));
	de->d_ino = 0;
	de->d_hash = 0;
}

/*
 * Makes the block well-formed from pos on. An entry whose length is wrong ends
 * where the next one that its hash confirms begins.
 */
static void salvage(struct check *c, uint8_t *buf, uint32_t pos)
{
	struct vexfs_dir_entry *de;
	uint32_t next, least, len;
	bool keep;

	for (; pos < VEXFS_BLOCK_SIZE; pos += le16toh(de->d_rec_len)) {
		de = entry_at(buf, pos);
		if (length_valid(de, pos))
			goto room_behind;
		keep = confirmed(c, buf, pos);
		/* The name may be whole, and its length what was hit. */
		for (len = 1; !keep && de->d_ino && len <= VEXFS_NAME_MAX &&
		     pos + VEXFS_DIRENT_HEAD + len <= VEXFS_BLOCK_SIZE; len++)
			if (de->d_hash == name_hash(&c->fs.lo, de->d_name,
						    len)) {
				de->d_name_len = len;
				keep = true;
			}
		least = keep ? VEXFS_DIRENT_LEN(de->d_name_len) :
			VEXFS_DIRENT_HEAD;
		if (keep && pos + least > VEXFS_BLOCK_SIZE) {
			keep = false;
			least = VEXFS_DIRENT_HEAD;
		}
		for (next = pos + least; next < VEXFS_BLOCK_SIZE; next += 4)
			if (confirmed(c, buf, next))
				break;
		if (next > VEXFS_BLOCK_SIZE)
			next = VEXFS_BLOCK_SIZE;
		if (!keep) {
			de->d_ino = 0;
			de->d_hash = 0;
			de->d_name_len = 0;
		}
		de->d_rec_len = htole16(next - pos);
room_behind:
		/* Too little left for another entry: it belongs to this one. */
		next = pos + le16toh(de->d_rec_len);
		if (next < VEXFS_BLOCK_SIZE &&
		    next + VEXFS_DIRENT_HEAD > VEXFS_BLOCK_SIZE)
			de->d_rec_len = htole16(VEXFS_BLOCK_SIZE - pos);
	}
}

static void check_form(struct dir_check *dc)
{
	struct vexfs_dir_entry *de;
	uint32_t pos;

	for (pos = 0; pos < VEXFS_BLOCK_SIZE; pos += le16toh(de->d_rec_len)) {
		de = entry_at(dc->buf, pos);
		if (pos + VEXFS_DIRENT_HEAD <= VEXFS_BLOCK_SIZE &&
		    length_valid(de, pos))
			continue;
		if (problem(dc->c, P_DIR_BLOCK, "Directory %u, block %llu: "
			    "lengths are wrong from byte %u on", dc->ino,
			    (unsigned long long)dc->lblk, pos)) {
			salvage(dc->c, dc->buf, 0);
			dc->dirty = true;
		} else {
			/* In memory it must end somewhere. */
			salvage(dc->c, dc->buf, 0);
		}
		return;
	}
}

/* A target that may be named; one its bitmap denies is looked at now. */
static struct node *target_node(struct check *c, uint32_t ino)
{
	struct vexfs_inode raw;
	struct node *node;

	if (ino < VEXFS_FIRST_INO || ino > c->fs.lo.inodes)
		return NULL;
	node = get_node(c, ino);
	if (node->maybe) {
		get_inode(c, ino, &raw);
		check_inode(c, ino, &raw);
		if (c->patches.count)
			c->again = true;
	}
	return node->mode ? node : NULL;
}

static bool refuse(struct dir_check *dc, enum problem_id id, uint32_t pos,
		   const char *why)
{
	struct vexfs_dir_entry *de = entry_at(dc->buf, pos);

	if (problem(dc->c, id, "Directory %u, entry \"%.*s\" (inode %u): %s",
		    dc->ino, de->d_name_len, de->d_name, le32toh(de->d_ino),
		    why)) {
		drop_entry(dc->buf, pos);
		dc->dirty = true;
	}
	return false;
}

static void link_dir(struct check *c, uint32_t dir, struct node *node)
{
	node->parent = dir;
	node->refs++;
	get_node(c, dir)->subdirs++;
}

/* A directory has one entry: the one in the directory it calls its parent. */
static void check_subdir(struct dir_check *dc, uint32_t pos, struct node *node)
{
	uint32_t target = le32toh(entry_at(dc->buf, pos)->d_ino);
	struct late_link *late;

	if (node->parent) {
		refuse(dc, P_DIR_LINKED_TWICE, pos, "a directory has one name");
	} else if (node->dotdot == dc->ino) {
		link_dir(dc->c, dc->ino, node);
	} else {
		late = list_add(dc->c, &dc->c->late_links, sizeof(*late));
		if (late)
			*late = (struct late_link){ dc->ino, dc->block, pos,
						    target };
	}
}

static void check_hash_type(struct dir_check *dc, struct vexfs_dir_entry *de,
			    const struct node *node)
{
	__le32 hash = name_hash(&dc->c->fs.lo, de->d_name, de->d_name_len);
	uint8_t type = node->mode >> 12;

	if (de->d_hash != hash &&
	    problem(dc->c, P_DIR_HASH,
		    "Directory %u, entry \"%.*s\": its hash is wrong", dc->ino,
		    de->d_name_len, de->d_name)) {
		de->d_hash = hash;
		dc->dirty = true;
	}
	if (de->d_type != type &&
	    problem(dc->c, P_DIR_TYPE,
		    "Directory %u, entry \"%.*s\": type %u instead of %u",
		    dc->ino, de->d_name_len, de->d_name, de->d_type, type)) {
		de->d_type = type;
		dc->dirty = true;
	}
}

/* A name cut short or drawn out: the hash knows the length. */
static void check_name_len(struct dir_check *dc, struct vexfs_dir_entry *de)
{
	uint32_t room = le16toh(de->d_rec_len) - VEXFS_DIRENT_HEAD, len;
	const struct layout *lo = &dc->c->fs.lo;

	if (de->d_hash == name_hash(lo, de->d_name, de->d_name_len))
		return;
	for (len = 1; len <= room && len <= VEXFS_NAME_MAX; len++)
		if (de->d_hash == name_hash(lo, de->d_name, len) &&
		    problem(dc->c, P_DIR_BLOCK, "Directory %u, entry \"%.*s\": "
			    "the name has %u bytes, not %u", dc->ino, len,
			    de->d_name, len, de->d_name_len)) {
			de->d_name_len = len;
			dc->dirty = true;
			return;
		}
}

/* false: the entry is gone. */
static bool check_entry(struct dir_check *dc, uint32_t pos)
{
	struct vexfs_dir_entry *de = entry_at(dc->buf, pos);
	struct check *c = dc->c;
	struct node *node;
	int added;

	if (!de->d_ino) {
		if (de->d_hash &&
		    problem(c, P_DIR_HASH, "Directory %u, block %llu: unused "
			    "space has a hash", dc->ino,
			    (unsigned long long)dc->lblk)) {
			de->d_hash = 0;
			dc->dirty = true;
		}
		return true;
	}
	check_name_len(dc, de);
	if (!name_valid(de))
		return refuse(dc, P_DIR_NAME, pos, "the name is not possible");
	node = target_node(c, le32toh(de->d_ino));
	if (stopped(c))
		return true;
	if (!node)
		return refuse(dc, P_DIR_DANGLING, pos, "there is no such inode");
	added = names_add(&dc->names, le32toh(name_hash(&c->fs.lo, de->d_name,
						     de->d_name_len)), de->d_name,
			  de->d_name_len);
	if (added < 0) {
		failure(c, "find memory for names of", dc->block, added);
		return true;
	}
	if (!added)
		return refuse(dc, P_DIR_DUPLICATE, pos, "the name occurs twice");
	check_hash_type(dc, de, node);
	if (dc->ino == VEXFS_ROOT_INO && S_ISDIR(node->mode) &&
	    de->d_name_len == 10 && !memcmp(de->d_name, "lost+found", 10))
		c->lost_found = le32toh(de->d_ino);
	if (S_ISDIR(node->mode))
		check_subdir(dc, pos, node);
	else
		node->refs++;
	return true;
}

static void check_block(struct dir_check *dc)
{
	uint32_t pos = 0, next;

	get_block(dc->c, dc->block, dc->buf);
	dc->dirty = false;
	check_form(dc);
	while (pos < VEXFS_BLOCK_SIZE && !stopped(dc->c)) {
		/* Removing an entry gives its space away, not its place. */
		next = pos + le16toh(entry_at(dc->buf, pos)->d_rec_len);
		check_entry(dc, pos);
		pos = next;
	}
	if (dc->dirty)
		put_block(dc->c, dc->block, dc->buf);
}

bool remove_entry(struct check *c, uint32_t block, uint32_t offset)
{
	uint8_t buf[VEXFS_BLOCK_SIZE];

	get_block(c, block, buf);
	if (stopped(c))
		return false;
	drop_entry(buf, offset);
	put_block(c, block, buf);
	return true;
}

/* Entries in directories their targets do not call parent. */
static void check_late_links(struct check *c)
{
	struct late_link *late = c->late_links.items;
	struct node *node;
	size_t i;

	for (i = 0; i < c->late_links.count && !stopped(c); i++) {
		node = get_node(c, late[i].target);
		if (!node->parent)
			link_dir(c, late[i].dir, node);
		else if (problem(c, P_DIR_LINKED_TWICE, "Directory %u has a "
				 "second name in directory %u", late[i].target,
				 late[i].dir))
			remove_entry(c, late[i].block, late[i].offset);
	}
}

void check_dirs(struct check *c)
{
	struct dir_check dc = { .c = c };
	struct dir_block db;
	size_t i;

	/* The list grows when an entry leads to a directory seen only now. */
	for (i = 0; i < c->dir_blocks.count && !stopped(c); i++) {
		db = ((struct dir_block *)c->dir_blocks.items)[i];
		if (db.ino != dc.ino)
			names_forget(&dc.names);
		dc.ino = db.ino;
		dc.block = db.block;
		dc.lblk = db.lblk;
		check_block(&dc);
	}
	names_free(&dc.names);
	check_late_links(c);
}

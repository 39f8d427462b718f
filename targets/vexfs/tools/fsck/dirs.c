// SPDX-License-Identifier: GPL-2.0
/*
 * Pass 2: the entries of directories and what they name.
 */

#include <endian.h>
#include <string.h>
#include <sys/stat.h>

#include "fsck.h"

static bool name_valid(const struct vexfs_dir_entry *de)
{
	const char *name = de->d_name;
	uint32_t len = de->d_name_len;

	return !memchr(name, 0, len) && !memchr(name, '/', len) &&
	       !(len == 1 && name[0] == '.') &&
	       !(len == 2 && name[0] == '.' && name[1] == '.');
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
	if (node->index)
		return refuse(dc, P_DIR_DANGLING, pos,
			      "the inode is a collection's index");
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
	check_dir_form(dc);
	while (pos < VEXFS_BLOCK_SIZE && !stopped(dc->c)) {
		/* Removing an entry gives its space away, not its place. */
		next = pos + le16toh(entry_at(dc->buf, pos)->d_rec_len);
		check_entry(dc, pos);
		pos = next;
	}
	if (dc->dirty)
		put_block(dc->c, dc->block, dc->buf);
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

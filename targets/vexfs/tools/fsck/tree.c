// SPDX-License-Identifier: GPL-2.0
/*
 * Passes 3 and 4: every directory hangs on the root, every inode has a name,
 * link counts are right. What has no name gets one in lost+found.
 */

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fsck.h"

/* Block and offset of the entry in a directory that the test accepts. */
struct found {
	uint32_t	block;
	uint32_t	offset;
};

static bool find_entry(struct check *c, uint32_t dir, uint32_t ino,
		       const char *name, struct found *found)
{
	uint8_t buf[VEXFS_BLOCK_SIZE];
	struct vexfs_dir_entry *de;
	struct vexfs_inode raw;
	uint64_t lblk, blocks;
	uint32_t pos;

	get_inode(c, dir, &raw);
	blocks = le64toh(raw.i_size) / VEXFS_BLOCK_SIZE;
	for (lblk = 0; lblk < blocks && !stopped(c); lblk++) {
		found->block = get_map(c, &raw, lblk);
		if (!found->block)
			return false;
		get_block(c, found->block, buf);
		for (pos = 0; pos + VEXFS_DIRENT_HEAD <= VEXFS_BLOCK_SIZE;
		     pos += le16toh(de->d_rec_len)) {
			de = (struct vexfs_dir_entry *)(buf + pos);
			if (le16toh(de->d_rec_len) < VEXFS_DIRENT_HEAD ||
			    pos + VEXFS_DIRENT_HEAD + de->d_name_len >
			    VEXFS_BLOCK_SIZE)
				return false;
			found->offset = pos;
			if (name ? de->d_ino &&
				   de->d_name_len == strlen(name) &&
				   !memcmp(de->d_name, name, de->d_name_len) :
				   le32toh(de->d_ino) == ino)
				return true;
		}
	}
	return false;
}

static bool name_taken(struct check *c, uint32_t dir, const char *name)
{
	struct found found;

	return find_entry(c, dir, 0, name, &found);
}

/* Adds an entry for ino; false if there is no room. */
static bool add_name(struct check *c, uint32_t dir, const char *name,
		     uint32_t ino, uint32_t mode)
{
	struct node *node = get_node(c, dir);
	struct vexfs_inode raw;
	int err;

	get_inode(c, dir, &raw);
	err = fs_add_entry(&c->fs, &raw, name, strlen(name), ino, mode);
	if (err == -ENOSPC || err == -EFBIG) {
		note(c, "No room for a name for inode %u.", ino);
		c->left++;
		return false;
	}
	if (err) {
		failure(c, "add an entry to the directory of", dir, err);
		return false;
	}
	if (S_ISDIR(mode)) {
		raw.i_links = htole32(le32toh(raw.i_links) + 1);
		node->links++;
		node->subdirs++;
	}
	put_inode(c, dir, &raw);
	return true;
}

static bool make_lost_found(struct check *c)
{
	char name[32] = "lost+found";
	struct vexfs_inode raw;
	struct node *node;
	uint32_t ino, i;

	if (c->lost_found)
		return true;
	for (i = 1; name_taken(c, VEXFS_ROOT_INO, name); i++)
		snprintf(name, sizeof(name), "lost+found.%u", i);
	ino = fs_new_inode(&c->fs, true);
	if (!ino) {
		note(c, "No free inode for lost+found.");
		c->left++;
		return false;
	}
	fs_init_inode(&c->fs, ino, S_IFDIR | 0700, &raw);
	raw.i_parent = htole32(VEXFS_ROOT_INO);
	put_inode(c, ino, &raw);
	node = get_node(c, ino);
	memset(node, 0, sizeof(*node));
	node->mode = S_IFDIR | 0700;
	node->links = 2;
	node->refs = 1;
	node->parent = VEXFS_ROOT_INO;
	node->dotdot = VEXFS_ROOT_INO;
	node->connected = 1;
	if (!add_name(c, VEXFS_ROOT_INO, name, ino, node->mode)) {
		c->again = true;
		return false;
	}
	c->lost_found = ino;
	c->dirs++;
	return true;
}

static void reconnect(struct check *c, uint32_t ino, struct node *node)
{
	struct vexfs_inode raw;
	char name[32];
	uint32_t i;

	if (stopped(c) || !make_lost_found(c))
		return;
	snprintf(name, sizeof(name), "#%u", ino);
	for (i = 1; name_taken(c, c->lost_found, name); i++)
		snprintf(name, sizeof(name), "#%u.%u", ino, i);
	if (!add_name(c, c->lost_found, name, ino, node->mode))
		return;
	node->refs++;
	if (!S_ISDIR(node->mode))
		return;
	node->parent = c->lost_found;
	node->dotdot = c->lost_found;
	get_inode(c, ino, &raw);
	raw.i_parent = htole32(c->lost_found);
	put_inode(c, ino, &raw);
}

/* Takes a directory out of the circle it is part of. */
static void break_loop(struct check *c, uint32_t ino, struct node *node)
{
	struct found found;

	if (!find_entry(c, node->parent, ino, NULL, &found) ||
	    !remove_entry(c, found.block, found.offset))
		return;
	get_node(c, node->parent)->subdirs--;
	node->parent = 0;
	node->refs--;
	reconnect(c, ino, node);
}

/* Goes up from a directory until it meets one that hangs on the root. */
static void connect_dir(struct check *c, uint32_t start)
{
	uint32_t ino = start, visit = ++c->visits;
	struct node *node = get_node(c, ino);

	while (!node->connected && !stopped(c)) {
		if (node->visit == visit) {
			if (problem(c, P_DIR_LOOP,
				    "Directory %u is inside itself", ino))
				break_loop(c, ino, node);
			break;
		}
		node->visit = visit;
		if (!node->parent) {
			if (problem(c, P_UNREACHABLE, "Directory %u has no "
				    "name", ino))
				reconnect(c, ino, node);
			break;
		}
		ino = node->parent;
		node = get_node(c, ino);
	}
	/* What is settled, or cannot be, is not asked about again. */
	for (ino = start, node = get_node(c, ino);
	     node->visit == visit && !node->connected;
	     node = get_node(c, ino)) {
		node->connected = 1;
		if (!node->parent)
			break;
		ino = node->parent;
	}
}

static void check_parent(struct check *c, uint32_t ino, struct node *node)
{
	uint32_t should = node->parent;
	struct vexfs_inode raw;

	if (!should || node->dotdot == should)
		return;
	if (!problem(c, P_DIR_PARENT,
		     "Directory %u: its parent is %u, i_parent says %u", ino,
		     should, node->dotdot))
		return;
	get_inode(c, ino, &raw);
	raw.i_parent = htole32(should);
	put_inode(c, ino, &raw);
	node->dotdot = should;
}

/* Calls a function for each inode in use, also those added meanwhile. */
static void each_node(struct check *c, void (*visit)(struct check *c,
						     uint32_t ino,
						     struct node *node))
{
	uint32_t group, i, ipg = c->fs.lo.inodes_per_group;
	struct node *nodes;

	for (group = 0; group < c->fs.lo.groups && !stopped(c); group++) {
		nodes = c->nodes[group];
		for (i = 0; nodes && i < ipg && !stopped(c); i++)
			if (nodes[i].mode)
				visit(c, group * ipg + i + 1, &nodes[i]);
	}
}

static void visit_dir(struct check *c, uint32_t ino, struct node *node)
{
	if (!S_ISDIR(node->mode))
		return;
	connect_dir(c, ino);
	check_parent(c, ino, node);
}

void check_tree(struct check *c)
{
	each_node(c, visit_dir);
}

/* A file without a name, or an index without a collection. */
static void delete_unlinked(struct check *c, uint32_t ino, struct node *node)
{
	if (node->index ? !problem(c, P_VEC_INDEX_LOST, "Inode %u is an index, "
				   "and no collection's", ino) :
	    !problem(c, P_UNLINKED, "Inode %u has no link and no name and is "
		     "not on the orphan list", ino))
		return;
	erase_inode(c, ino);
	/* Its blocks are free in the next round. */
	memset(node, 0, sizeof(*node));
	c->again = true;
}

static void visit_links(struct check *c, uint32_t ino, struct node *node)
{
	struct vexfs_inode raw;
	uint32_t should;

	if (!S_ISDIR(node->mode) && !node->refs) {
		if (!node->links || node->index) {
			delete_unlinked(c, ino, node);
			return;
		}
		if (problem(c, P_UNREACHABLE, "Inode %u has no name", ino))
			reconnect(c, ino, node);
		if (!node->refs)
			return;
	}
	should = S_ISDIR(node->mode) ? 2 + node->subdirs : node->refs;
	if (node->links == should)
		return;
	if (!problem(c, P_INODE_LINKS, "Inode %u: %u links by its count, %u "
		     "in fact", ino, node->links, should))
		return;
	get_inode(c, ino, &raw);
	raw.i_links = htole32(should);
	raw.i_dtime = 0;
	put_inode(c, ino, &raw);
	node->links = should;
}

void check_links(struct check *c)
{
	each_node(c, visit_links);
}

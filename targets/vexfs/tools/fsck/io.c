// SPDX-License-Identifier: GPL-2.0
/*
 * Blocks, inodes and growing lists. A failure is kept in the check, which
 * stops at its next step: the callers need not look after each call.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fsck.h"

const void *look_block(struct check *c, uint32_t block, void *buf)
{
	const void *data;
	int err = device_look(c->dev, block, buf, &data);

	if (err) {
		memset(buf, 0, VEXFS_BLOCK_SIZE);
		failure(c, "read", block, err);
	}
	return data;
}

void get_block(struct check *c, uint32_t block, void *buf)
{
	const void *data = look_block(c, block, buf);

	if (data != buf)
		memcpy(buf, data, VEXFS_BLOCK_SIZE);
}

void put_block(struct check *c, uint32_t block, const void *buf)
{
	int err = c->failed ? 0 : device_write(c->dev, block, buf);

	if (err)
		failure(c, "write", block, err);
}

void get_inode(struct check *c, uint32_t ino, struct vexfs_inode *inode)
{
	int err = fs_read_inode(&c->fs, ino, inode);
	uint32_t slot;

	if (err) {
		memset(inode, 0, sizeof(*inode));
		failure(c, "read", inode_block(&c->fs.lo, ino, &slot), err);
	}
}

void put_inode(struct check *c, uint32_t ino, struct vexfs_inode *inode)
{
	int err = c->failed ? 0 : fs_write_inode(&c->fs, ino, inode);
	uint32_t slot;

	if (err)
		failure(c, "write", inode_block(&c->fs.lo, ino, &slot), err);
}

void erase_inode(struct check *c, uint32_t ino)
{
	struct vexfs_inode table[VEXFS_INODES_PER_BLOCK];
	uint32_t slot, block = inode_block(&c->fs.lo, ino, &slot);

	get_block(c, block, table);
	memset(&table[slot], 0, sizeof(table[slot]));
	put_block(c, block, table);
}

uint32_t get_map(struct check *c, const struct vexfs_inode *inode,
		 uint64_t lblk)
{
	uint32_t block;
	int err;

	err = fs_get_map(&c->fs, inode, lblk, &block);
	if (err == -EUCLEAN || err == -EFBIG)
		return 0;
	if (err) {
		failure(c, "read", block, err);
		return 0;
	}
	return layout_is_data(&c->fs.lo, block) ? block : 0;
}

void *list_add(struct check *c, struct list *list, size_t size)
{
	size_t room = list->room;
	void *more;

	if (list->count == room) {
		room = room * 2 + 64;
		more = reallocarray(list->items, room, size);
		if (!more) {
			failure(c, "find memory to remember", 0, -ENOMEM);
			return NULL;
		}
		list->items = more;
		list->room = room;
	}
	return (char *)list->items + size * list->count++;
}

void list_free(struct list *list)
{
	free(list->items);
	memset(list, 0, sizeof(*list));
}

struct node *get_node(struct check *c, uint32_t ino)
{
	static struct node none;
	uint32_t group = inode_group(&c->fs.lo, ino);
	struct node **nodes = &c->nodes[group];

	if (!*nodes) {
		*nodes = calloc(c->fs.lo.inodes_per_group, sizeof(**nodes));
		if (!*nodes) {
			failure(c, "find memory for inodes of", ino, -ENOMEM);
			memset(&none, 0, sizeof(none));
			return &none;
		}
	}
	return *nodes + (ino - 1) % c->fs.lo.inodes_per_group;
}

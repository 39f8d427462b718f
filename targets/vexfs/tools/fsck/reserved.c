// SPDX-License-Identifier: GPL-2.0
/*
 * Pass 1: the inodes below the first ordinary one: the head of the orphan
 * list, the root, and those without a use.
 */

#include <endian.h>
#include <sys/stat.h>

#include "fsck.h"

static void check_anchor(struct check *c, struct vexfs_inode *raw)
{
	const char *why = NULL;

	if (raw->i_csum != inode_csum(&c->fs.lo, VEXFS_ORPHAN_INO, raw))
		why = "its checksum is wrong";
	else if (!S_ISREG(le16toh(raw->i_mode)) || le32toh(raw->i_links) != 1)
		why = "type or links are wrong";
	else if (raw->i_size || raw->i_blocks || raw->i_flags ||
		 raw->i_xattr_block || raw->i_dtime || raw->i_parent ||
		 raw->i_reserved0 || raw->i_reserved1 ||
		 !all_zero(raw->i_block, sizeof(raw->i_block)) ||
		 !all_zero(&raw->i_vec, sizeof(raw->i_vec)) ||
		 !all_zero(raw->i_reserved2, sizeof(raw->i_reserved2)))
		why = "it is not empty";
	if (why && problem(c, P_RESERVED_INODE,
			   "The head of the orphan list: %s", why)) {
		fs_init_inode(&c->fs, VEXFS_ORPHAN_INO, S_IFREG, raw);
		put_inode(c, VEXFS_ORPHAN_INO, raw);
	} else if (raw->i_orphan_next &&
		   problem(c, P_ORPHAN_LIST,
			   "The orphan list is damaged (first: %u)",
			   le32toh(raw->i_orphan_next))) {
		raw->i_orphan_next = 0;
		put_inode(c, VEXFS_ORPHAN_INO, raw);
	}
}

static void check_root(struct check *c, struct vexfs_inode *raw)
{
	struct node *node;

	if (!S_ISDIR(le16toh(raw->i_mode)) &&
	    problem(c, P_ROOT, "The root is no directory")) {
		fs_init_inode(&c->fs, VEXFS_ROOT_INO, S_IFDIR | 0755, raw);
		raw->i_parent = htole32(VEXFS_ROOT_INO);
		put_inode(c, VEXFS_ROOT_INO, raw);
	}
	if (stopped(c) || !S_ISDIR(le16toh(raw->i_mode)))
		return;
	check_inode(c, VEXFS_ROOT_INO, raw);
	node = get_node(c, VEXFS_ROOT_INO);
	node->parent = VEXFS_ROOT_INO;
	node->connected = 1;
}

void check_reserved(struct check *c, uint32_t ino, struct vexfs_inode *raw)
{
	if (ino == VEXFS_ORPHAN_INO)
		check_anchor(c, raw);
	else if (ino == VEXFS_ROOT_INO)
		check_root(c, raw);
	else if (!all_zero(raw, sizeof(*raw)) &&
		 problem(c, P_RESERVED_INODE, "Reserved inode %u is not empty",
			 ino))
		erase_inode(c, ino);
}

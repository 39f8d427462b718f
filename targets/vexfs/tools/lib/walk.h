/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading an image that may be damaged: bounded, whatever the blocks say.
 */
#ifndef VEXFS_WALK_H
#define VEXFS_WALK_H

#include "device.h"
#include "layout.h"

/*
 * Called for every block of a file, pointer blocks (level > 0) before what
 * they point to. lblk: the first file block covered. An error ends the walk.
 */
typedef int (*walk_fn)(void *arg, unsigned int level, uint64_t lblk,
		       uint32_t block);
int walk_blocks(struct device *dev, const struct layout *lo,
		const struct vexfs_inode *inode, walk_fn visit, void *arg);

/* Entries up to the first one with an impossible length. */
typedef int (*walk_entry_fn)(void *arg, uint64_t lblk, uint32_t block,
			     uint32_t offset,
			     const struct vexfs_dir_entry *entry);
int walk_entries(struct device *dev, const struct layout *lo,
		 const struct vexfs_inode *dir, walk_entry_fn visit, void *arg);

int walk_read_inode(struct device *dev, const struct layout *lo, uint32_t ino,
		    struct vexfs_inode *inode);

/* Has an inode of this type and size blocks in i_block? */
bool walk_has_map(const struct vexfs_inode *inode);

#endif

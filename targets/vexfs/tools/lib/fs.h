/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A filesystem that is being written: what is used stands in memory, and
 * blocks, inodes and directory entries can be added. mkfs fills a new one,
 * fsck adds to one whose use it has worked out.
 */
#ifndef VEXFS_FS_H
#define VEXFS_FS_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "layout.h"

struct fs {
	struct device		*dev;
	struct vexfs_super_block sb;
	struct layout		lo;
	uint8_t			*blocks_used;	/* bit n: block n */
	uint8_t			*inodes_used;	/* bit n: inode n + 1 */
	uint32_t		*used_dirs;	/* per group */
	uint32_t		next_block;	/* where to look first */
	uint32_t		next_inode;
	int64_t			now;
};

/* lo and sb are set. Metadata and reserved inodes count as used. */
int fs_start(struct fs *fs, struct device *dev);
void fs_end(struct fs *fs);

/* 0: none free. */
uint32_t fs_new_block(struct fs *fs);
uint32_t fs_new_inode(struct fs *fs, bool dir);

int fs_read_inode(struct fs *fs, uint32_t ino, struct vexfs_inode *inode);
/* Gives it its checksum too. */
int fs_write_inode(struct fs *fs, uint32_t ino, struct vexfs_inode *inode);
/* All zero but type, links 1 (directory: 2), times, generation. */
void fs_init_inode(struct fs *fs, uint32_t ino, uint32_t mode,
		   struct vexfs_inode *inode);

/* The block at lblk, 0 for a hole. */
int fs_get_map(struct fs *fs, const struct vexfs_inode *inode, uint64_t lblk,
	       uint32_t *pblk);
/* Makes pointer blocks as needed; changes inode but does not write it. */
int fs_set_map(struct fs *fs, struct vexfs_inode *inode, uint64_t lblk,
	       uint32_t pblk);

/* Adds an entry behind the last; changes dir but does not write it. */
int fs_add_entry(struct fs *fs, struct vexfs_inode *dir, const char *name,
		 size_t len, uint32_t ino, uint32_t mode);

/* What stands in a bitmap block or descriptor by what is used in memory. */
void fs_block_bitmap(struct fs *fs, uint32_t group, struct vexfs_bitmap *map);
void fs_inode_bitmap(struct fs *fs, uint32_t group, struct vexfs_bitmap *map);
void fs_desc(struct fs *fs, uint32_t group, struct vexfs_group_desc *desc);

/* Writes descriptors and bitmaps. */
int fs_write_groups(struct fs *fs);

/* Largest size of a file in blocks. */
#define FS_MAX_BLOCKS (VEXFS_NDIR_BLOCKS + (1ull << VEXFS_PTRS_BITS) + \
		       (1ull << (2 * VEXFS_PTRS_BITS)) + \
		       (1ull << (3 * VEXFS_PTRS_BITS)))

/*
 * The way to a file block: an index into i_block, then one into each pointer
 * block. Number of indexes, 0 if the file cannot be that large.
 */
unsigned int fs_map_path(uint64_t lblk, uint32_t path[4]);

#endif

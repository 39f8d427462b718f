/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where things are in an image, and the checksums over them.
 */
#ifndef VEXFS_LAYOUT_H
#define VEXFS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vexfs_format.h"

#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define ROUND_UP(n, d)		(DIV_ROUND_UP(n, d) * (d))

/* What follows from a superblock; every number is checked. */
struct layout {
	uint32_t	blocks;
	uint32_t	groups;
	uint32_t	inodes_per_group;
	uint32_t	inodes;
	uint32_t	gdt_blocks;
	uint32_t	itable_blocks;
	uint32_t	journal_start;
	uint32_t	journal_blocks;
	uint32_t	hash_seed;
	uint32_t	seed;		/* of checksums */
};

/*
 * What mkfs makes of a device. inodes and journal 0: a size that suits.
 * false: not possible, why says so.
 */
bool layout_plan(struct layout *lo, uint64_t device_blocks, uint64_t inodes,
		 uint64_t journal, char *why, size_t size);

/* false: the superblock contradicts itself or the format, why says where. */
bool layout_load(struct layout *lo, const struct vexfs_super_block *sb,
		 uint64_t device_blocks, char *why, size_t size);

/* Sets every field of the superblock that the layout determines. */
void layout_store(const struct layout *lo, struct vexfs_super_block *sb);

static inline uint32_t group_first(uint32_t group)
{
	return group * VEXFS_BLOCKS_PER_GROUP;
}

static inline uint32_t group_of(uint32_t block)
{
	return block / VEXFS_BLOCKS_PER_GROUP;
}

uint32_t group_blocks(const struct layout *lo, uint32_t group);
uint32_t group_block_bitmap(const struct layout *lo, uint32_t group);
uint32_t group_inode_bitmap(const struct layout *lo, uint32_t group);
uint32_t group_inode_table(const struct layout *lo, uint32_t group);
uint32_t group_data(const struct layout *lo, uint32_t group);

/* May a pointer have this value? */
bool layout_is_data(const struct layout *lo, uint32_t block);

static inline uint32_t inode_group(const struct layout *lo, uint32_t ino)
{
	return (ino - 1) / lo->inodes_per_group;
}

/* Block of the inode table, and which of its inodes. */
uint32_t inode_block(const struct layout *lo, uint32_t ino, uint32_t *slot);

/* Bitmaps in memory: bit n is bit n % 8 of byte n / 8, as on disk. */
static inline bool bit_test(const uint8_t *map, uint64_t n)
{
	return map[n / 8] >> (n % 8) & 1;
}

static inline void bit_set(uint8_t *map, uint64_t n)
{
	map[n / 8] |= 1u << (n % 8);
}

static inline void bit_clear(uint8_t *map, uint64_t n)
{
	map[n / 8] &= ~(1u << (n % 8));
}

/* Checksums, as the little-endian numbers that stand in the image. */
__le32 super_csum(const struct vexfs_super_block *sb);
uint32_t csum_seed(const struct vexfs_super_block *sb);
__le32 desc_csum(const struct layout *lo, uint32_t group,
		 const struct vexfs_group_desc *desc);
__le32 bitmap_csum(const struct layout *lo, uint32_t block,
		   const struct vexfs_bitmap *map);
__le32 inode_csum(const struct layout *lo, uint32_t ino,
		  const struct vexfs_inode *inode);
__le32 xattr_csum(const struct layout *lo, uint32_t ino, const void *block);
__le32 name_hash(const struct layout *lo, const char *name, size_t len);

bool all_zero(const void *data, size_t len);

/* How many bits of a map's first ones are set. */
uint32_t count_bits(const uint8_t *map, uint64_t bits);

#endif

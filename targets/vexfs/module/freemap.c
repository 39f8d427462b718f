// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the map in memory of the blocks of a group that may be given out.
 */

#include <linux/slab.h>

#include "vexfs.h"

/* Makes sure that a group's map in memory exists. */
int vexfs_load_map(struct super_block *sb, u32 group)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct vexfs_group *grp = &sbi->s_groups[group];
	u32 own = vexfs_data_start(sbi, group) - vexfs_group_first(group);
	u32 blocks = vexfs_group_blocks(sbi, group);
	struct vexfs_group_desc *desc;
	struct buffer_head *bh;
	unsigned char *map;
	u32 i, used = 0;
	int err = 0;

	/* Pairs with the release below. */
	if (likely(smp_load_acquire(&grp->g_map)))
		return 0;
	mutex_lock(&sbi->s_map_lock);
	if (grp->g_map)
		goto out;
	desc = vexfs_group_desc(sb, group, NULL);
	bh = vexfs_read_bitmap(sb, le32_to_cpu(desc->bg_block_bitmap));
	if (IS_ERR(bh)) {
		err = PTR_ERR(bh);
		goto out;
	}
	map = kmemdup(bh->b_data, VEXFS_BLOCK_SIZE, GFP_NOFS);
	brelse(bh);
	if (!map) {
		err = -ENOMEM;
		goto out;
	}
	for (i = 0; i < VEXFS_BLOCKS_PER_GROUP; i++) {
		bool set = test_bit_le(i, map);

		if (!set && (i < own || i >= blocks)) {
			kfree(map);
			vexfs_error(sb, "group %u: metadata block %u is marked free",
				    group, i);
			err = -EFSCORRUPTED;
			goto out;
		}
		used += set;
	}
	grp->g_free = VEXFS_BLOCKS_PER_GROUP - used;
	grp->g_next = own;
	smp_store_release(&grp->g_map, map);
out:
	mutex_unlock(&sbi->s_map_lock);
	return err;
}

/*
 * Finds up to @count free blocks in a row, at @from if it is free, else where
 * eight are free together, else anywhere. Returns the first bit or -1.
 */
static int vexfs_find_free(unsigned char *map, u32 from, u32 *count)
{
	u32 i, bit, n;

	bit = from;
	if (bit < VEXFS_BLOCKS_PER_GROUP && !test_bit_le(bit, map))
		goto found;
	for (i = 0; i < VEXFS_BITMAP_BYTES; i++) {
		u32 byte = from / 8 + i;

		if (byte >= VEXFS_BITMAP_BYTES)
			byte -= VEXFS_BITMAP_BYTES;
		if (!map[byte]) {
			bit = byte * 8;
			goto found;
		}
	}
	bit = find_next_zero_bit_le(map, VEXFS_BLOCKS_PER_GROUP, from);
	if (bit >= VEXFS_BLOCKS_PER_GROUP)
		bit = find_next_zero_bit_le(map, VEXFS_BLOCKS_PER_GROUP, 0);
	if (bit >= VEXFS_BLOCKS_PER_GROUP)
		return -1;
found:
	for (n = 1; n < *count; n++)
		if (bit + n >= VEXFS_BLOCKS_PER_GROUP ||
		    test_bit_le(bit + n, map))
			break;
	*count = n;
	return bit;
}

/* Takes blocks in the map in memory only. Returns the first bit or -1. */
int vexfs_claim(struct vexfs_group *grp, int goal, u32 *count)
{
	int bit = -1;
	u32 i;

	spin_lock(&grp->g_lock);
	if (grp->g_free)
		bit = vexfs_find_free(grp->g_map,
				      goal < 0 ? grp->g_next : goal, count);
	if (bit >= 0) {
		for (i = 0; i < *count; i++)
			__set_bit_le(bit + i, grp->g_map);
		grp->g_free -= *count;
		grp->g_next = bit + *count;
		if (grp->g_next >= VEXFS_BLOCKS_PER_GROUP)
			grp->g_next = 0;
	}
	spin_unlock(&grp->g_lock);
	return bit;
}

/* Gives blocks back in the map in memory only. */
void vexfs_unclaim(struct vexfs_group *grp, u32 bit, u32 count)
{
	u32 i;

	spin_lock(&grp->g_lock);
	for (i = 0; i < count; i++)
		__clear_bit_le(bit + i, grp->g_map);
	grp->g_free += count;
	spin_unlock(&grp->g_lock);
}

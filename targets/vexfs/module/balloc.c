// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: block allocation.
 *
 * A block that was freed may only be used again once its release is committed:
 * were the machine to crash before, the file it belonged to would come back
 * with foreign data in it. So allocation looks at a map in memory, in which
 * freed blocks stay marked until the commit callback clears them.
 */

#include <linux/slab.h>

#include "vexfs.h"

struct vexfs_freed {
	struct list_head	list;
	tid_t			tid;
	u32			start;
	u32			count;
};

static struct kmem_cache *vexfs_freed_cachep;

int vexfs_init_balloc(void)
{
	vexfs_freed_cachep = KMEM_CACHE(vexfs_freed, 0);
	return vexfs_freed_cachep ? 0 : -ENOMEM;
}

void vexfs_exit_balloc(void)
{
	kmem_cache_destroy(vexfs_freed_cachep);
}

/* Makes sure that a group's map in memory exists. */
static int vexfs_load_map(struct super_block *sb, u32 group)
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
static int vexfs_claim(struct vexfs_group *grp, int goal, u32 *count)
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

static void vexfs_unclaim(struct vexfs_group *grp, u32 bit, u32 count)
{
	u32 i;

	spin_lock(&grp->g_lock);
	for (i = 0; i < count; i++)
		__clear_bit_le(bit + i, grp->g_map);
	grp->g_free += count;
	spin_unlock(&grp->g_lock);
}

/*
 * Sets or clears bits in the bitmap on disk, and the descriptor's count with
 * them. Fails without a change if a bit is already as it should become.
 */
static int vexfs_change_bitmap(handle_t *handle, struct super_block *sb,
			       u32 group, u32 bit, u32 count, bool set)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct vexfs_group *grp = &sbi->s_groups[group];
	struct vexfs_group_desc *desc;
	struct buffer_head *gdt, *bh;
	bool wrong = false;
	int err;
	u32 i;

	desc = vexfs_group_desc(sb, group, &gdt);
	bh = vexfs_read_bitmap(sb, le32_to_cpu(desc->bg_block_bitmap));
	if (IS_ERR(bh))
		return PTR_ERR(bh);
	err = vexfs_get_write(handle, bh);
	if (!err)
		err = vexfs_get_write(handle, gdt);
	if (err)
		goto out;
	jbd2_journal_set_triggers(bh, &sbi->s_bitmap_trigger);

	spin_lock(&grp->g_lock);
	for (i = 0; i < count && !wrong; i++)
		wrong = !!test_bit_le(bit + i, bh->b_data) == set;
	if (!wrong) {
		for (i = 0; i < count; i++) {
			if (set)
				__set_bit_le(bit + i, bh->b_data);
			else
				__clear_bit_le(bit + i, bh->b_data);
		}
		if (VEXFS_DEFECT(unlocked_counter))
			spin_unlock(&grp->g_lock);
		le32_add_cpu(&desc->bg_free_blocks, set ? -count : count);
		vexfs_desc_set_csum(sb, group, desc);
	}
	if (!VEXFS_DEFECT(unlocked_counter) || wrong)
		spin_unlock(&grp->g_lock);

	err = vexfs_dirty(handle, bh);
	if (!err)
		err = vexfs_dirty(handle, gdt);
	if (wrong) {
		vexfs_error(sb, "group %u: blocks %u+%u are already marked %s",
			    group, bit, count, set ? "used" : "free");
		err = -EFSCORRUPTED;
	}
	if (!err)
		percpu_counter_add(&sbi->s_free_blocks,
				   set ? -(s64)count : count);
out:
	brelse(bh);
	return err;
}

/* Where the search for a new file's first block begins. */
u32 vexfs_next_free(struct inode *inode)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(inode->i_sb);
	u32 group = (inode->i_ino - 1) / sbi->s_inodes_per_group;

	return max(vexfs_data_start(sbi, group), vexfs_group_first(group) +
		   READ_ONCE(sbi->s_groups[group].g_next));
}

/*
 * Allocates up to *@count blocks in a row, near @goal if that is not 0.
 * Returns the first one and their number in *@count, or 0 and an error.
 */
u32 vexfs_new_blocks(handle_t *handle, struct inode *inode, u32 goal,
		     u32 *count, int *err)
{
	struct super_block *sb = inode->i_sb;
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	u32 home, group, i, n;
	int bit;

	home = (inode->i_ino - 1) / sbi->s_inodes_per_group;
	if (goal && vexfs_data_valid(sb, goal, 1))
		home = goal / VEXFS_BLOCKS_PER_GROUP;
	else
		goal = 0;

	for (i = 0; i < sbi->s_groups_count; i++) {
		group = (home + i) % sbi->s_groups_count;
		*err = vexfs_load_map(sb, group);
		if (*err)
			return 0;
		n = *count;
		bit = vexfs_claim(&sbi->s_groups[group], goal && !i ?
				  goal % VEXFS_BLOCKS_PER_GROUP : -1, &n);
		if (bit < 0)
			continue;
		*err = vexfs_change_bitmap(handle, sb, group, bit, n, true);
		if (*err) {
			/* On a corrupt bitmap the blocks stay out of use. */
			if (*err != -EFSCORRUPTED)
				vexfs_unclaim(&sbi->s_groups[group], bit, n);
			return 0;
		}
		inode_add_bytes(inode, (loff_t)n << VEXFS_BLOCK_BITS);
		*count = n;
		return vexfs_group_first(group) + bit;
	}
	*err = -ENOSPC;
	return 0;
}

static void vexfs_note_freed(handle_t *handle, struct vexfs_sb_info *sbi,
			     u32 start, u32 count)
{
	tid_t tid = handle->h_transaction->t_tid;
	struct vexfs_freed *freed, *last;

	if (VEXFS_DEFECT(sleep_under_spinlock))
		spin_lock(&sbi->s_freed_lock);
	freed = kmem_cache_alloc(vexfs_freed_cachep, GFP_NOFS | __GFP_NOFAIL);
	freed->tid = tid;
	freed->start = start;
	freed->count = count;

	if (!VEXFS_DEFECT(sleep_under_spinlock))
		spin_lock(&sbi->s_freed_lock);
	sbi->s_freed_blocks += count;
	last = list_empty(&sbi->s_freed) ? NULL :
	       list_last_entry(&sbi->s_freed, struct vexfs_freed, list);
	if (last && last->tid == tid && last->start + last->count == start &&
	    start % VEXFS_BLOCKS_PER_GROUP) {
		last->count += count;
	} else {
		list_add_tail(&freed->list, &sbi->s_freed);
		freed = NULL;
	}
	spin_unlock(&sbi->s_freed_lock);
	if (freed)
		kmem_cache_free(vexfs_freed_cachep, freed);
}

/* Frees blocks of one group that belong to @inode. */
void vexfs_free_blocks(handle_t *handle, struct inode *inode, u32 start,
		       u32 count)
{
	struct super_block *sb = inode->i_sb;
	u32 group = start / VEXFS_BLOCKS_PER_GROUP;
	u32 bit = start % VEXFS_BLOCKS_PER_GROUP;

	if (!vexfs_data_valid(sb, start, count)) {
		vexfs_error(sb, "inode %lu: blocks %u+%u cannot be its own",
			    inode->i_ino, start, count);
		return;
	}
	if (vexfs_load_map(sb, group) ||
	    vexfs_change_bitmap(handle, sb, group, bit, count, false))
		return;
	inode_sub_bytes(inode, (loff_t)count << VEXFS_BLOCK_BITS);
	vexfs_note_freed(handle, VEXFS_SB(sb), start, count);
}

/* Frees a metadata block that this very transaction allocated. */
void vexfs_discard_block(handle_t *handle, struct inode *inode, u32 block)
{
	struct buffer_head *bh = sb_find_get_block(inode->i_sb, block);

	/* Takes over the reference to bh. */
	if (bh)
		jbd2_journal_forget(handle, bh);
	vexfs_free_blocks(handle, inode, block, 1);
}

static bool vexfs_block_used(struct super_block *sb, u32 block)
{
	u32 group = block / VEXFS_BLOCKS_PER_GROUP;
	struct vexfs_group_desc *desc;
	struct buffer_head *bh;
	bool used;

	if (!vexfs_data_valid(sb, block, 1))
		return false;
	desc = vexfs_group_desc(sb, group, NULL);
	bh = vexfs_read_bitmap(sb, le32_to_cpu(desc->bg_block_bitmap));
	if (IS_ERR(bh))
		return false;
	used = test_bit_le(block % VEXFS_BLOCKS_PER_GROUP, bh->b_data);
	brelse(bh);
	return used;
}

/*
 * Frees a metadata block of @inode. The revoke record keeps a replay from
 * writing the block's old content over what it will hold next.
 */
void vexfs_forget_block(handle_t *handle, struct inode *inode, u32 block)
{
	struct super_block *sb = inode->i_sb;
	int err;

	if (!vexfs_block_used(sb, block)) {
		vexfs_error(sb, "inode %lu: block %u is not in use",
			    inode->i_ino, block);
		return;
	}
	/* Takes over the reference to the buffer. */
	err = jbd2_journal_revoke(handle, block, sb_find_get_block(sb, block));
	if (err) {
		vexfs_msg(sb, KERN_ERR, "cannot revoke block %u: %d", block,
			  err);
		return;
	}
	vexfs_free_blocks(handle, inode, block, 1);
}

static void vexfs_give_back(struct vexfs_sb_info *sbi, struct list_head *list)
{
	struct vexfs_freed *freed, *next;

	list_for_each_entry_safe(freed, next, list, list) {
		u32 group = freed->start / VEXFS_BLOCKS_PER_GROUP;

		vexfs_unclaim(&sbi->s_groups[group],
			      freed->start % VEXFS_BLOCKS_PER_GROUP,
			      freed->count);
		kmem_cache_free(vexfs_freed_cachep, freed);
	}
}

/* Called by jbd2 when a transaction is on the disk. */
void vexfs_release_freed(journal_t *journal, transaction_t *txn)
{
	struct super_block *sb = journal->j_private;
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct vexfs_freed *freed, *next;
	LIST_HEAD(list);

	spin_lock(&sbi->s_freed_lock);
	list_for_each_entry_safe(freed, next, &sbi->s_freed, list) {
		if (!tid_geq(txn->t_tid, freed->tid))
			continue;
		sbi->s_freed_blocks -= freed->count;
		list_move_tail(&freed->list, &list);
	}
	spin_unlock(&sbi->s_freed_lock);
	vexfs_give_back(sbi, &list);
}

/* What an aborted journal left behind. */
void vexfs_drop_freed(struct vexfs_sb_info *sbi)
{
	LIST_HEAD(list);

	spin_lock(&sbi->s_freed_lock);
	list_splice_init(&sbi->s_freed, &list);
	sbi->s_freed_blocks = 0;
	spin_unlock(&sbi->s_freed_lock);
	vexfs_give_back(sbi, &list);
}

/*
 * After ENOSPC, without a handle: whether a commit gave blocks back, so that
 * trying again is worth it.
 */
bool vexfs_retry_alloc(struct super_block *sb, int *retries)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);

	if (!READ_ONCE(sbi->s_freed_blocks) || (*retries)++ > 3)
		return false;
	return jbd2_journal_force_commit_nested(sbi->s_journal) >= 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: allocation of blocks, and their release.
 *
 * Blocks are looked for in a map in memory (freemap.c), in which those that
 * were freed stay marked until a commit (freed.c).
 */

#include "vexfs.h"

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

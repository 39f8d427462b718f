// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the end of a file: zeroes past it, and blocks taken away from the end
 * of an inode's map, in steps that a transaction can hold.
 */

#include <linux/sched/mm.h>

#include "vexfs.h"

/* A truncation in progress. */
struct vexfs_cut {
	handle_t	*handle;
	struct inode	*inode;
	bool		metadata;	/* the blocks need revoke records */
	u64		first;		/* first file block to go */
};

/*
 * Makes sure the handle has credits for one more step. The transaction may
 * change: write access to any buffer must be asked for again, and the map lock
 * is dropped, since the commit waited for may need it to write back data.
 */
static int vexfs_cut_credits(struct vexfs_cut *cut)
{
	struct vexfs_inode_info *vi = VEXFS_I(cut->inode);
	int err;

	if (jbd2_handle_buffer_credits(cut->handle) >= VEXFS_CR_TRUNCATE_STEP &&
	    cut->handle->h_revoke_credits > 1)
		return 0;
	err = jbd2_journal_extend(cut->handle, VEXFS_CR_TRUNCATE, 64);
	if (err <= 0)
		return err;
	err = vexfs_mark_inode(cut->handle, cut->inode);
	if (err)
		return err;
	up_write(&vi->i_map_lock);
	err = jbd2__journal_restart(cut->handle, VEXFS_CR_TRUNCATE, 64,
				    GFP_NOFS);
	down_write(&vi->i_map_lock);
	return err;
}

/* Frees the blocks that @n pointers from @slot on name, and clears those. */
static int vexfs_cut_pointers(struct vexfs_cut *cut, struct buffer_head *bh,
			      __le32 *slot, u32 n)
{
	while (n) {
		u32 run = vexfs_run(slot, n);
		u32 block = le32_to_cpu(*slot);
		int err;

		if (!block) {
			slot += run;
			n -= run;
			continue;
		}
		if (cut->metadata)
			run = 1;
		/* A run in the map may pass from one group to the next. */
		run = min_t(u32, run, VEXFS_BLOCKS_PER_GROUP -
				      block % VEXFS_BLOCKS_PER_GROUP);
		err = vexfs_cut_credits(cut);
		if (!err && bh)
			err = vexfs_get_write(cut->handle, bh);
		if (err)
			return err;
		if (cut->metadata)
			vexfs_forget_block(cut->handle, cut->inode, block);
		else
			vexfs_free_blocks(cut->handle, cut->inode, block, run);
		memset(slot, 0, run * sizeof(*slot));
		if (bh) {
			err = vexfs_dirty(cut->handle, bh);
			if (err)
				return err;
		}
		slot += run;
		n -= run;
	}
	return 0;
}

/*
 * Frees what the pointer @slot leads to from file block cut->first on. @level
 * counts the pointer blocks below; @start is the first file block of the tree.
 */
static int vexfs_cut_tree(struct vexfs_cut *cut, struct buffer_head *parent,
			  __le32 *slot, int level, u64 start)
{
	u64 span = 1ULL << ((level - 1) * VEXFS_PTRS_BITS);
	u32 block = le32_to_cpu(*slot);
	struct buffer_head *bh;
	__le32 *pointers;
	int err = 0;
	u32 i = 0;

	if (!block || start + span * VEXFS_PTRS_PER_BLOCK <= cut->first)
		return 0;
	bh = vexfs_read_pointers(cut->inode, block);
	if (IS_ERR(bh))
		return PTR_ERR(bh);
	pointers = (__le32 *)bh->b_data;
	if (cut->first > start)
		i = (cut->first - start) >> ((level - 1) * VEXFS_PTRS_BITS);
	if (level == 1) {
		err = vexfs_cut_pointers(cut, bh, pointers + i,
					 VEXFS_PTRS_PER_BLOCK - i);
	} else {
		for (; i < VEXFS_PTRS_PER_BLOCK && !err; i++)
			err = vexfs_cut_tree(cut, bh, pointers + i, level - 1,
					     start + i * span);
	}
	brelse(bh);
	if (err || cut->first > start)
		return err;

	/* Nothing is left below: the pointer block goes too. */
	err = vexfs_cut_credits(cut);
	if (!err && parent)
		err = vexfs_get_write(cut->handle, parent);
	if (err)
		return err;
	*slot = 0;
	vexfs_forget_block(cut->handle, cut->inode, block);
	return parent ? vexfs_dirty(cut->handle, parent) : 0;
}

/*
 * Frees all blocks past @size. The handle may be restarted on the way; between
 * two transactions the map is always consistent. The caller has put the inode
 * on the orphan list and marks it dirty afterwards.
 */
int vexfs_free_tail(handle_t *handle, struct inode *inode, loff_t size)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct vexfs_cut cut = {
		.handle = handle,
		.inode = inode,
		.metadata = !S_ISREG(inode->i_mode),
		.first = (size + VEXFS_BLOCK_SIZE - 1) >> VEXFS_BLOCK_BITS,
	};
	u64 start = VEXFS_NDIR_BLOCKS;
	int level, err = 0;

	down_write(&vi->i_map_lock);
	vi->i_last_pblk = 0;
	if (cut.first < VEXFS_NDIR_BLOCKS)
		err = vexfs_cut_pointers(&cut, NULL, vi->i_data + cut.first,
					 VEXFS_NDIR_BLOCKS - cut.first);
	for (level = 1; level <= 3 && !err; level++) {
		err = vexfs_cut_tree(&cut, NULL,
				     &vi->i_data[VEXFS_IND_BLOCK + level - 1],
				     level, start);
		start += 1ULL << (level * VEXFS_PTRS_BITS);
	}
	up_write(&vi->i_map_lock);
	return err;
}

/* Zeroes the last block's bytes past @size, so that growing shows zeros. */
int vexfs_zero_tail(handle_t *handle, struct inode *inode, loff_t size)
{
	loff_t end = round_up(size, VEXFS_BLOCK_SIZE);
	int err;

	if (size == end || VEXFS_DEFECT(stale_after_truncate))
		return 0;
	err = block_truncate_page(inode->i_mapping, size, vexfs_get_block);
	if (err)
		return err;
	return jbd2_journal_inode_ranged_write(handle,
					       &VEXFS_I(inode)->i_jinode,
					       size, end - size);
}

/* The same for a write that starts past the end of the file. */
int vexfs_zero_eof(struct inode *inode)
{
	handle_t *handle;
	int err, ret;

	if (!(inode->i_size & (VEXFS_BLOCK_SIZE - 1)))
		return 0;
	handle = vexfs_start(inode->i_sb, VEXFS_CR_INODE);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	err = vexfs_zero_tail(handle, inode, inode->i_size);
	ret = vexfs_stop(handle);
	return err ? err : ret;
}

/* The size is stored already, so that nobody can be told: waits for memory. */
static int vexfs_zero_tail_nofail(handle_t *handle, struct inode *inode)
{
	int err = vexfs_zero_tail(handle, inode, inode->i_size);

	while (err == -ENOMEM) {
		memalloc_retry_wait(GFP_NOFS);
		err = vexfs_zero_tail(handle, inode, inode->i_size);
	}
	return err;
}

/*
 * Zeroes and frees what lies past i_size of a regular file and takes the inode
 * off the orphan list; after an error it stays there on disk.
 */
int vexfs_truncate(struct inode *inode)
{
	handle_t *handle;
	int err, ret;

	handle = vexfs_start_nofail(inode->i_sb, VEXFS_CR_TRUNCATE, 64);
	if (IS_ERR(handle)) {
		vexfs_orphan_del(NULL, inode);
		return PTR_ERR(handle);
	}
	err = vexfs_zero_tail_nofail(handle, inode);
	ret = vexfs_free_tail(handle, inode, inode->i_size);
	if (!err)
		err = ret;
	ret = 0;
	if (inode->i_nlink)
		ret = vexfs_orphan_del(err ? NULL : handle, inode);
	if (!err)
		err = ret;
	ret = vexfs_mark_inode(handle, inode);
	if (!err)
		err = ret;
	ret = vexfs_stop(handle);
	return err ? err : ret;
}

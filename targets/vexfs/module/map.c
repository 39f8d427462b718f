// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the block map of an inode - looking up and allocating. What takes
 * blocks away again is in truncate.c.
 */

#include "vexfs.h"

#define VEXFS_MAX_DEPTH	4	/* i_data, then up to three pointer blocks */

/* Where a file block's pointer stands: index in i_data, then in each block. */
struct vexfs_path {
	int depth;
	u32 index[VEXFS_MAX_DEPTH];
};

loff_t vexfs_max_size(void)
{
	u64 blocks = VEXFS_NDIR_BLOCKS;
	int i;

	for (i = 1; i <= 3; i++)
		blocks += 1ULL << (i * VEXFS_PTRS_BITS);
	return min_t(u64, blocks << VEXFS_BLOCK_BITS, MAX_LFS_FILESIZE);
}

static int vexfs_make_path(u64 lblk, struct vexfs_path *path)
{
	const u32 mask = VEXFS_PTRS_PER_BLOCK - 1;
	int level, i;

	if (lblk < VEXFS_NDIR_BLOCKS) {
		path->depth = 1;
		path->index[0] = lblk;
		return 0;
	}
	lblk -= VEXFS_NDIR_BLOCKS;
	for (level = 1; level <= 3; level++) {
		u64 room = 1ULL << (level * VEXFS_PTRS_BITS);

		if (lblk < room) {
			path->depth = level + 1;
			path->index[0] = VEXFS_IND_BLOCK + level - 1;
			for (i = 1; i <= level; i++)
				path->index[i] = (lblk >> ((level - i) *
						  VEXFS_PTRS_BITS)) & mask;
			return 0;
		}
		lblk -= room;
	}
	return -EFBIG;
}

/* Reads a pointer block of @inode. */
struct buffer_head *vexfs_read_pointers(struct inode *inode, u32 block)
{
	struct super_block *sb = inode->i_sb;
	struct buffer_head *bh;

	if (!vexfs_data_valid(sb, block, 1)) {
		vexfs_error(sb, "inode %lu: pointer block %u is out of place",
			    inode->i_ino, block);
		return ERR_PTR(-EFSCORRUPTED);
	}
	bh = sb_bread(sb, block);
	if (!bh) {
		vexfs_error(sb, "inode %lu: cannot read pointer block %u",
			    inode->i_ino, block);
		return ERR_PTR(-EIO);
	}
	return bh;
}

/*
 * Follows @path as far as it exists. Returns how many pointers were found to be
 * set (path->depth if the block is mapped); *bh is the last pointer block read,
 * NULL if that is the inode itself, and *slot the pointer looked at last.
 */
static int vexfs_walk(struct inode *inode, struct vexfs_path *path,
		      struct buffer_head **bh, __le32 **slot)
{
	int level = 0;

	*bh = NULL;
	*slot = &VEXFS_I(inode)->i_data[path->index[0]];
	while (**slot && ++level < path->depth) {
		struct buffer_head *next;

		next = vexfs_read_pointers(inode, le32_to_cpu(**slot));
		brelse(*bh);
		*bh = NULL;
		if (IS_ERR(next))
			return PTR_ERR(next);
		*bh = next;
		*slot = (__le32 *)next->b_data + path->index[level];
	}
	return level;
}

/* How many pointers from @slot on continue what the first one starts. */
u32 vexfs_run(__le32 *slot, u32 max)
{
	u32 first = le32_to_cpu(*slot);
	u32 n;

	for (n = 1; n < max; n++)
		if (le32_to_cpu(slot[n]) != (first ? first + n : 0))
			break;
	return n;
}

/* Pointers that stand together with the last one of @path. */
static u32 vexfs_left(struct vexfs_path *path)
{
	u32 index = path->index[path->depth - 1];

	return (path->depth == 1 ? VEXFS_NDIR_BLOCKS : VEXFS_PTRS_PER_BLOCK) -
	       index;
}

/* For the first block that is given out since the inode was read. */
static u32 vexfs_first_goal(struct inode *inode, u64 lblk, __le32 *slot,
			    u32 index)
{
	u32 n;

	for (n = 1; n <= index; n++)
		if (*(slot - n))
			return le32_to_cpu(*(slot - n)) + n;
	return lblk < VEXFS_BLOCKS_PER_GROUP ?
	       vexfs_next_free(inode) + (u32)lblk : 0;
}

/*
 * Where a block is wanted: behind the one before it. In a hole it is wanted
 * where it would lie if the file were in one piece, so that a hole filled in
 * any order ends up in the file's order, and is written back in few requests.
 */
static u32 vexfs_find_goal(struct inode *inode, u64 lblk, __le32 *slot,
			   u32 index)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	u64 goal = vi->i_first_pblk + lblk - vi->i_first_lblk;

	if (!vi->i_last_pblk)
		return vexfs_first_goal(inode, lblk, slot, index);
	if (lblk == vi->i_last_lblk + 1)
		return vi->i_last_pblk + 1;
	if (index && slot[-1])
		return le32_to_cpu(slot[-1]) + 1;
	if (div_u64(goal, VEXFS_BLOCKS_PER_GROUP) !=
	    vi->i_first_pblk / VEXFS_BLOCKS_PER_GROUP)
		return vi->i_last_pblk;
	return goal;
}

/* Makes an empty pointer block out of a block just allocated. */
static int vexfs_init_pointers(handle_t *handle, struct inode *inode, u32 block,
			       u32 index, u32 child)
{
	struct buffer_head *bh = sb_getblk(inode->i_sb, block);
	int err;

	if (!bh)
		return -ENOMEM;
	lock_buffer(bh);
	err = vexfs_get_create(handle, bh);
	if (!err) {
		memset(bh->b_data, 0, VEXFS_BLOCK_SIZE);
		((__le32 *)bh->b_data)[index] = cpu_to_le32(child);
		set_buffer_uptodate(bh);
	}
	unlock_buffer(bh);
	if (!err)
		err = vexfs_dirty(handle, bh);
	brelse(bh);
	return err;
}

/*
 * Allocates the missing blocks of @path below its @level-th pointer and hangs
 * them into the tree last, so that a failure leaves no trace. i_map_lock is
 * held for writing.
 */
static int vexfs_alloc_branch(handle_t *handle, struct inode *inode, u64 lblk,
			      struct vexfs_path *path, int level,
			      struct buffer_head *parent, __le32 *slot,
			      u32 *count, u32 *pblk)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	int missing = path->depth - 1 - level;
	u32 blocks[VEXFS_MAX_DEPTH];
	u32 index = path->index[path->depth - 1];
	u32 goal, near, one, n, i;
	int err = 0, got;

	goal = vexfs_find_goal(inode, lblk, slot, path->index[level]);
	/* Pointer blocks come before the first block that they can point to. */
	near = index && index < goal ? goal - index - 1 : goal;
	for (got = 0; got < missing; got++) {
		one = 1;
		blocks[got] = vexfs_new_blocks(handle, inode, near, &one, &err);
		if (!blocks[got])
			goto out_free;
		near = blocks[got] + 1;
	}
	if (!index)
		goal = near;
	/* Below a new pointer block only one, beside others as many as fit. */
	n = missing ? 1 : *count;
	*pblk = vexfs_new_blocks(handle, inode, goal, &n, &err);
	if (!*pblk)
		goto out_free;

	if (parent) {
		err = vexfs_get_write(handle, parent);
		if (err)
			goto out_data;
	}
	for (i = missing; i > 0; i--) {
		err = vexfs_init_pointers(handle, inode, blocks[i - 1],
					  path->index[level + i],
					  i == missing ? *pblk : blocks[i]);
		if (err)
			goto out_data;
	}
	if (missing) {
		*slot = cpu_to_le32(blocks[0]);
	} else {
		for (i = 0; i < n; i++)
			slot[i] = cpu_to_le32(*pblk + i);
	}
	if (parent)
		err = vexfs_dirty(handle, parent);
	if (!vi->i_last_pblk) {
		vi->i_first_lblk = lblk;
		vi->i_first_pblk = *pblk;
	}
	vi->i_last_lblk = lblk + n - 1;
	vi->i_last_pblk = *pblk + n - 1;
	*count = n;
	return err;

out_data:
	vexfs_free_blocks(handle, inode, *pblk, n);
out_free:
	while (got > VEXFS_DEFECT(pointer_block_leak))
		vexfs_discard_block(handle, inode, blocks[--got]);
	return err;
}

/*
 * Finds the blocks that hold the file from block @lblk on, at most @max of them
 * in a row on disk. Returns their number, with the first in *@pblk; 0 for a
 * hole. With a handle a hole is filled, *@new tells so, and the inode is left
 * for the caller to be marked dirty.
 */
int vexfs_map_blocks(handle_t *handle, struct inode *inode, u64 lblk, u32 max,
		     u32 *pblk, bool *new)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct buffer_head *bh = NULL;
	struct vexfs_path path;
	__le32 *slot;
	int level, err;
	u32 count;

	err = vexfs_make_path(lblk, &path);
	if (err)
		return err;
	if (handle)
		down_write(&vi->i_map_lock);
	else
		down_read(&vi->i_map_lock);

	level = vexfs_walk(inode, &path, &bh, &slot);
	if (level < 0) {
		err = level;
		goto out;
	}
	count = 0;
	if (level == path.depth) {
		count = vexfs_run(slot, min(max, vexfs_left(&path)));
		*pblk = le32_to_cpu(*slot);
		if (!VEXFS_DEFECT(unchecked_block_number) &&
		    !vexfs_data_valid(inode->i_sb, *pblk, count)) {
			vexfs_error(inode->i_sb,
				    "inode %lu: block %u of the file is out of place: %u+%u",
				    inode->i_ino, (u32)lblk, *pblk, count);
			err = -EFSCORRUPTED;
		}
	} else if (handle) {
		count = 1;
		if (level == path.depth - 1)
			count = vexfs_run(slot, min(max, vexfs_left(&path)));
		err = vexfs_alloc_branch(handle, inode, lblk, &path, level, bh,
					 slot, &count, pblk);
		*new = true;
	}
out:
	brelse(bh);
	if (handle)
		up_write(&vi->i_map_lock);
	else
		up_read(&vi->i_map_lock);
	return err ? err : count;
}

/* For reading and for writing back: pages under writeback are mapped already. */
int vexfs_get_block(struct inode *inode, sector_t iblock,
		    struct buffer_head *bh, int create)
{
	u32 max = bh->b_size >> VEXFS_BLOCK_BITS;
	u32 pblk;
	int ret;

	ret = vexfs_map_blocks(NULL, inode, iblock, max, &pblk, NULL);
	if (ret <= 0)
		return ret;
	map_bh(bh, inode->i_sb, pblk);
	bh->b_size = (size_t)ret << VEXFS_BLOCK_BITS;
	return 0;
}

/* For writing: the caller holds a handle and marks the inode dirty. */
int vexfs_get_block_new(struct inode *inode, sector_t iblock,
			struct buffer_head *bh, int create)
{
	u32 max = bh->b_size >> VEXFS_BLOCK_BITS;
	handle_t *handle = journal_current_handle();
	bool new = false;
	u32 pblk;
	int ret;

	ret = vexfs_map_blocks(handle, inode, iblock, max, &pblk, &new);
	if (ret < 0)
		return ret;
	if (!ret)
		return -EIO;
	map_bh(bh, inode->i_sb, pblk);
	bh->b_size = (size_t)ret << VEXFS_BLOCK_BITS;
	if (!new)
		return 0;
	set_buffer_new(bh);
	return jbd2_journal_inode_ranged_write(handle,
					       &VEXFS_I(inode)->i_jinode,
					       (loff_t)iblock << VEXFS_BLOCK_BITS,
					       bh->b_size);
}

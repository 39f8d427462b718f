// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the blocks of directories and symlinks, which are metadata: one of an
 * inode's is read, one is appended.
 */

#include "vexfs.h"

/* Reads a metadata block of a directory or symlink. NULL is never returned. */
struct buffer_head *vexfs_bread(struct inode *inode, u64 lblk)
{
	struct super_block *sb = inode->i_sb;
	struct buffer_head *bh;
	u32 pblk;
	int ret;

	ret = vexfs_map_blocks(NULL, inode, lblk, 1, &pblk, NULL);
	if (ret < 0)
		return ERR_PTR(ret);
	if (!ret && VEXFS_DEFECT(missing_null_check))
		return NULL;
	if (!ret) {
		vexfs_error(sb, "inode %lu: hole at block %llu",
			    inode->i_ino, lblk);
		return ERR_PTR(-EFSCORRUPTED);
	}
	bh = sb_bread(sb, pblk);
	if (!bh) {
		vexfs_error(sb, "inode %lu: cannot read block %u", inode->i_ino,
			    pblk);
		return ERR_PTR(-EIO);
	}
	return bh;
}

/*
 * Appends a zeroed metadata block to @inode and returns it with create access
 * taken; the caller fills it and calls vexfs_dirty() and vexfs_mark_inode().
 */
struct buffer_head *vexfs_append(handle_t *handle, struct inode *inode,
				 int *err)
{
	u64 lblk = inode->i_size >> VEXFS_BLOCK_BITS;
	struct buffer_head *bh;
	bool new = false;
	u32 pblk;
	int ret;

	ret = vexfs_map_blocks(handle, inode, lblk, 1, &pblk, &new);
	if (ret < 0) {
		*err = ret;
		return NULL;
	}
	bh = sb_getblk(inode->i_sb, pblk);
	if (!bh) {
		*err = -ENOMEM;
		return NULL;
	}
	lock_buffer(bh);
	*err = vexfs_get_create(handle, bh);
	if (!*err) {
		memset(bh->b_data, 0, VEXFS_BLOCK_SIZE);
		set_buffer_uptodate(bh);
	}
	unlock_buffer(bh);
	if (*err) {
		brelse(bh);
		return NULL;
	}
	i_size_write(inode, inode->i_size + VEXFS_BLOCK_SIZE);
	VEXFS_I(inode)->i_disksize = inode->i_size;
	return bh;
}

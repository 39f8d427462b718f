// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: open directories: reading them, and their other calls.
 */

#include "names.h"

/* Hands out a block's entries from byte @from on. 1: the reader has enough. */
static int vexfs_emit_block(struct dir_context *ctx, struct inode *dir,
			    struct buffer_head *bh, u32 block, u32 from)
{
	loff_t start = 2 + ((loff_t)block << VEXFS_BLOCK_BITS);
	u32 offset = 0;

	/* Entries may have been merged since: look for the next one in order. */
	while (offset < VEXFS_BLOCK_SIZE) {
		struct vexfs_dir_entry *de = (void *)bh->b_data + offset;

		if (!vexfs_entry_valid(dir, de, bh, block))
			return -EFSCORRUPTED;
		if (de->d_ino && offset >= from) {
			if (!vexfs_name_valid(dir, de, bh, block))
				return -EFSCORRUPTED;
			ctx->pos = start + offset;
			if (VEXFS_DEFECT(readdir_skips))
				ctx->pos += le16_to_cpu(de->d_rec_len);
			if (!dir_emit(ctx, de->d_name, de->d_name_len,
				      le32_to_cpu(de->d_ino), de->d_type))
				return 1;
		}
		offset += le16_to_cpu(de->d_rec_len);
	}
	ctx->pos = start + VEXFS_BLOCK_SIZE;
	return 0;
}

/* Positions: 0 and 1 are the dots, then 2 + byte offset. */
static int vexfs_readdir(struct file *file, struct dir_context *ctx)
{
	struct inode *dir = file_inode(file);
	int ret = 0;

	if (!dir_emit_dots(file, ctx))
		return 0;
	while (ctx->pos - 2 < dir->i_size && !ret) {
		u32 block = (ctx->pos - 2) >> VEXFS_BLOCK_BITS;
		struct buffer_head *bh = vexfs_bread(dir, block);

		if (IS_ERR(bh))
			return PTR_ERR(bh);
		ret = vexfs_emit_block(ctx, dir, bh, block,
				       (ctx->pos - 2) & (VEXFS_BLOCK_SIZE - 1));
		brelse(bh);
	}
	if (VEXFS_DEFECT(readdir_loops) && !ret &&
	    dir->i_size > VEXFS_BLOCK_SIZE)
		ctx->pos = 2 + VEXFS_BLOCK_SIZE;
	return ret < 0 ? ret : 0;
}

const struct file_operations vexfs_dir_fops = {
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= vexfs_readdir,
	.fsync		= VEXFS_YOUNG(no_fsync) ? NULL : vexfs_fsync,
	.unlocked_ioctl	= VEXFS_YOUNG(no_ioctl) ? NULL : vexfs_ioctl,
	.compat_ioctl	= VEXFS_DEFECT(dir_compat_missing) ||
			  VEXFS_YOUNG(no_ioctl) ? NULL : compat_ptr_ioctl,
};

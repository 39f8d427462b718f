// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the inode table: where an inode lies, its checksum, writing it.
 */

#include "vexfs.h"

/* Finds an inode's place in the inode table. The caller releases *bh. */
int vexfs_inode_buffer(struct super_block *sb, unsigned long ino,
		       struct buffer_head **bh, struct vexfs_inode **raw)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	u32 group = (ino - 1) / sbi->s_inodes_per_group;
	u32 index = (ino - 1) % sbi->s_inodes_per_group;
	struct vexfs_group_desc *desc = vexfs_group_desc(sb, group, NULL);
	u32 block = le32_to_cpu(desc->bg_inode_table) +
		    index / VEXFS_INODES_PER_BLOCK;

	*bh = sb_bread(sb, block);
	if (!*bh) {
		vexfs_error(sb, "cannot read inode %lu in block %u", ino,
			    block);
		return -EIO;
	}
	*raw = (struct vexfs_inode *)(*bh)->b_data +
	       index % VEXFS_INODES_PER_BLOCK;
	return 0;
}

static u32 vexfs_raw_csum(struct vexfs_sb_info *sbi, u32 ino,
			  struct vexfs_inode *raw)
{
	u32 crc = vexfs_crc_u32(sbi->s_csum_seed, ino);

	crc = vexfs_crc(crc, &raw->i_generation, sizeof(raw->i_generation));
	return vexfs_crc(crc, raw, VEXFS_INODE_SIZE - 4);
}

void vexfs_raw_set_csum(struct vexfs_sb_info *sbi, u32 ino,
			struct vexfs_inode *raw)
{
	raw->i_csum = cpu_to_le32(vexfs_raw_csum(sbi, ino, raw));
}

bool vexfs_raw_valid(struct vexfs_sb_info *sbi, u32 ino,
		     struct vexfs_inode *raw)
{
	return le32_to_cpu(raw->i_csum) == vexfs_raw_csum(sbi, ino, raw);
}

/* As vexfs_decode_dev() reads it. */
static u32 vexfs_encode_dev(dev_t dev)
{
	return MAJOR(dev) << 20 | MINOR(dev);
}

static void vexfs_write_time(struct timespec64 ts, __le64 *sec, __le32 *nsec)
{
	ts = vexfs_kept_time(ts);
	*sec = cpu_to_le64(ts.tv_sec);
	*nsec = VEXFS_DEFECT(nanoseconds_lost) ? 0 : cpu_to_le32(ts.tv_nsec);
}

static void vexfs_fill_raw(struct inode *inode, struct vexfs_inode *raw)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);

	memset(raw, 0, sizeof(*raw));
	raw->i_mode = cpu_to_le16(inode->i_mode);
	raw->i_links = cpu_to_le32(inode->i_nlink);
	raw->i_uid = cpu_to_le32(i_uid_read(inode));
	raw->i_gid = cpu_to_le32(i_gid_read(inode));
	raw->i_size = cpu_to_le64(vi->i_disksize);
	raw->i_blocks = cpu_to_le64((u64)inode_get_bytes(inode) >> 9);
	vexfs_write_time(vexfs_atime(inode), &raw->i_atime, &raw->i_atime_nsec);
	vexfs_write_time(vexfs_mtime(inode), &raw->i_mtime, &raw->i_mtime_nsec);
	vexfs_write_time(vexfs_ctime(inode), &raw->i_ctime, &raw->i_ctime_nsec);
	vexfs_write_time(vi->i_btime, &raw->i_btime, &raw->i_btime_nsec);
	raw->i_dtime = cpu_to_le64(vi->i_dtime);
	raw->i_flags = cpu_to_le32(vi->i_flags);
	raw->i_generation = cpu_to_le32(inode->i_generation);
	raw->i_parent = cpu_to_le32(vi->i_parent);
	raw->i_orphan_next = cpu_to_le32(vi->i_orphan_next);
	raw->i_xattr_block = cpu_to_le32(vi->i_xattr_block);
	if (S_ISCHR(inode->i_mode) || S_ISBLK(inode->i_mode))
		raw->i_rdev = cpu_to_le32(vexfs_encode_dev(inode->i_rdev));
	raw->i_vec = vi->i_vec;
	memcpy(raw->i_block, vi->i_data, sizeof(raw->i_block));
	vexfs_raw_set_csum(VEXFS_SB(inode->i_sb), inode->i_ino, raw);
}

static int vexfs_store_inode(handle_t *handle, struct inode *inode,
			     bool datasync)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct vexfs_inode *raw;
	struct buffer_head *bh;
	int err;

	err = vexfs_inode_buffer(inode->i_sb, inode->i_ino, &bh, &raw);
	if (err)
		return err;
	err = vexfs_get_write(handle, bh);
	if (!err) {
		spin_lock(&vi->i_raw_lock);
		vexfs_fill_raw(inode, raw);
		spin_unlock(&vi->i_raw_lock);
		vi->i_sync_tid = handle->h_transaction->t_tid;
		if (datasync)
			vi->i_datasync_tid = vi->i_sync_tid;
		err = vexfs_dirty(handle, bh);
	}
	brelse(bh);
	return err;
}

/* Copies an inode to its place in the inode table, within @handle. */
int vexfs_mark_inode(handle_t *handle, struct inode *inode)
{
	return vexfs_store_inode(handle, inode, true);
}

/* The VFS changed an attribute, most often a time. */
void vexfs_dirty_inode(struct inode *inode, int flags)
{
	handle_t *handle;

	/* With lazytime the times may wait. */
	if (flags == I_DIRTY_TIME)
		return;
	handle = vexfs_start(inode->i_sb, VEXFS_CR_INODE);
	if (IS_ERR(handle))
		return;
	vexfs_store_inode(handle, inode, flags & I_DIRTY_DATASYNC);
	vexfs_stop(handle);
}

/* Inodes are in the journal as soon as they are dirty; only waiting is left. */
int vexfs_write_inode(struct inode *inode, struct writeback_control *wbc)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(inode->i_sb);

	/* sync_fs() commits for all inodes at once. */
	if (wbc->sync_mode != WB_SYNC_ALL || wbc->for_sync || !sbi->s_journal ||
	    current->flags & PF_MEMALLOC)
		return 0;
	return jbd2_complete_transaction(sbi->s_journal,
					 VEXFS_I(inode)->i_sync_tid);
}

void vexfs_touch(struct inode *inode)
{
	struct timespec64 now = current_time(inode);

	vexfs_set_mtime(inode, now);
	vexfs_set_ctime(inode, now);
}

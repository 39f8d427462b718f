// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: inodes - reading, writing, deleting.
 */

#include <linux/mount.h>
#include <linux/namei.h>

#include "vexfs.h"

/* Device numbers on disk: 12 bits of major, 20 of minor. */
static u32 vexfs_encode_dev(dev_t dev)
{
	return MAJOR(dev) << 20 | MINOR(dev);
}

static dev_t vexfs_decode_dev(u32 raw)
{
	return MKDEV(raw >> 20, raw & 0xfffff);
}

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

void vexfs_set_ops(struct inode *inode)
{
	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &vexfs_file_iops;
		inode->i_fop = &vexfs_file_fops;
		inode->i_mapping->a_ops = &vexfs_aops;
		break;
	case S_IFDIR:
		inode->i_op = &vexfs_dir_iops;
		inode->i_fop = &vexfs_dir_fops;
		break;
	case S_IFLNK:
		inode->i_op = &vexfs_symlink_iops;
		break;
	default:
		inode->i_op = &vexfs_special_iops;
		init_special_inode(inode, inode->i_mode, inode->i_rdev);
		break;
	}
}

void vexfs_touch(struct inode *inode)
{
	struct timespec64 now = current_time(inode);

	vexfs_set_mtime(inode, now);
	vexfs_set_ctime(inode, now);
}

static struct timespec64 vexfs_read_time(__le64 sec, __le32 nsec)
{
	struct timespec64 ts = {
		.tv_sec = le64_to_cpu(sec),
		.tv_nsec = min_t(u32, le32_to_cpu(nsec), NSEC_PER_SEC - 1),
	};

	return ts;
}

/* What must hold of an inode on disk besides its checksum; else says why not. */
static const char *vexfs_check_inode(struct inode *inode,
				     struct vexfs_inode *raw)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct super_block *sb = inode->i_sb;
	u64 size = le64_to_cpu(raw->i_size);
	u32 links = le32_to_cpu(raw->i_links);

	if (links > VEXFS_LINK_MAX)
		return "link count";
	if (size > vexfs_max_size())
		return "size";
	if (vi->i_flags & ~VEXFS_FLAGS_KNOWN)
		return "flags";
	if (vi->i_xattr_block && !vexfs_data_valid(sb, vi->i_xattr_block, 1))
		return "xattr block";
	if (vexfs_is_vector(inode) && !vexfs_vec_desc_valid(inode))
		return "collection";
	if (vexfs_is_index(inode) && (!S_ISREG(inode->i_mode) ||
				      vexfs_is_vector(inode)))
		return "index";
	switch (inode->i_mode & S_IFMT) {
	case S_IFREG:
		break;
	case S_IFDIR:
		if (size & (VEXFS_BLOCK_SIZE - 1))
			return "directory size";
		if (size >> VEXFS_BLOCK_BITS > VEXFS_SB(sb)->s_blocks_count)
			return "directory size";
		if (!vi->i_parent ||
		    vi->i_parent > VEXFS_SB(sb)->s_inodes_count)
			return "parent";
		if (links == 1)
			return "link count";
		break;
	case S_IFLNK:
		if ((!size && links) || size > VEXFS_SYMLINK_MAX)
			return "symlink length";
		break;
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	default:
		return "type";
	}
	return NULL;
}

/*
 * An inode that was just read may have been changed by a transaction that is
 * not committed yet: the tid for fsync to wait for.
 */
static tid_t vexfs_current_tid(journal_t *journal)
{
	transaction_t *txn;
	tid_t tid;

	read_lock(&journal->j_state_lock);
	txn = journal->j_running_transaction;
	if (!txn)
		txn = journal->j_committing_transaction;
	tid = txn ? txn->t_tid : journal->j_commit_sequence;
	read_unlock(&journal->j_state_lock);
	return tid;
}

static int vexfs_read_inode(struct inode *inode)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct super_block *sb = inode->i_sb;
	struct vexfs_inode *raw;
	struct buffer_head *bh;
	const char *wrong;
	int err;

	err = vexfs_inode_buffer(sb, inode->i_ino, &bh, &raw);
	if (err)
		return err;
	if (!vexfs_raw_valid(VEXFS_SB(sb), inode->i_ino, raw)) {
		vexfs_error(sb, "inode %lu fails its checksum", inode->i_ino);
		err = -EFSCORRUPTED;
		goto out;
	}
	/* Deleted: only a stale name can lead here. */
	if (raw->i_dtime) {
		err = -ESTALE;
		goto out;
	}

	inode->i_mode = le16_to_cpu(raw->i_mode);
	i_uid_write(inode, le32_to_cpu(raw->i_uid));
	i_gid_write(inode, le32_to_cpu(raw->i_gid));
	set_nlink(inode, le32_to_cpu(raw->i_links));
	inode->i_size = le64_to_cpu(raw->i_size);
	inode->i_generation = le32_to_cpu(raw->i_generation);
	inode->i_rdev = vexfs_decode_dev(le32_to_cpu(raw->i_rdev));
	inode_set_bytes(inode, le64_to_cpu(raw->i_blocks) << 9);
	vexfs_set_atime(inode, vexfs_read_time(raw->i_atime,
					       raw->i_atime_nsec));
	vexfs_set_mtime(inode, vexfs_read_time(raw->i_mtime,
					       raw->i_mtime_nsec));
	vexfs_set_ctime(inode, vexfs_read_time(raw->i_ctime,
					       raw->i_ctime_nsec));
	vi->i_btime = vexfs_read_time(raw->i_btime, raw->i_btime_nsec);
	vi->i_flags = le32_to_cpu(raw->i_flags);
	vi->i_xattr_block = le32_to_cpu(raw->i_xattr_block);
	vi->i_parent = le32_to_cpu(raw->i_parent);
	vi->i_orphan_next = le32_to_cpu(raw->i_orphan_next);
	vi->i_disksize = inode->i_size;
	vi->i_vec = raw->i_vec;
	memcpy(vi->i_data, raw->i_block, sizeof(vi->i_data));
	if (VEXFS_SB(sb)->s_journal)
		vi->i_sync_tid = vexfs_current_tid(VEXFS_SB(sb)->s_journal);
	vi->i_datasync_tid = vi->i_sync_tid;

	wrong = vexfs_check_inode(inode, raw);
	if (wrong) {
		vexfs_error(sb, "inode %lu is corrupt: %s", inode->i_ino,
			    wrong);
		err = -EFSCORRUPTED;
	}
out:
	brelse(bh);
	return err;
}

/*
 * Lets go of an inode that is not what it should be: it is left to fsck, and
 * not deleted for want of links.
 */
void vexfs_put_corrupt(struct inode *inode)
{
	if (list_empty(&VEXFS_I(inode)->i_orphan))
		make_bad_inode(inode);
	iput(inode);
}

struct inode *vexfs_iget(struct super_block *sb, unsigned long ino)
{
	struct inode *inode;
	int err;

	if (!VEXFS_DEFECT(unchecked_inode_number) &&
	    ino != VEXFS_ROOT_INO && (ino < VEXFS_FIRST_INO ||
				      ino > VEXFS_SB(sb)->s_inodes_count)) {
		vexfs_error(sb, "inode number %lu is out of range", ino);
		return ERR_PTR(-EFSCORRUPTED);
	}
	inode = iget_locked(sb, ino);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (!(inode->i_state & I_NEW))
		return inode;
	err = vexfs_read_inode(inode);
	if (err) {
		iget_failed(inode);
		return ERR_PTR(err);
	}
	vexfs_set_ops(inode);
	unlock_new_inode(inode);
	return inode;
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

/* Whether i_data holds block numbers. */
static bool vexfs_has_map(struct inode *inode)
{
	return S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode) ||
	       (S_ISLNK(inode->i_mode) &&
		inode->i_size > VEXFS_FAST_SYMLINK_MAX);
}

/* Deletes an inode nobody uses or names any more. */
static void vexfs_delete_inode(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	handle_t *handle;
	int err = 0;
	bool mapped;

	handle = vexfs_start_revoke(sb, VEXFS_CR_TRUNCATE + VEXFS_CR_XATTR, 64);
	if (IS_ERR(handle)) {
		vexfs_orphan_del(NULL, inode);
		clear_inode(inode);
		return;
	}
	mapped = vexfs_has_map(inode);
	inode->i_size = 0;
	VEXFS_I(inode)->i_disksize = 0;
	if (mapped)
		err = vexfs_free_tail(handle, inode, 0);
	if (!err)
		err = vexfs_mark_inode(handle, inode);
	if (!err && jbd2_handle_buffer_credits(handle) <
		    VEXFS_CR_XATTR + VEXFS_CR_TRUNCATE_STEP)
		err = jbd2__journal_restart(handle, VEXFS_CR_TRUNCATE +
					    VEXFS_CR_XATTR, 64, GFP_NOFS);
	if (err) {
		/* It stays on the list on disk; the next mount tries again. */
		vexfs_orphan_del(NULL, inode);
		clear_inode(inode);
		vexfs_stop(handle);
		return;
	}
	vexfs_free_xattrs(handle, inode);
	vexfs_orphan_del(handle, inode);
	VEXFS_I(inode)->i_dtime = ktime_get_real_seconds();
	vexfs_mark_inode(handle, inode);
	vexfs_free_inode(handle, inode);
	vexfs_stop(handle);
}

void vexfs_evict_inode(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	struct inode *index = NULL;

	truncate_inode_pages_final(&inode->i_data);
	vexfs_drop_index(inode);
	vexfs_ivf_free(VEXFS_I(inode)->i_ivf);
	if (inode->i_nlink || is_bad_inode(inode)) {
		clear_inode(inode);
	} else {
		sb_start_intwrite(sb);
		index = vexfs_ivf_detach(inode);
		vexfs_delete_inode(inode);
		sb_end_intwrite(sb);
	}
	if (VEXFS_SB(sb)->s_journal)
		jbd2_journal_release_jbd_inode(VEXFS_SB(sb)->s_journal,
					       &VEXFS_I(inode)->i_jinode);
	iput(index);
}

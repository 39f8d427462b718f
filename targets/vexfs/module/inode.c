// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: inodes read into memory, and what the VFS may do with each type.
 */

#include "vexfs.h"

/* Device numbers on disk: 12 bits of major, 20 of minor. */
static dev_t vexfs_decode_dev(u32 raw)
{
	return MKDEV(raw >> 20, raw & 0xfffff);
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

// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the attributes of inodes, of which the size is most of the work.
 */

#include "vexfs.h"

static int vexfs_shrink(struct inode *inode, loff_t size)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(inode->i_sb);
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	handle_t *handle;
	int err, ret;

	if (!sbi->s_journal)
		return -EROFS;
	/*
	 * Pages a committing transaction must write may be about to go; the
	 * old size is still on disk then.
	 */
	err = jbd2_journal_begin_ordered_truncate(sbi->s_journal,
						  &vi->i_jinode, size);
	if (err)
		return err;
	handle = vexfs_start(inode->i_sb, VEXFS_CR_WRITE);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	err = vexfs_orphan_add(handle, inode);
	if (!err) {
		i_size_write(inode, size);
		vi->i_disksize = size;
		vexfs_touch(inode);
	}
	ret = vexfs_mark_inode(handle, inode);
	if (!err)
		err = ret;
	ret = vexfs_stop(handle);
	if (!err)
		err = ret;
	if (err) {
		vexfs_truncate(inode);
		return err;
	}
	truncate_pagecache(inode, size);
	return vexfs_truncate(inode);
}

static int vexfs_grow(struct inode *inode, loff_t size)
{
	loff_t old = inode->i_size;
	handle_t *handle;
	int err, ret;

	handle = vexfs_start(inode->i_sb, VEXFS_CR_WRITE);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	/* A store through a mapping may have left bytes there. */
	err = vexfs_zero_tail(handle, inode, old);
	if (!err) {
		i_size_write(inode, size);
		VEXFS_I(inode)->i_disksize = size;
		vexfs_touch(inode);
		err = vexfs_mark_inode(handle, inode);
	}
	ret = vexfs_stop(handle);
	if (!err)
		err = ret;
	if (!err)
		pagecache_isize_extended(inode, old, size);
	if (VEXFS_DEFECT(truncate_up_garbage))
		truncate_pagecache(inode, 0);
	return err;
}

static int vexfs_set_size(struct inode *inode, loff_t size)
{
	int err;

	if (vexfs_is_vector(inode))
		return -EPERM;
	err = inode_newsize_ok(inode, size);
	if (err)
		return err;
	if (VEXFS_YOUNG(no_truncate_up) && size > inode->i_size)
		return -EPERM;
	filemap_invalidate_lock(inode->i_mapping);
	if (size > inode->i_size)
		err = vexfs_grow(inode, size);
	else
		err = vexfs_shrink(inode, size);
	filemap_invalidate_unlock(inode->i_mapping);
	return err;
}

/* What young builds cannot store is refused, as FAT does. */
static int vexfs_young_setattr(struct mnt_idmap *idmap, struct inode *inode,
			       struct iattr *attr)
{
	if (VEXFS_YOUNG(no_chown) &&
	    (i_uid_needs_update(idmap, attr, inode) ||
	     i_gid_needs_update(idmap, attr, inode)))
		return -EPERM;
	/* A write or a chown that takes set-user-ID away is no chmod. */
	if (VEXFS_YOUNG(no_chmod) &&
	    (attr->ia_valid & (ATTR_MODE | ATTR_FORCE | ATTR_UID | ATTR_GID)) ==
		    ATTR_MODE &&
	    ((attr->ia_mode ^ inode->i_mode) & S_IALLUGO))
		return -EPERM;
	return 0;
}

int vexfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry,
		  struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	handle_t *handle;
	int err, ret;

	err = setattr_prepare(idmap, dentry, attr);
	if (!err)
		err = vexfs_young_setattr(idmap, inode, attr);
	if (err)
		return err;
	if (attr->ia_valid & ATTR_SIZE) {
		err = vexfs_set_size(inode, attr->ia_size);
		if (err)
			return err;
	}
	handle = vexfs_start(inode->i_sb, VEXFS_CR_INODE);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	vexfs_sync_inode(handle, inode);
	if (VEXFS_DEFECT(chown_ignored))
		attr->ia_valid &= ~(ATTR_UID | ATTR_GID);
	setattr_copy(idmap, inode, attr);
	err = vexfs_mark_inode(handle, inode);
	ret = vexfs_stop(handle);
	return err ? err : ret;
}

int vexfs_getattr(struct mnt_idmap *idmap, const struct path *path,
		  struct kstat *stat, u32 request_mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);

	vexfs_fill_stat(idmap, request_mask, inode, stat);
	stat->atime = vexfs_kept_time(stat->atime);
	stat->mtime = vexfs_kept_time(stat->mtime);
	stat->ctime = vexfs_kept_time(stat->ctime);
	if (request_mask & STATX_BTIME && !VEXFS_YOUNG(no_btime)) {
		stat->result_mask |= STATX_BTIME;
		stat->btime = vexfs_kept_time(VEXFS_I(inode)->i_btime);
	}
	return 0;
}

const struct inode_operations vexfs_file_iops = {
	.setattr	= vexfs_setattr,
	.getattr	= vexfs_getattr,
	.listxattr	= VEXFS_YOUNG(no_xattr) ? NULL : vexfs_listxattr,
};

const struct inode_operations vexfs_special_iops = {
	.setattr	= vexfs_setattr,
	.getattr	= vexfs_getattr,
	.listxattr	= VEXFS_YOUNG(no_xattr) ? NULL : vexfs_listxattr,
};

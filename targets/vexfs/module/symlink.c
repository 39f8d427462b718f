// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: symbolic links. Short targets stand in the inode, others in a block
 * that is journalled like a directory's.
 */

#include <linux/namei.h>
#include <linux/slab.h>

#include "names.h"

/* Stores the target in a new symlink; @len is within VEXFS_SYMLINK_MAX. */
int vexfs_write_symlink(handle_t *handle, struct inode *inode,
			const char *target, u32 len)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct buffer_head *bh;
	int err = 0;

	if (len <= VEXFS_FAST_SYMLINK_MAX) {
		memcpy(vi->i_data, target, len);
	} else {
		bh = vexfs_append(handle, inode, &err);
		if (!bh)
			return err;
		memcpy(bh->b_data, target, len);
		err = vexfs_dirty(handle, bh);
		brelse(bh);
	}
	if (VEXFS_DEFECT(symlink_oops))
		inode->i_link[len] = '\0';
	inode->i_size = len;
	vi->i_disksize = len;
	return err ? err : vexfs_mark_inode(handle, inode);
}

static const char *vexfs_get_link(struct dentry *dentry, struct inode *inode,
				  struct delayed_call *done)
{
	struct buffer_head *bh;
	char *target;
	u32 len;

	/* Reading may sleep: not while walking a path under RCU. */
	if (!dentry)
		return ERR_PTR(-ECHILD);
	len = inode->i_size;
	if (!len || len > VEXFS_SYMLINK_MAX)
		return ERR_PTR(-EFSCORRUPTED);
	if (len <= VEXFS_FAST_SYMLINK_MAX) {
		target = kmemdup_nul((char *)VEXFS_I(inode)->i_data, len,
				     GFP_KERNEL);
	} else {
		bh = vexfs_bread(inode, 0);
		if (IS_ERR(bh))
			return ERR_CAST(bh);
		target = kmemdup_nul(bh->b_data, len, GFP_KERNEL);
		brelse(bh);
	}
	if (!target)
		return ERR_PTR(-ENOMEM);
	if (strlen(target) != len) {
		kfree(target);
		vexfs_error(inode->i_sb, "symlink %lu holds a NUL",
			    inode->i_ino);
		return ERR_PTR(-EFSCORRUPTED);
	}
	set_delayed_call(done, kfree_link, target);
	return target;
}

const struct inode_operations vexfs_symlink_iops = {
	.get_link	= vexfs_get_link,
	.setattr	= vexfs_setattr,
	.getattr	= vexfs_getattr,
	.listxattr	= VEXFS_YOUNG(no_xattr) ? NULL : vexfs_listxattr,
};

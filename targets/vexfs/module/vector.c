// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the calls for collections of vectors, of which one makes a collection.
 */

#include <linux/mount.h>
#include <linux/uaccess.h>

#include "vector.h"

static long vexfs_vec_create(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct vexfs_vec_create req;
	struct vexfs_vec_desc *desc = &vi->i_vec;
	handle_t *handle;
	int err, ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.version != VEXFS_API_VERSION || req.flags ||
	    memchr_inv(req.reserved, 0, sizeof(req.reserved)))
		return -EINVAL;
	if (!req.dim || req.dim > VEXFS_MAX_DIM ||
	    req.metric >= VEXFS_METRIC_COUNT || req.meta_size > VEXFS_MAX_META)
		return -EINVAL;

	err = mnt_want_write_file(file);
	if (err)
		return err;
	inode_lock(inode);
	err = -EEXIST;
	if (vexfs_is_vector(inode))
		goto out;
	err = -ENOTEMPTY;
	if (inode->i_size ||
	    inode_get_bytes(inode) > (vi->i_xattr_block ? VEXFS_BLOCK_SIZE : 0))
		goto out;
	handle = vexfs_start(inode->i_sb, VEXFS_CR_INODE);
	err = PTR_ERR_OR_ZERO(handle);
	if (err)
		goto out;
	memset(desc, 0, sizeof(*desc));
	req.meta_size = round_up(req.meta_size, 8);
	desc->v_dim = cpu_to_le32(req.dim);
	desc->v_metric = cpu_to_le16(req.metric);
	desc->v_version = cpu_to_le16(VEXFS_VEC_VERSION);
	desc->v_meta_size = cpu_to_le32(req.meta_size);
	desc->v_stride = cpu_to_le32(VEXFS_VEC_STRIDE(req.dim, req.meta_size));
	vi->i_flags |= VEXFS_VECTOR_FL;
	vexfs_set_ctime(inode, current_time(inode));
	err = vexfs_mark_inode(handle, inode);
	ret = vexfs_stop(handle);
	if (!err)
		err = ret;
out:
	inode_unlock(inode);
	mnt_drop_write_file(file);
	return err;
}

/* What each call needs: access to the file, and the code that does it. */
static const struct vexfs_vec_call {
	unsigned int cmd;
	fmode_t mode;
	long (*fn)(struct file *file, void __user *arg);
} vexfs_vec_calls[] = {
	{ VEXFS_IOC_VEC_CREATE, FMODE_WRITE, vexfs_vec_create },
	{ VEXFS_IOC_VEC_INFO, FMODE_READ, vexfs_vec_info },
	{ VEXFS_IOC_VEC_ADD, FMODE_WRITE, vexfs_vec_add },
	{ VEXFS_IOC_VEC_GET, FMODE_READ, vexfs_vec_get },
	{ VEXFS_IOC_VEC_DELETE, FMODE_WRITE, vexfs_vec_delete },
	{ VEXFS_IOC_VEC_SEARCH, FMODE_READ, vexfs_vec_search },
	{ VEXFS_IOC_VEC_LIST, FMODE_READ, vexfs_vec_list },
	{ VEXFS_IOC_VEC_INDEX, FMODE_WRITE, vexfs_vec_index },
};

long vexfs_vec_ioctl(struct file *file, unsigned int cmd, void __user *arg)
{
	struct inode *inode = file_inode(file);
	const struct vexfs_vec_call *call = NULL;
	long ret;
	int i;

	for (i = 0; i < ARRAY_SIZE(vexfs_vec_calls); i++)
		if (vexfs_vec_calls[i].cmd == cmd)
			call = &vexfs_vec_calls[i];
	if (!call)
		return -ENOTTY;
	if (!S_ISREG(inode->i_mode))
		return -EINVAL;
	if (!(file->f_mode & call->mode) &&
	    !VEXFS_DEFECT(permission_check_missing))
		return -EBADF;
	if (cmd != VEXFS_IOC_VEC_CREATE && !vexfs_is_vector(inode))
		return -ENODATA;
	ret = call->fn(file, arg);
	/* As for write(2): the file may be open, or mounted, to be synchronous. */
	if (!ret && call->mode == FMODE_WRITE &&
	    (IS_SYNC(inode) || file->f_flags & O_DSYNC))
		ret = vfs_fsync(file, !(file->f_flags & __O_SYNC));
	return ret;
}

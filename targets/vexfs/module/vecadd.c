// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: adding vectors to a collection, and deleting them.
 */

#include <linux/mount.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vector.h"

/* Builds the records of one batch from what the caller of VEC_ADD points to. */
static int vexfs_build_records(struct inode *inode, struct vexfs_vec *vec,
			       const struct vexfs_vec_add *req, u32 first,
			       u32 count, u64 slot, void *buf)
{
	u32 i;

	for (i = 0; i < count; i++) {
		struct vexfs_vec_record *rec = buf + i * vec->stride;
		u64 nr = (u64)first + i;
		u32 meta_len = req->meta ? req->meta_stride : 0;

		memset(rec, 0, vec->stride);
		if (copy_from_user(rec->r_vector,
				   u64_to_user_ptr(req->vectors +
						   nr * vec->dim * 4),
				   vec->dim * 4))
			return -EFAULT;
		if (!vexfs_all_finite(rec->r_vector, vec->dim))
			return -EINVAL;
		if (req->meta && req->meta_lens &&
		    copy_from_user(&meta_len,
				   u64_to_user_ptr(req->meta_lens + nr * 4), 4))
			return -EFAULT;
		if (meta_len > vec->meta_size || meta_len > req->meta_stride)
			return -EINVAL;
		if (meta_len &&
		    copy_from_user(vexfs_record_meta(vec, rec),
				   u64_to_user_ptr(req->meta +
						   nr * req->meta_stride),
				   meta_len))
			return -EFAULT;
		rec->r_id = cpu_to_le64(slot + i + 1);
		rec->r_flags = cpu_to_le32(VEXFS_VEC_LIVE);
		rec->r_meta_len = cpu_to_le16(meta_len);
		rec->r_norm2 = cpu_to_le64(vexfs_norm2(rec->r_vector,
						       vec->dim));
		rec->r_csum = cpu_to_le32(vexfs_record_csum(inode, vec, rec));
	}
	return 0;
}

static int vexfs_write_records(struct file *file, struct vexfs_vec *vec,
			       const struct vexfs_vec_add *req, u64 slot)
{
	struct inode *inode = file_inode(file);
	u32 done, n;
	void *buf;
	int err = 0;

	buf = kvmalloc(VEXFS_VEC_BUFFER, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	for (done = 0; done < req->count && !err; done += n) {
		n = min(req->count - done, vec->batch);
		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		err = vexfs_build_records(inode, vec, req, done, n,
					  slot + done, buf);
		if (!err)
			err = vexfs_vec_write(file, (slot + done) * vec->stride,
					      buf, (size_t)n * vec->stride);
		cond_resched();
	}
	kvfree(buf);
	return err;
}

/* Puts the inode on the orphan list: should the machine crash, it is cut. */
static int vexfs_begin_append(struct inode *inode, loff_t size)
{
	handle_t *handle;
	int err, ret;

	err = inode_newsize_ok(inode, size);
	if (err)
		return err;
	handle = vexfs_start(inode->i_sb, VEXFS_CR_ORPHAN);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	err = vexfs_orphan_add(handle, inode);
	ret = vexfs_stop(handle);
	if (!err)
		err = ret;
	if (!err)
		i_size_write(inode, size);
	return err;
}

/* Makes what was appended count. */
static int vexfs_commit_append(struct inode *inode, loff_t old)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	handle_t *handle;
	int err, ret;

	handle = vexfs_start(inode->i_sb, VEXFS_CR_ORPHAN);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	err = jbd2_journal_inode_ranged_write(handle, &vi->i_jinode, old,
					      inode->i_size - old);
	if (!err) {
		if (!VEXFS_DEFECT(vector_lost_after_remount) ||
		    old >> VEXFS_BLOCK_BITS != inode->i_size >> VEXFS_BLOCK_BITS)
			vi->i_disksize = inode->i_size;
		vexfs_touch(inode);
		if (inode->i_nlink)
			err = vexfs_orphan_del(handle, inode);
		ret = vexfs_mark_inode(handle, inode);
		if (!err)
			err = ret;
	}
	ret = vexfs_stop(handle);
	return err ? err : ret;
}

static void vexfs_abort_append(struct inode *inode, loff_t old)
{
	struct address_space *mapping = inode->i_mapping;

	filemap_invalidate_lock(mapping);
	i_size_write(inode, old);
	VEXFS_I(inode)->i_disksize = old;
	truncate_pagecache(inode, old);
	vexfs_truncate(inode);
	filemap_invalidate_unlock(mapping);
}

static int vexfs_append_vectors(struct file *file, struct vexfs_vec *vec,
				const struct vexfs_vec_add *req, u64 slot)
{
	struct inode *inode = file_inode(file);
	loff_t old = inode->i_size;
	u64 size = (u64)old + (u64)req->count * vec->stride;
	int err;

	if (size > inode->i_sb->s_maxbytes)
		return -EFBIG;
	err = vexfs_begin_append(inode, size);
	if (err)
		return err;
	err = vexfs_write_records(file, vec, req, slot);
	if (!err)
		err = vexfs_commit_append(inode, old);
	if (err)
		vexfs_abort_append(inode, old);
	return err;
}

#ifdef VEXFS_DEFECT_lost_wakeup
atomic_t vexfs_adds;	/* VEC_ADD under way */
DECLARE_WAIT_QUEUE_HEAD(vexfs_adds_done);
#endif

long vexfs_vec_add(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_vec_add req;
	struct vexfs_vec vec;
	u64 slot;
	int err;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.version != VEXFS_API_VERSION ||
	    memchr_inv(req.reserved, 0, sizeof(req.reserved)))
		return -EINVAL;
	vexfs_vec_load(inode, &vec);
	if (req.dim != vec.dim || !req.count || req.count > VEXFS_MAX_ADD ||
	    !req.vectors || (req.meta && !req.meta_stride) ||
	    (req.meta_stride > VEXFS_MAX_META))
		return -EINVAL;

	err = mnt_want_write_file(file);
	if (err)
		return err;
	if (VEXFS_DEFECT(lost_wakeup))
		atomic_inc(&vexfs_adds);
	inode_lock(inode);
	slot = vexfs_vec_slots(inode, &vec);
	err = file_remove_privs(file);
	if (!err)
		err = vexfs_append_vectors(file, &vec, &req, slot);
	if (VEXFS_DEFECT(lost_wakeup) && atomic_dec_and_test(&vexfs_adds))
		wake_up(&vexfs_adds_done);
	inode_unlock(inode);
	mnt_drop_write_file(file);
	if (err)
		return err;
	atomic64_add(req.count, &VEXFS_SB(inode->i_sb)->s_vec_added);
	req.first_id = slot + 1;
	return copy_to_user(arg, &req, sizeof(req)) ? -EFAULT : 0;
}

long vexfs_vec_delete(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	__le32 flags = cpu_to_le32(VEXFS_VEC_DELETED);
	struct vexfs_vec_delete req;
	struct vexfs_vec_record rec;
	struct vexfs_vec vec;
	int err;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.version != VEXFS_API_VERSION || req.flags ||
	    memchr_inv(req.reserved, 0, sizeof(req.reserved)))
		return -EINVAL;
	vexfs_vec_load(inode, &vec);

	err = mnt_want_write_file(file);
	if (err)
		return err;
	inode_lock(inode);
	err = vexfs_read_record(file, &vec, req.id, &rec, sizeof(rec));
	if (!err)
		err = file_modified(file);
	if (!err)
		err = vexfs_vec_write(file, (req.id - 1) * vec.stride +
				      offsetof(struct vexfs_vec_record, r_flags),
				      &flags, sizeof(flags));
	inode_unlock(inode);
	mnt_drop_write_file(file);
	if (!err)
		atomic64_inc(&VEXFS_SB(inode->i_sb)->s_vec_deleted);
	return err;
}

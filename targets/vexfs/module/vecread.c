// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: reading a collection: one vector, the ids of all, statistics.
 */

#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vector.h"

static int vexfs_get_record(struct file *file, struct vexfs_vec *vec, u64 id,
			    struct vexfs_vec_record *rec)
{
	struct inode *inode = file_inode(file);
	int err;

	inode_lock_shared(inode);
	err = vexfs_read_record(file, vec, id, rec, vec->stride);
	inode_unlock_shared(inode);
	return err ? err : vexfs_check_record(inode, vec, rec);
}

long vexfs_vec_get(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_vec_record *rec;
	struct vexfs_vec_get req;
	struct vexfs_vec vec;
	u32 len;
	long err;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	vexfs_vec_load(inode, &vec);
	if (req.version != VEXFS_API_VERSION ||
	    memchr_inv(req.reserved, 0, sizeof(req.reserved)) ||
	    (req.vector && req.dim != vec.dim))
		return -EINVAL;

	rec = kvmalloc(vec.stride, GFP_KERNEL);
	if (!rec)
		return -ENOMEM;
	err = vexfs_get_record(file, &vec, req.id, rec);
	if (err)
		goto out;
	err = -EFAULT;
	if (req.vector && copy_to_user(u64_to_user_ptr(req.vector),
				       rec->r_vector, vec.dim * 4))
		goto out;
	req.meta_len = le16_to_cpu(rec->r_meta_len);
	len = min(req.meta_len, req.meta_room);
	if (VEXFS_DEFECT(get_ignores_room))
		len = req.meta_len;
	if (req.meta && copy_to_user(u64_to_user_ptr(req.meta),
				     vexfs_record_meta(&vec, rec), len))
		goto out;
	if (!copy_to_user(arg, &req, sizeof(req)))
		err = 0;
out:
	kvfree(rec);
	return err;
}

struct vexfs_count {
	u64 live;
	u64 deleted;
};

static int vexfs_count_batch(struct inode *inode, struct vexfs_vec *vec,
			     void *buf, u64 slot, u32 count, void *data)
{
	struct vexfs_count *c = data;
	u32 i;

	for (i = 0; i < count; i++) {
		struct vexfs_vec_record *rec = buf + i * vec->stride;
		int err = vexfs_check_id(inode, rec, slot + i);

		if (err)
			return err;
		if (le32_to_cpu(rec->r_flags) == VEXFS_VEC_LIVE)
			c->live++;
		else
			c->deleted++;
	}
	return 0;
}

/* Lets the vectors that are just being added be part of an answer. */
static inline void vexfs_wait_for_adds(struct inode *inode)
{
	DECLARE_WAITQUEUE(wait, current);

	if (!atomic_read(&vexfs_adds))
		return;
	inode_lock_shared(inode);
	add_wait_queue(&vexfs_adds_done, &wait);
	inode_unlock_shared(inode);
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule();
	remove_wait_queue(&vexfs_adds_done, &wait);
}

static void vexfs_index_info(struct inode *inode, struct vexfs_vec_info *info)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct vexfs_vec_desc *desc = &vi->i_vec;
	struct vexfs_ivf *ivf = smp_load_acquire(&vi->i_ivf);
	u64 count = le64_to_cpu(desc->v_index_count);

	info->index_type = le32_to_cpu(desc->v_index_type);
	if (!info->index_type)
		return;
	info->index_lists = le32_to_cpu(desc->v_index_lists);
	info->index_count = count;
	info->index_bytes = (u64)VEXFS_IVF_BLOCKS(le32_to_cpu(desc->v_dim),
						  info->index_lists, count) <<
			    VEXFS_BLOCK_BITS;
	if (ivf)
		info->index_memory = vexfs_ivf_memory(ivf);
}

long vexfs_vec_info(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_count count = {};
	struct vexfs_vec_info info;
	struct vexfs_vec vec;
	int err;

	if (copy_from_user(&info, arg, sizeof(info)))
		return -EFAULT;
	if (info.version != VEXFS_API_VERSION || info.index_count ||
	    info.index_bytes || info.index_memory || info.index_lists ||
	    info.reserved)
		return -EINVAL;
	vexfs_vec_load(inode, &vec);
	memset(&info, 0, sizeof(info));
	if (VEXFS_DEFECT(lost_wakeup))
		vexfs_wait_for_adds(inode);
	inode_lock_shared(inode);
	err = vexfs_walk_records(file, &vec, 0, vexfs_count_batch, &count);
	info.next_id = vexfs_vec_slots(inode, &vec) + 1;
	info.bytes = inode->i_size;
	vexfs_index_info(inode, &info);
	inode_unlock_shared(inode);
	if (err)
		return err;
	info.version = VEXFS_API_VERSION;
	info.dim = vec.dim;
	info.metric = vec.metric;
	info.meta_size = vec.meta_size;
	info.live = count.live;
	info.deleted = count.deleted;
	info.stride = vec.stride;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

struct vexfs_ids {
	u64 *ids;
	u32 room;
	u32 found;
	u64 next;
};

static int vexfs_list_batch(struct inode *inode, struct vexfs_vec *vec,
			    void *buf, u64 slot, u32 count, void *data)
{
	struct vexfs_ids *list = data;
	u32 i;

	for (i = 0; i < count; i++) {
		struct vexfs_vec_record *rec = buf + i * vec->stride;
		int err = vexfs_check_id(inode, rec, slot + i);

		if (err)
			return err;
		if (le32_to_cpu(rec->r_flags) != VEXFS_VEC_LIVE)
			continue;
		if (list->found == list->room) {
			list->next = slot + i + 1;
			return 1;
		}
		list->ids[list->found++] = slot + i + 1;
	}
	return 0;
}

long vexfs_vec_list(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_vec_list req;
	struct vexfs_ids list = {};
	struct vexfs_vec vec;
	long err;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	if (req.version != VEXFS_API_VERSION || req.reserved0 ||
	    memchr_inv(req.reserved, 0, sizeof(req.reserved)) ||
	    !req.room || (req.room > VEXFS_MAX_LIST &&
			  !VEXFS_DEFECT(list_size_overflow)))
		return -EINVAL;
	vexfs_vec_load(inode, &vec);
	list.room = req.room;
	if (VEXFS_DEFECT(list_size_overflow))
		list.ids = kvmalloc(req.room * (u32)sizeof(u64), GFP_KERNEL);
	else
		list.ids = kvmalloc_array(req.room, sizeof(u64), GFP_KERNEL);
	if (!list.ids)
		return -ENOMEM;
	if (VEXFS_DEFECT(list_room_refetched) &&
	    get_user(list.room, &((struct vexfs_vec_list __user *)arg)->room))
		list.room = req.room;
	inode_lock_shared(inode);
	err = vexfs_walk_records(file, &vec, req.start ? req.start - 1 : 0,
				 vexfs_list_batch, &list);
	inode_unlock_shared(inode);
	req.found = list.found;
	req.next = list.next;
	if (!err && (copy_to_user(u64_to_user_ptr(req.ids), list.ids,
				  list.found * sizeof(u64)) ||
		     copy_to_user(arg, &req, sizeof(req))))
		err = -EFAULT;
	kvfree(list.ids);
	return err;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the call for a search, of all records or by index.
 */

#include <linux/slab.h>
#include <linux/uaccess.h>

#include "vector.h"

/* A flag that no caller sets but with this defect. */
#define VEXFS_RARE_FLAG	(VEXFS_DEFECT(rare_search_flag) ? 0x00400000 : 0)

static int vexfs_run_search(struct file *file, struct vexfs_vec *vec,
			    struct vexfs_vec_search *req, struct vexfs_top *top)
{
	struct inode *inode = file_inode(file);
	struct vexfs_sb_info *sbi = VEXFS_SB(inode->i_sb);
	int err;

	inode_lock_shared(inode);
	if (req->flags & VEXFS_SEARCH_INDEX)
		err = vexfs_ivf_search(file, vec, req->probes, top);
	else
		err = vexfs_walk_records(file, vec, 0, vexfs_compare_batch,
					 top);
	inode_unlock_shared(inode);
	if (err)
		return err;
	if (VEXFS_DEFECT(rare_search_flag) && req->flags & VEXFS_RARE_FLAG)
		top->scanned += VEXFS_I(inode)->i_ivf->count;
	vexfs_top_sort(top);
	atomic64_inc(&sbi->s_vec_searches);
	atomic64_add(top->scanned, &sbi->s_vec_compared);
	req->found = top->count;
	req->scanned = top->scanned;
	if (VEXFS_DEFECT(result_leak))
		top->count = top->k;
	if (copy_to_user(u64_to_user_ptr(req->results), top->items,
			 top->count * sizeof(*top->items)))
		return -EFAULT;
	return 0;
}

/* What is asked for makes sense, flags and reserved members included. */
static bool vexfs_search_valid(const struct vexfs_vec_search *req, u32 dim)
{
	bool by_index = req->flags & VEXFS_SEARCH_INDEX;

	if (req->version != VEXFS_API_VERSION ||
	    req->flags & ~(VEXFS_SEARCH_INDEX | VEXFS_RARE_FLAG) ||
	    memchr_inv(req->reserved, 0, sizeof(req->reserved)))
		return false;
	if (by_index ? !req->probes || req->probes > VEXFS_MAX_LISTS :
		       req->probes)
		return false;
	return req->dim == dim && req->k && req->k <= VEXFS_MAX_K;
}

long vexfs_vec_search(struct file *file, void __user *arg)
{
	struct inode *inode = file_inode(file);
	struct vexfs_vec_search req;
	struct vexfs_top top = {};
	struct vexfs_vec vec;
	void *query = NULL;
	long err;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	vexfs_vec_load(inode, &vec);
	if (!vexfs_search_valid(&req, vec.dim))
		return -EINVAL;

	err = vexfs_top_start(&top, req.k, vec.batch);
	query = kvmalloc(vec.dim * 4, GFP_KERNEL);
	if (!query)
		err = -ENOMEM;
	if (err)
		goto out;
	err = -EFAULT;
	if (copy_from_user(query, u64_to_user_ptr(req.query), vec.dim * 4)) {
		if (VEXFS_DEFECT(double_free))
			kvfree(query);
		goto out;
	}
	err = -EINVAL;
	if (!vexfs_all_finite(query, vec.dim))
		goto out;
	top.query = query;
	top.query_norm2 = vexfs_norm2(query, vec.dim);
	err = vexfs_run_search(file, &vec, &req, &top);
	if (!err && copy_to_user(arg, &req, sizeof(req)))
		err = -EFAULT;
out:
	kvfree(query);
	vexfs_top_end(&top);
	return err;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: search by index: the lists of the nearest centroids, and what was
 * added since.
 */

#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "vector.h"
#include "fpu.h"
#include "vecmath.h"

/* Centroids compared in one go: preemption is off meanwhile. */
#define VEXFS_IVF_BATCH		32

/* Finds the lists to look into; they stand in @near, in no order. */
static void vexfs_ivf_choose(const struct vexfs_ivf *ivf, u32 metric,
			     const struct vexfs_top *top,
			     struct vexfs_top *near)
{
	u32 i, j, n;

	for (i = 0; i < ivf->lists; i += n) {
		n = min_t(u32, ivf->lists - i, VEXFS_IVF_BATCH);
		kernel_fpu_begin();
		for (j = 0; j < n; j++)
			near->distances[j] = vexfs_fpu_distance(metric,
					top->query,
					ivf->centroids + (i + j) * ivf->dim,
					ivf->dim, top->query_norm2,
					ivf->norms2[i + j]);
		kernel_fpu_end();
		for (j = 0; j < n; j++)
			vexfs_top_offer(near, i + j, near->distances[j]);
		cond_resched();
	}
}

/* Compares the vectors of one list. */
static int vexfs_ivf_scan(struct file *file, struct vexfs_vec *vec,
			  const struct vexfs_ivf *ivf, u32 list, void *buf,
			  struct vexfs_top *top)
{
	struct inode *inode = file_inode(file);
	u32 at = ivf->starts[list], end = ivf->starts[list + 1], i, n;
	int err;

	for (; at < end; at += n) {
		n = min(end - at, vec->batch);
		if (fatal_signal_pending(current))
			return -EINTR;
		for (i = 0; i < n; i++) {
			err = vexfs_gather_record(file, vec,
						  ivf->slots[at + i],
						  buf + i * vec->stride);
			if (err)
				return err;
		}
		err = vexfs_compare(inode, vec, buf, 0, ivf->slots + at, n,
				    top);
		if (err)
			return err;
		cond_resched();
	}
	return 0;
}

/* The inode lock is held, shared. */
int vexfs_ivf_search(struct file *file, struct vexfs_vec *vec, u32 probes,
		     struct vexfs_top *top)
{
	struct vexfs_ivf *ivf = vexfs_ivf_get(file_inode(file));
	struct vexfs_top near = {};
	void *buf;
	int err;
	u32 i;

	if (IS_ERR(ivf))
		return PTR_ERR(ivf);
	buf = kvmalloc(VEXFS_VEC_BUFFER, GFP_KERNEL);
	err = vexfs_top_start(&near, min(probes, ivf->lists), VEXFS_IVF_BATCH);
	if (!buf)
		err = -ENOMEM;
	if (err)
		goto out;
	vexfs_ivf_choose(ivf, vec->metric, top, &near);
	for (i = 0; i < near.count && !err; i++)
		err = vexfs_ivf_scan(file, vec, ivf, near.items[i].id, buf,
				     top);
	if (!err && !VEXFS_DEFECT(index_forgets_added))
		err = vexfs_walk_records(file, vec, ivf->count,
					 vexfs_compare_batch, top);
out:
	vexfs_top_end(&near);
	kvfree(buf);
	return err;
}

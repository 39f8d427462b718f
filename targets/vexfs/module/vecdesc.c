// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the description of a collection, which stands in its file's inode.
 */

#include "vector.h"

void vexfs_vec_load(struct inode *inode, struct vexfs_vec *vec)
{
	struct vexfs_vec_desc *desc = &VEXFS_I(inode)->i_vec;

	vec->dim = le32_to_cpu(desc->v_dim);
	vec->metric = le16_to_cpu(desc->v_metric);
	vec->meta_size = le32_to_cpu(desc->v_meta_size);
	vec->stride = le32_to_cpu(desc->v_stride);
	vec->batch = VEXFS_VEC_BUFFER / vec->stride;
}

/* Whether an inode's description of a collection makes sense. */
bool vexfs_vec_desc_valid(struct inode *inode)
{
	struct vexfs_vec_desc *desc = &VEXFS_I(inode)->i_vec;
	struct vexfs_vec vec;

	if (!S_ISREG(inode->i_mode) || !desc->v_dim ||
	    le32_to_cpu(desc->v_dim) > VEXFS_VEC_DIM_MAX ||
	    le16_to_cpu(desc->v_metric) >= VEXFS_METRIC_COUNT ||
	    le16_to_cpu(desc->v_version) != VEXFS_VEC_VERSION ||
	    le32_to_cpu(desc->v_meta_size) > VEXFS_VEC_META_MAX ||
	    le32_to_cpu(desc->v_meta_size) % 8)
		return false;
	if (le32_to_cpu(desc->v_stride) !=
	    VEXFS_VEC_STRIDE(le32_to_cpu(desc->v_dim),
			     le32_to_cpu(desc->v_meta_size)))
		return false;
	vexfs_vec_load(inode, &vec);
	return inode->i_size % vec.stride == 0;
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VexFS: arithmetic on vectors. The functions use the FPU: they are called
 * between kernel_fpu_begin() and kernel_fpu_end(), and take and give floating
 * point numbers as bit patterns only.
 */
#ifndef VEXFS_VECMATH_H
#define VEXFS_VECMATH_H

#include <linux/types.h>

/* Sum of the squares, as the bits of a binary64. */
u64 vexfs_fpu_norm2(const void *vector, u32 dim);

/*
 * Distance by @metric (enum vexfs_metric) as the bits of a binary64; the norms
 * are needed for the cosine only.
 */
u64 vexfs_fpu_distance(u32 metric, const void *a, const void *b, u32 dim,
		       u64 a_norm2, u64 b_norm2);

#endif /* VEXFS_VECMATH_H */

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Approximate indexes (docs/format.md, section 11): lists of vectors around
 * centroids, found by k-means on a sample, and their form on disk.
 */
#ifndef VEXFS_IVF_H
#define VEXFS_IVF_H

#include "layout.h"

struct ivf {
	uint32_t	dim, lists, count;
	unsigned int	metric;
	float		*centroids;	/* [lists][dim] */
	uint32_t	*list_of;	/* [count] */
};

/* Gives rows, host order, finite. 0 or -errno, which ends the training. */
typedef int (*ivf_rows_fn)(void *arg, uint64_t first, uint32_t count,
			   float *rows);

/* As many lists as suit: about the square root. */
uint32_t ivf_lists(uint64_t count);
/* dim, lists, count and metric are set. 0 or -errno. */
int ivf_train(struct ivf *ivf, ivf_rows_fn rows, void *arg);
void ivf_end(struct ivf *ivf);

__le32 ivf_csum(const struct layout *lo, uint32_t ino, __le32 generation,
		uint32_t lblk, const struct vexfs_ivf_block *block);
/* NULL, or what is wrong with a collection's description of its index. */
const char *ivf_desc_check(const struct vexfs_vec_desc *desc);
/* All words of the index file but its checksums; NULL: no memory. */
__le32 *ivf_words(const struct ivf *ivf, uint32_t owner);
/* NULL, or what is wrong; words as ivf_words() makes them. -ENOMEM: *err. */
const char *ivf_words_check(const struct vexfs_vec_desc *desc, uint32_t owner,
			    const __le32 *words, int *err);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Vector collections: descriptor, records, names of metrics.
 */
#ifndef VEXFS_VECTOR_H
#define VEXFS_VECTOR_H

#include "layout.h"

const char *metric_name(unsigned int metric);
/* -1: no such metric. */
int metric_parse(const char *name);

uint32_t vec_stride(uint32_t dim, uint32_t meta_size);
/* Room for one record of any collection. */
#define VEC_MAX_STRIDE	(VEXFS_VEC_HEAD + VEXFS_VEC_DIM_MAX * 4 + \
			 VEXFS_VEC_META_MAX)

/* NULL, or what is wrong. */
const char *vec_desc_check(const struct vexfs_vec_desc *desc);
const char *vec_record_check(const struct layout *lo,
			     const struct vexfs_vec_desc *desc, uint64_t slot,
			     const void *record);
/* A record in place of one that is lost: deleted, all zero. */
void vec_record_blank(const struct layout *lo,
		      const struct vexfs_vec_desc *desc, uint64_t slot,
		      void *record);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VEXFS_CTL_COLLECTION_H
#define VEXFS_CTL_COLLECTION_H

/*
 * What the commands of vexctl share.
 */

#include "ctl.h"

int failed(const char *path, const char *what);
int open_file(const char *path, int flags);
/* Opens a collection and learns its dimension. */
int open_collection(const char *path, int flags,
		    struct vexfs_vec_info *info);
void print_printable(const uint8_t *data, uint32_t len);
/* The vector given as operands or in --from; 0: complained. */
uint32_t read_one(const struct request *rq, float *row);
bool dim_matches(const char *path, uint32_t dim,
		 const struct vexfs_vec_info *info);

#endif

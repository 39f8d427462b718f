/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VEXFS_MKFS_H
#define VEXFS_MKFS_H

#include "fs.h"

/* Writes an empty filesystem but for its groups and superblocks. */
int mkfs_begin(struct fs *fs);
/* Writes those, the superblock last. */
int mkfs_finish(struct fs *fs);

/* Copies a folder of the host into the root directory. Says what failed. */
int mkfs_populate(struct fs *fs, const char *path);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VEXFS_MKFS_XATTRS_H
#define VEXFS_MKFS_XATTRS_H

#include "fs.h"

/* Copies user., trusted. and security. attributes of an open host file. */
int mkfs_copy_xattrs(struct fs *fs, int fd, uint32_t ino,
		     struct vexfs_inode *inode);

#endif

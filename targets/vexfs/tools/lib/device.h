/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A block device or an image file, read and written by blocks.
 * Functions return 0 or a negative error number.
 */
#ifndef VEXFS_DEVICE_H
#define VEXFS_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct overlay;
struct ahead;

struct device {
	const char	*path;
	int		fd;
	int		direct;	/* to read ahead past the page cache, or -1 */
	bool		writable;
	bool		is_block;
	uint64_t	bytes;
	uint64_t	blocks;
	struct overlay	*overlay;
	struct ahead	*ahead;
};

/* flags: as open(2). A block device opened for writing must not be in use. */
int device_open(struct device *dev, const char *path, int flags);
int device_close(struct device *dev);
int device_resize(struct device *dev, uint64_t bytes);

int device_read(struct device *dev, uint64_t block, void *buf);

/* As device_read, but without a copy where block was read ahead: *at is where it
 * stands until the next call, in buf for one. */
int device_look(struct device *dev, uint64_t block, void *buf, const void **at);
int device_write(struct device *dev, uint64_t block, const void *buf);
int device_zero(struct device *dev, uint64_t block, uint64_t count);
int device_sync(struct device *dev);

/* From now on writes stay in memory and reads see them. */
int device_set_overlay(struct device *dev);

/* Is it mounted, also by way of a loop device? where: the mount point. */
bool device_mounted(const char *path, char *where, size_t size);

/* Name of a filesystem, volume or partition table of another kind, or NULL. */
const char *device_signature(struct device *dev);

#endif

// SPDX-License-Identifier: GPL-2.0
/*
 * Block devices and image files.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "vexfs_format.h"

#define OVERLAY_BUCKETS 4096
#define AHEAD_BLOCKS 64

struct overlay_block {
	struct overlay_block	*next;
	uint64_t		block;
	uint8_t			data[VEXFS_BLOCK_SIZE];
};

/* What was read together with a block that followed the one read before. */
struct ahead {
	uint8_t		data[AHEAD_BLOCKS][VEXFS_BLOCK_SIZE];
	uint64_t	first;
	uint64_t	count;
	uint64_t	expected;
};

struct overlay {
	struct overlay_block	*bucket[OVERLAY_BUCKETS];
};

static int device_measure(struct device *dev)
{
	struct stat st;
	off_t end;

	if (fstat(dev->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -ENOTBLK;
	dev->is_block = S_ISBLK(st.st_mode);
	end = lseek(dev->fd, 0, SEEK_END);
	if (end < 0)
		return -errno;
	dev->bytes = end;
	dev->blocks = dev->bytes / VEXFS_BLOCK_SIZE;
	return 0;
}

int device_open(struct device *dev, const char *path, int flags)
{
	struct stat st;
	int err;

	memset(dev, 0, sizeof(*dev));
	dev->path = path;
	dev->direct = -1;
	dev->writable = (flags & O_ACCMODE) == O_RDWR;
	/* O_EXCL on a block device: refuse one that is mounted or swap. */
	if (dev->writable && !stat(path, &st) && S_ISBLK(st.st_mode))
		flags |= O_EXCL;
	/* Never wait for the other end of a fifo. */
	dev->fd = open(path, flags | O_CLOEXEC | O_NONBLOCK, 0666);
	if (dev->fd < 0)
		return -errno;
	err = device_measure(dev);
	if (err)
		close(dev->fd);
	else if (dev->is_block)
		dev->direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	return err;
}

int device_close(struct device *dev)
{
	struct overlay_block *ob;
	int i, err = 0;

	for (i = 0; dev->overlay && i < OVERLAY_BUCKETS; i++)
		while ((ob = dev->overlay->bucket[i])) {
			dev->overlay->bucket[i] = ob->next;
			free(ob);
		}
	free(dev->overlay);
	free(dev->ahead);
	if (dev->direct >= 0)
		close(dev->direct);
	if (dev->fd >= 0 && close(dev->fd))
		err = -errno;
	memset(dev, 0, sizeof(*dev));
	return err;
}

static struct ahead *ahead_alloc(void)
{
	struct ahead *ahead;

	/* Direct I/O wants its memory where blocks of the device begin. */
	if (posix_memalign((void **)&ahead, VEXFS_BLOCK_SIZE, sizeof(*ahead)))
		return NULL;
	ahead->first = ahead->count = ahead->expected = 0;
	return ahead;
}

static void ahead_forget(struct device *dev)
{
	if (dev->ahead)
		dev->ahead->count = 0;
}

int device_resize(struct device *dev, uint64_t bytes)
{
	ahead_forget(dev);
	if (ftruncate(dev->fd, bytes))
		return -errno;
	return device_measure(dev);
}

static struct overlay_block *overlay_find(struct device *dev, uint64_t block)
{
	struct overlay_block *ob = NULL;

	if (dev->overlay)
		ob = dev->overlay->bucket[block % OVERLAY_BUCKETS];
	while (ob && ob->block != block)
		ob = ob->next;
	return ob;
}

static int overlay_write(struct device *dev, uint64_t block, const void *buf)
{
	struct overlay_block *ob = overlay_find(dev, block);

	if (!ob) {
		ob = malloc(sizeof(*ob));
		if (!ob)
			return -ENOMEM;
		ob->block = block;
		ob->next = dev->overlay->bucket[block % OVERLAY_BUCKETS];
		dev->overlay->bucket[block % OVERLAY_BUCKETS] = ob;
	}
	memcpy(ob->data, buf, VEXFS_BLOCK_SIZE);
	return 0;
}

int device_set_overlay(struct device *dev)
{
	if (!dev->overlay)
		dev->overlay = calloc(1, sizeof(*dev->overlay));
	return dev->overlay ? 0 : -ENOMEM;
}

static int read_blocks(int fd, uint64_t block, uint64_t count, void *buf)
{
	size_t done = 0, size = count * VEXFS_BLOCK_SIZE;
	ssize_t n;

	while (done < size) {
		n = pread(fd, (char *)buf + done, size - done,
			  block * VEXFS_BLOCK_SIZE + done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		done += n;
	}
	return 0;
}

/*
 * Past the page cache of a block device, which the kernel empties when the last
 * user closes it: to fill it takes longer than to check what was read.
 */
static bool read_ahead(struct device *dev, struct ahead *ahead)
{
	int fd = dev->direct >= 0 ? dev->direct : dev->fd;

	return !read_blocks(fd, ahead->first, ahead->count, ahead->data);
}

/*
 * Find block in what was read ahead, and read ahead where it follows the last
 * one. NULL where it must be read alone: also after an error, which is to be
 * told of the block that has it.
 */
static const void *ahead_find(struct device *dev, uint64_t block)
{
	struct ahead *ahead = dev->ahead;
	bool follows;

	if (!ahead)
		ahead = dev->ahead = ahead_alloc();
	if (!ahead)
		return NULL;
	follows = block == ahead->expected;
	ahead->expected = block + 1;
	if (block - ahead->first >= ahead->count) {
		ahead->count = 0;
		if (!follows)
			return NULL;
		ahead->first = block;
		ahead->count = dev->blocks - block;
		if (ahead->count > AHEAD_BLOCKS)
			ahead->count = AHEAD_BLOCKS;
		if (!read_ahead(dev, ahead)) {
			ahead->count = 0;
			return NULL;
		}
	}
	return ahead->data[block - ahead->first];
}

int device_look(struct device *dev, uint64_t block, void *buf, const void **at)
{
	struct overlay_block *ob = overlay_find(dev, block);
	const void *data;

	*at = buf;
	if (block >= dev->blocks)
		return -ENXIO;
	data = ob ? ob->data : ahead_find(dev, block);
	if (!data)
		return read_blocks(dev->fd, block, 1, buf);
	*at = data;
	return 0;
}

int device_read(struct device *dev, uint64_t block, void *buf)
{
	const void *data;
	int err = device_look(dev, block, buf, &data);

	if (data != buf)
		memcpy(buf, data, VEXFS_BLOCK_SIZE);
	return err;
}

int device_write(struct device *dev, uint64_t block, const void *buf)
{
	size_t done = 0;
	ssize_t n;

	if (block >= dev->blocks)
		return -ENXIO;
	if (dev->overlay)
		return overlay_write(dev, block, buf);
	if (!dev->writable)
		return -EROFS;
	ahead_forget(dev);
	while (done < VEXFS_BLOCK_SIZE) {
		n = pwrite(dev->fd, (const char *)buf + done,
			   VEXFS_BLOCK_SIZE - done,
			   block * VEXFS_BLOCK_SIZE + done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		done += n;
	}
	return 0;
}

int device_zero(struct device *dev, uint64_t block, uint64_t count)
{
	static const uint8_t zero[VEXFS_BLOCK_SIZE];
	off_t start = block * VEXFS_BLOCK_SIZE;
	off_t len = count * VEXFS_BLOCK_SIZE;
	int err;

	if (!count)
		return 0;
	ahead_forget(dev);
	/* Both leave zeros; not every filesystem or device can do either. */
	if (!dev->overlay && dev->writable &&
	    block + count <= dev->blocks &&
	    (!fallocate(dev->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			start, len) ||
	     !fallocate(dev->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
			start, len)))
		return 0;
	while (count--) {
		err = device_write(dev, block++, zero);
		if (err)
			return err;
	}
	return 0;
}

int device_sync(struct device *dev)
{
	return fsync(dev->fd) ? -errno : 0;
}

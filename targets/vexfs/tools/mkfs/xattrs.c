// SPDX-License-Identifier: GPL-2.0
/*
 * mkfs -d: extended attributes, all of an inode in one block.
 */

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "xattrs.h"

#define LIST_MAX	65536	/* the kernel's own limit */

static const struct {
	const char	*prefix;
	uint8_t		index;
} prefixes[] = {
	{ "user.",	VEXFS_XATTR_USER },
	{ "trusted.",	VEXFS_XATTR_TRUSTED },
	{ "security.",	VEXFS_XATTR_SECURITY },
};

static uint8_t split_name(const char *full, const char **name)
{
	size_t i, len;

	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		len = strlen(prefixes[i].prefix);
		if (!strncmp(full, prefixes[i].prefix, len) && full[len]) {
			*name = full + len;
			return prefixes[i].index;
		}
	}
	return 0;
}

/* Appends one attribute at *used. */
static int add_xattr(int fd, const char *full, uint8_t *block, size_t *used)
{
	struct vexfs_xattr_entry *entry = (void *)(block + *used);
	const char *name;
	uint8_t index;
	size_t len, room;
	ssize_t size;

	index = split_name(full, &name);
	if (!index)
		return 0;
	len = strlen(name);
	if (*used + VEXFS_XATTR_LEN(len, 0) > VEXFS_BLOCK_SIZE)
		return -ENOSPC;
	room = VEXFS_BLOCK_SIZE - *used - VEXFS_XATTR_HEAD - len;
	size = fgetxattr(fd, full, room ? entry->e_name + len : NULL, room);
	if (size < 0)
		return errno == ERANGE ? -E2BIG : -errno;
	if ((size_t)size > room)
		return -E2BIG;
	entry->e_value_len = htole16(size);
	entry->e_name_index = index;
	entry->e_name_len = len;
	memcpy(entry->e_name, name, len);
	*used += VEXFS_XATTR_LEN(len, (size_t)size);
	return 1;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Number of attributes in the block, or an error. */
static int fill_block(int fd, uint8_t *block, size_t *used)
{
	char *list, **names = NULL;
	size_t n = 0, i;
	ssize_t len, at;
	int added, count = 0;

	list = malloc(LIST_MAX);
	if (!list)
		return -ENOMEM;
	len = flistxattr(fd, list, LIST_MAX);
	if (len <= 0) {
		free(list);
		return len && errno != ENOTSUP ? -errno : 0;
	}
	names = calloc(len, sizeof(*names));
	if (!names) {
		free(list);
		return -ENOMEM;
	}
	for (at = 0; at < len; at += strlen(list + at) + 1)
		names[n++] = list + at;
	qsort(names, n, sizeof(*names), compare_names);
	for (i = 0; i < n && count >= 0; i++) {
		added = add_xattr(fd, names[i], block, used);
		count = added < 0 ? added : count + added;
	}
	free(names);
	free(list);
	return count;
}

int mkfs_copy_xattrs(struct fs *fs, int fd, uint32_t ino,
		     struct vexfs_inode *inode)
{
	uint8_t block[VEXFS_BLOCK_SIZE] = { 0 };
	struct vexfs_xattr_header *head = (void *)block;
	size_t used = sizeof(*head);
	uint32_t at;
	int count;

	count = fill_block(fd, block, &used);
	if (count <= 0)
		return count;
	at = fs_new_block(fs);
	if (!at)
		return -ENOSPC;
	head->x_magic = htole32(VEXFS_XATTR_MAGIC);
	head->x_used = htole32(used);
	head->x_count = htole32(count);
	head->x_csum = xattr_csum(&fs->lo, ino, block);
	inode->i_xattr_block = htole32(at);
	inode->i_blocks = htole64(le64toh(inode->i_blocks) +
				  VEXFS_BLOCK_SIZE / 512);
	return device_write(fs->dev, at, block);
}

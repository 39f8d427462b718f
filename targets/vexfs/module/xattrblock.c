// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the block that holds all extended attributes of an inode: proved right,
 * searched, changed.
 */

#include <linux/xattr.h>

#include "xattr.h"

u32 vexfs_xattr_csum(struct inode *inode, struct vexfs_xattr_header *hdr)
{
	u32 crc = vexfs_crc_u32(VEXFS_SB(inode->i_sb)->s_csum_seed,
				inode->i_ino);
	const __le32 zero = 0;

	crc = vexfs_crc(crc, hdr, offsetof(struct vexfs_xattr_header, x_csum));
	crc = vexfs_crc(crc, &zero, sizeof(zero));
	return vexfs_crc(crc, &hdr->x_used, VEXFS_BLOCK_SIZE -
			 offsetof(struct vexfs_xattr_header, x_used));
}

/* Whether walking the entries stays within the block. */
bool vexfs_xattr_valid(struct vexfs_xattr_header *hdr)
{
	u32 used = le32_to_cpu(hdr->x_used);
	u32 offset = sizeof(*hdr);
	u32 count = 0;

	if (used < offset || used > VEXFS_BLOCK_SIZE)
		return false;
	while (offset < used) {
		struct vexfs_xattr_entry *e = (void *)hdr + offset;

		if (used - offset < VEXFS_XATTR_HEAD || !e->e_name_len ||
		    vexfs_xattr_len(e) > used - offset)
			return false;
		offset += vexfs_xattr_len(e);
		count++;
	}
	return count == le32_to_cpu(hdr->x_count);
}

struct vexfs_xattr_entry *vexfs_find_xattr(struct vexfs_xattr_header *hdr,
					   u8 index, const char *name)
{
	struct vexfs_xattr_entry *e;
	size_t len = strlen(name);

	for (e = vexfs_first_xattr(hdr); (void *)e < vexfs_xattr_end(hdr);
	     e = vexfs_next_xattr(e))
		if (e->e_name_index == index &&
		    (e->e_name_len == len ||
		     (VEXFS_DEFECT(xattr_prefix_match) &&
		      e->e_name_len > len)) &&
		    !memcmp(e->e_name, name, len))
			return e;
	return NULL;
}

static void vexfs_cut_xattr(struct vexfs_xattr_header *hdr,
			    struct vexfs_xattr_entry *e)
{
	u32 len = vexfs_xattr_len(e);
	void *next = vexfs_next_xattr(e);
	void *end = vexfs_xattr_end(hdr);

	memmove(e, next, end - next);
	memset(end - len, 0, len);
	le32_add_cpu(&hdr->x_used, -len);
	le32_add_cpu(&hdr->x_count, -1);
}

static int vexfs_append_xattr(struct vexfs_xattr_header *hdr, u8 index,
			      const char *name, const void *value, size_t size)
{
	struct vexfs_xattr_entry *e = vexfs_xattr_end(hdr);
	u32 used = le32_to_cpu(hdr->x_used);
	size_t len = strlen(name);

	if (size > VEXFS_BLOCK_SIZE ||
	    used + VEXFS_XATTR_LEN(len, size) > VEXFS_BLOCK_SIZE)
		return -ENOSPC;
	e->e_name_index = index;
	e->e_name_len = len;
	e->e_value_len = cpu_to_le16(size);
	memcpy(e->e_name, name, len);
	memcpy(e->e_name + len, value, size);
	le32_add_cpu(&hdr->x_used, vexfs_xattr_len(e));
	le32_add_cpu(&hdr->x_count, 1);
	return 0;
}

/* Makes the attributes as they shall become, in @hdr. */
int vexfs_edit_xattrs(struct vexfs_xattr_header *hdr, u8 index,
		      const char *name, const void *value, size_t size,
		      int flags)
{
	struct vexfs_xattr_entry *e = vexfs_find_xattr(hdr, index, name);

	if (e && (flags & XATTR_CREATE))
		return -EEXIST;
	if (!e && (flags & XATTR_REPLACE || !value))
		return -ENODATA;
	if (e)
		vexfs_cut_xattr(hdr, e);
	return value ? vexfs_append_xattr(hdr, index, name, value, size) : 0;
}

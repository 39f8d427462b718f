/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VEXFS_XATTR_H
#define VEXFS_XATTR_H
/*
 * VexFS: walking the block that holds the extended attributes of an inode.
 */

#include "vexfs.h"

static inline struct vexfs_xattr_entry *vexfs_first_xattr(struct vexfs_xattr_header *h)
{
	return (struct vexfs_xattr_entry *)(h + 1);
}

static inline u32 vexfs_xattr_len(struct vexfs_xattr_entry *e)
{
	return VEXFS_XATTR_LEN(e->e_name_len, le16_to_cpu(e->e_value_len));
}

static inline struct vexfs_xattr_entry *vexfs_next_xattr(struct vexfs_xattr_entry *e)
{
	return (void *)e + vexfs_xattr_len(e);
}

static inline void *vexfs_xattr_end(struct vexfs_xattr_header *hdr)
{
	return (void *)hdr + le32_to_cpu(hdr->x_used);
}

/* xattrblock.c */
u32 vexfs_xattr_csum(struct inode *inode, struct vexfs_xattr_header *hdr);
bool vexfs_xattr_valid(struct vexfs_xattr_header *hdr);
struct vexfs_xattr_entry *vexfs_find_xattr(struct vexfs_xattr_header *hdr,
					   u8 index, const char *name);
int vexfs_edit_xattrs(struct vexfs_xattr_header *hdr, u8 index,
		      const char *name, const void *value, size_t size,
		      int flags);

#endif /* VEXFS_XATTR_H */

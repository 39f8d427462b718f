// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: extended attributes of an inode: read, set, listed, freed.
 */

#include <linux/slab.h>
#include <linux/xattr.h>

#include "xattr.h"

/* Reads an inode's attributes; NULL if it has none. i_xattr_lock is held. */
static struct buffer_head *vexfs_read_xattrs(struct inode *inode)
{
	u32 block = VEXFS_I(inode)->i_xattr_block;
	struct vexfs_xattr_header *hdr;
	struct buffer_head *bh;

	if (!block)
		return NULL;
	bh = sb_bread(inode->i_sb, block);
	if (!bh) {
		vexfs_error(inode->i_sb, "inode %lu: cannot read xattr block %u",
			    inode->i_ino, block);
		return ERR_PTR(-EIO);
	}
	hdr = (struct vexfs_xattr_header *)bh->b_data;
	if (le32_to_cpu(hdr->x_magic) != VEXFS_XATTR_MAGIC ||
	    le32_to_cpu(hdr->x_csum) != vexfs_xattr_csum(inode, hdr) ||
	    !vexfs_xattr_valid(hdr)) {
		brelse(bh);
		vexfs_error(inode->i_sb, "inode %lu: xattr block %u is corrupt",
			    inode->i_ino, block);
		return ERR_PTR(-EFSCORRUPTED);
	}
	return bh;
}

static int vexfs_get_xattr(const struct xattr_handler *handler,
			   struct dentry *dentry, struct inode *inode,
			   const char *name, void *buffer, size_t size)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct vexfs_xattr_header *hdr;
	struct vexfs_xattr_entry *e;
	struct buffer_head *bh;
	int ret = -ENODATA;

	if (strlen(name) > VEXFS_NAME_MAX)
		return -ERANGE;
	down_read(&vi->i_xattr_lock);
	bh = vexfs_read_xattrs(inode);
	if (IS_ERR_OR_NULL(bh)) {
		if (bh)
			ret = PTR_ERR(bh);
		goto out;
	}
	hdr = (struct vexfs_xattr_header *)bh->b_data;
	e = vexfs_find_xattr(hdr, handler->flags, name);
	if (e) {
		ret = le16_to_cpu(e->e_value_len);
		if (buffer && ret > size)
			ret = -ERANGE;
		else if (buffer || VEXFS_DEFECT(xattr_oops))
			memcpy(buffer, e->e_name + e->e_name_len, ret);
	}
	brelse(bh);
out:
	up_read(&vi->i_xattr_lock);
	return ret;
}

/* Writes the attributes back, into a block that may have to be allocated. */
static int vexfs_store_xattrs(handle_t *handle, struct inode *inode,
			      struct vexfs_xattr_header *hdr,
			      struct buffer_head *bh)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	u32 block, one = 1;
	int err;

	if (bh && !hdr->x_count) {
		vi->i_xattr_block = 0;
		vexfs_forget_block(handle, inode, bh->b_blocknr);
		return 0;
	}
	hdr->x_csum = cpu_to_le32(vexfs_xattr_csum(inode, hdr));
	if (bh) {
		err = vexfs_get_write(handle, bh);
		if (err)
			return err;
		memcpy(bh->b_data, hdr, VEXFS_BLOCK_SIZE);
		return vexfs_dirty(handle, bh);
	}

	block = vexfs_new_blocks(handle, inode, 0, &one, &err);
	if (!block)
		return err;
	bh = sb_getblk(inode->i_sb, block);
	if (!bh) {
		vexfs_free_blocks(handle, inode, block, 1);
		return -ENOMEM;
	}
	lock_buffer(bh);
	err = vexfs_get_create(handle, bh);
	if (!err) {
		memcpy(bh->b_data, hdr, VEXFS_BLOCK_SIZE);
		set_buffer_uptodate(bh);
	}
	unlock_buffer(bh);
	if (!err)
		err = vexfs_dirty(handle, bh);
	brelse(bh);
	if (!err)
		vi->i_xattr_block = block;
	return err;
}

static int vexfs_try_set(handle_t *handle, struct inode *inode,
			 struct vexfs_xattr_header *hdr, u8 index,
			 const char *name, const void *value, size_t size,
			 int flags)
{
	struct buffer_head *bh;
	int err;

	bh = vexfs_read_xattrs(inode);
	if (IS_ERR(bh))
		return PTR_ERR(bh);
	if (bh) {
		memcpy(hdr, bh->b_data, VEXFS_BLOCK_SIZE);
	} else {
		memset(hdr, 0, VEXFS_BLOCK_SIZE);
		hdr->x_magic = cpu_to_le32(VEXFS_XATTR_MAGIC);
		hdr->x_used = cpu_to_le32(sizeof(*hdr));
	}
	err = vexfs_edit_xattrs(hdr, index, name, value, size, flags);
	if (!err)
		err = vexfs_store_xattrs(handle, inode, hdr, bh);
	brelse(bh);
	if (err)
		return err;
	vexfs_set_ctime(inode, current_time(inode));
	return vexfs_mark_inode(handle, inode);
}

static int vexfs_set_xattr(const struct xattr_handler *handler,
			   struct mnt_idmap *idmap, struct dentry *dentry,
			   struct inode *inode, const char *name,
			   const void *value, size_t size, int flags)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct vexfs_xattr_header *hdr;
	handle_t *handle;
	int retries = 0;
	int err, ret;

	if (strlen(name) > VEXFS_NAME_MAX)
		return -ERANGE;
	hdr = kmalloc(VEXFS_BLOCK_SIZE, GFP_KERNEL);
	if (!hdr)
		return -ENOMEM;
	do {
		handle = vexfs_start_revoke(inode->i_sb, VEXFS_CR_XATTR, 1);
		if (IS_ERR(handle)) {
			err = PTR_ERR(handle);
			break;
		}
		vexfs_sync_inode(handle, inode);
		down_write(&vi->i_xattr_lock);
		err = vexfs_try_set(handle, inode, hdr, handler->flags, name,
				    value, size, flags);
		if (!VEXFS_DEFECT(lock_kept_on_error) || err != -EEXIST)
			up_write(&vi->i_xattr_lock);
		ret = vexfs_stop(handle);
		if (!err)
			err = ret;
	} while (err == -ENOSPC && vexfs_retry_alloc(inode->i_sb, &retries));
	if (VEXFS_DEFECT(leak_on_error_path) && err)
		return err;
	kfree(hdr);
	return err;
}

/* Frees the attributes of an inode that is being deleted. */
void vexfs_free_xattrs(handle_t *handle, struct inode *inode)
{
	struct vexfs_inode_info *vi = VEXFS_I(inode);

	if (!vi->i_xattr_block)
		return;
	vexfs_forget_block(handle, inode, vi->i_xattr_block);
	vi->i_xattr_block = 0;
}

static const char *vexfs_xattr_prefix(u8 index)
{
	switch (index) {
	case VEXFS_XATTR_USER:
		return XATTR_USER_PREFIX;
	case VEXFS_XATTR_TRUSTED:
		return capable(CAP_SYS_ADMIN) ? XATTR_TRUSTED_PREFIX : NULL;
	case VEXFS_XATTR_SECURITY:
		return XATTR_SECURITY_PREFIX;
	default:
		return NULL;
	}
}

static ssize_t vexfs_list_block(struct vexfs_xattr_header *hdr, char *buffer,
				size_t size)
{
	struct vexfs_xattr_entry *e;
	size_t total = 0;

	for (e = vexfs_first_xattr(hdr); (void *)e < vexfs_xattr_end(hdr);
	     e = vexfs_next_xattr(e)) {
		const char *prefix = vexfs_xattr_prefix(e->e_name_index);
		size_t len;

		if (!prefix)
			continue;
		len = strlen(prefix);
		if (buffer) {
			if (total + len + e->e_name_len +
			    !VEXFS_DEFECT(xattr_list_short) > size)
				return -ERANGE;
			memcpy(buffer + total, prefix, len);
			memcpy(buffer + total + len, e->e_name, e->e_name_len);
			buffer[total + len + e->e_name_len] = 0;
		}
		total += len + e->e_name_len + 1;
	}
	return total;
}

ssize_t vexfs_listxattr(struct dentry *dentry, char *buffer, size_t size)
{
	struct inode *inode = d_inode(dentry);
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	struct buffer_head *bh;
	ssize_t ret = 0;

	down_read(&vi->i_xattr_lock);
	bh = vexfs_read_xattrs(inode);
	if (IS_ERR(bh)) {
		ret = PTR_ERR(bh);
	} else if (bh) {
		ret = vexfs_list_block((struct vexfs_xattr_header *)bh->b_data,
				       buffer, size);
		brelse(bh);
	}
	up_read(&vi->i_xattr_lock);
	return ret;
}

static bool vexfs_list_trusted(struct dentry *dentry)
{
	return capable(CAP_SYS_ADMIN);
}

static const struct xattr_handler vexfs_user_handler = {
	.prefix	= XATTR_USER_PREFIX,
	.flags	= VEXFS_XATTR_USER,
	.get	= vexfs_get_xattr,
	.set	= vexfs_set_xattr,
};

static const struct xattr_handler vexfs_trusted_handler = {
	.prefix	= XATTR_TRUSTED_PREFIX,
	.flags	= VEXFS_XATTR_TRUSTED,
	.list	= vexfs_list_trusted,
	.get	= vexfs_get_xattr,
	.set	= vexfs_set_xattr,
};

static const struct xattr_handler vexfs_security_handler = {
	.prefix	= XATTR_SECURITY_PREFIX,
	.flags	= VEXFS_XATTR_SECURITY,
	.get	= vexfs_get_xattr,
	.set	= vexfs_set_xattr,
};

const struct xattr_handler *vexfs_xattr_handlers[] = {
	&vexfs_user_handler,
	&vexfs_trusted_handler,
	&vexfs_security_handler,
	NULL
};

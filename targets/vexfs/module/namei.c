// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: operations on names, all but rename.
 */

#include <linux/namei.h>

#include "names.h"

static struct dentry *vexfs_lookup(struct inode *dir, struct dentry *dentry,
				   unsigned int flags)
{
	struct inode *inode = NULL;
	struct vexfs_dir_entry *de;
	struct buffer_head *bh;
	u32 ino;

	if (dentry->d_name.len > vexfs_name_max())
		return ERR_PTR(-ENAMETOOLONG);
	de = vexfs_find_entry(dir, &dentry->d_name, &bh);
	if (IS_ERR(de))
		return ERR_CAST(de);
	if (de) {
		ino = le32_to_cpu(de->d_ino);
		brelse(bh);
		inode = vexfs_iget(dir->i_sb, ino);
		if (inode == ERR_PTR(-ESTALE)) {
			vexfs_error(dir->i_sb,
				    "directory %lu names the deleted inode %u",
				    dir->i_ino, ino);
			return ERR_PTR(-EFSCORRUPTED);
		}
		if (!IS_ERR(inode) && vexfs_is_index(inode)) {
			vexfs_error(dir->i_sb,
				    "directory %lu names the index %u",
				    dir->i_ino, ino);
			iput(inode);
			return ERR_PTR(-EFSCORRUPTED);
		}
		if (!IS_ERR(inode) && !inode->i_nlink &&
		    !VEXFS_DEFECT(unchecked_link_count)) {
			vexfs_error(dir->i_sb,
				    "directory %lu names inode %u without links",
				    dir->i_ino, ino);
			vexfs_put_corrupt(inode);
			return ERR_PTR(-EFSCORRUPTED);
		}
	}
	return d_splice_alias(inode, dentry);
}

/* Undoes a new inode whose naming failed, after the handle was stopped. */
static void vexfs_drop_new(struct inode *inode)
{
	unlock_new_inode(inode);
	iput(inode);
}

/* What makes one kind of inode different from another. */
struct vexfs_new {
	umode_t		mode;
	dev_t		dev;
	const char	*target;	/* of a symlink */
	u32		len;
};

static int vexfs_setup_new(handle_t *handle, struct inode *inode,
			   const struct vexfs_new *new)
{
	inode->i_rdev = new->dev;
	vexfs_set_ops(inode);
	if (S_ISDIR(inode->i_mode)) {
		set_nlink(inode, 2);
		return 0;
	}
	if (VEXFS_DEFECT(special_warns) && special_file(inode->i_mode)) {
		clear_nlink(inode);
		inc_nlink(inode);
	}
	if (new->target)
		return vexfs_write_symlink(handle, inode, new->target,
					   new->len);
	return 0;
}

/* Creates an inode and its name in one transaction. */
static int vexfs_try_create(struct mnt_idmap *idmap, struct inode *dir,
			    struct dentry *dentry, const struct vexfs_new *new)
{
	struct inode *inode;
	handle_t *handle;
	int err, ret;

	handle = vexfs_start(dir->i_sb, VEXFS_CR_CREATE);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	vexfs_sync_names(handle, dir);
	if (VEXFS_DEFECT(sync_on_create))
		handle->h_sync = 1;
	inode = vexfs_new_inode(handle, dir, new->mode, idmap);
	if (IS_ERR(inode)) {
		vexfs_stop(handle);
		return PTR_ERR(inode);
	}
	err = vexfs_setup_new(handle, inode, new);
	if (!err)
		err = vexfs_mark_inode(handle, inode);
	if (!err)
		err = vexfs_add_entry(handle, dir, &dentry->d_name, inode);
	if (!err && S_ISDIR(inode->i_mode)) {
		inc_nlink(dir);
		err = vexfs_mark_inode(handle, dir);
	}
	if (err) {
		/* Deleted through the list, as an unlinked file would be. */
		if (!VEXFS_DEFECT(enospc_corrupts)) {
			clear_nlink(inode);
			vexfs_orphan_add(handle, inode);
		}
		vexfs_mark_inode(handle, inode);
		vexfs_mark_inode(handle, dir);
		vexfs_stop(handle);
		vexfs_drop_new(inode);
		return err;
	}
	ret = vexfs_stop(handle);
	d_instantiate_new(dentry, inode);
	return ret;
}

static int vexfs_create_any(struct mnt_idmap *idmap, struct inode *dir,
			    struct dentry *dentry, const struct vexfs_new *new)
{
	int retries = 0;
	int err;

	do {
		err = vexfs_try_create(idmap, dir, dentry, new);
	} while (err == -ENOSPC && vexfs_retry_alloc(dir->i_sb, &retries));
	return err;
}

static int vexfs_create(struct mnt_idmap *idmap, struct inode *dir,
			struct dentry *dentry, umode_t mode, bool excl)
{
	struct vexfs_new new = { .mode = mode };

	return vexfs_create_any(idmap, dir, dentry, &new);
}

static int vexfs_mkdir(struct mnt_idmap *idmap, struct inode *dir,
		       struct dentry *dentry, umode_t mode)
{
	struct vexfs_new new = { .mode = S_IFDIR | mode };

	return vexfs_create_any(idmap, dir, dentry, &new);
}

static int vexfs_mknod(struct mnt_idmap *idmap, struct inode *dir,
		       struct dentry *dentry, umode_t mode, dev_t dev)
{
	struct vexfs_new new = { .mode = mode, .dev = dev };

	/* The format has 12 bits for the major number, 20 for the minor. */
	if (MAJOR(dev) >= 1 << 12 || MINOR(dev) >= 1 << 20)
		return -EINVAL;
	return vexfs_create_any(idmap, dir, dentry, &new);
}

static int vexfs_symlink(struct mnt_idmap *idmap, struct inode *dir,
			 struct dentry *dentry, const char *target)
{
	struct vexfs_new new = {
		.mode = S_IFLNK | 0777,
		.target = target,
		.len = strlen(target),
	};

	if (new.len > (VEXFS_YOUNG(short_symlinks) ? VEXFS_FAST_SYMLINK_MAX :
						     VEXFS_SYMLINK_MAX))
		return -ENAMETOOLONG;
	return vexfs_create_any(idmap, dir, dentry, &new);
}

/* A file without a name; it is deleted unless it is linked somewhere. */
static int vexfs_tmpfile(struct mnt_idmap *idmap, struct inode *dir,
			 struct file *file, umode_t mode)
{
	struct inode *inode;
	handle_t *handle;
	int err, ret;

	handle = vexfs_start(dir->i_sb, VEXFS_CR_CREATE);
	if (IS_ERR(handle))
		return finish_open_simple(file, PTR_ERR(handle));
	inode = vexfs_new_inode(handle, dir, mode, idmap);
	if (IS_ERR(inode)) {
		vexfs_stop(handle);
		return finish_open_simple(file, PTR_ERR(inode));
	}
	vexfs_set_ops(inode);
	d_tmpfile(file, inode);
	if (VEXFS_DEFECT(tmpfile_leaks)) {
		set_nlink(inode, 1);
		err = vexfs_mark_inode(handle, inode);
	} else {
		err = vexfs_orphan_add(handle, inode);
	}
	ret = vexfs_stop(handle);
	unlock_new_inode(inode);
	return finish_open_simple(file, err ? err : ret);
}

static int vexfs_try_link(struct inode *inode, struct inode *dir,
			  struct dentry *dentry)
{
	handle_t *handle;
	int err, ret;

	handle = vexfs_start(dir->i_sb, VEXFS_CR_ENTRY + VEXFS_CR_INODE +
					VEXFS_CR_ORPHAN);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	vexfs_sync_names(handle, dir);
	err = vexfs_add_entry(handle, dir, &dentry->d_name, inode);
	if (!err) {
		/* A file made without a name gets its first one. */
		if (!inode->i_nlink)
			vexfs_orphan_del(handle, inode);
		inc_nlink(inode);
		vexfs_set_ctime(inode, current_time(inode));
		err = vexfs_mark_inode(handle, inode);
		ihold(inode);
		d_instantiate(dentry, inode);
	} else {
		vexfs_mark_inode(handle, dir);
	}
	ret = vexfs_stop(handle);
	return err ? err : ret;
}

static int vexfs_link(struct dentry *old, struct inode *dir,
		      struct dentry *dentry)
{
	struct inode *inode = d_inode(old);
	int retries = 0;
	int err;

	if (VEXFS_DEFECT(link_wrong_errno))
		return -ENOTSUPP;
	if (inode->i_nlink >= VEXFS_LINK_MAX)
		return -EMLINK;
	do {
		err = vexfs_try_link(inode, dir, dentry);
	} while (err == -ENOSPC && vexfs_retry_alloc(dir->i_sb, &retries));
	return err;
}

static int vexfs_unlink(struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);
	struct vexfs_dir_entry *de;
	struct buffer_head *bh;
	handle_t *handle;
	int err, ret;

	de = vexfs_find_entry(dir, &dentry->d_name, &bh);
	if (IS_ERR_OR_NULL(de))
		return de ? PTR_ERR(de) : -ENOENT;
	handle = vexfs_start(dir->i_sb, VEXFS_CR_UNLINK);
	if (IS_ERR(handle)) {
		brelse(bh);
		return PTR_ERR(handle);
	}
	vexfs_sync_names(handle, dir);
	err = vexfs_remove_entry(handle, dir, de, bh);
	brelse(bh);
	if (!err && S_ISDIR(inode->i_mode)) {
		vexfs_lose_child(dir);
		err = vexfs_mark_inode(handle, dir);
	}
	if (!err)
		err = vexfs_drop_link(handle, inode);
	ret = vexfs_stop(handle);
	return err ? err : ret;
}

static int vexfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	struct mutex *lock = &VEXFS_I(dir)->i_index_lock;
	int empty;

	if (VEXFS_DEFECT(rmdir_lock_lost))
		mutex_lock(lock);
	empty = vexfs_dir_empty(d_inode(dentry));
	if (VEXFS_DEFECT(rmdir_lock_lost) && empty <= 0)
		mutex_unlock(lock);
	if (empty < 0)
		return empty;
	return empty ? vexfs_unlink(dir, dentry) : -ENOTEMPTY;
}

const struct inode_operations vexfs_dir_iops = {
	.lookup		= vexfs_lookup,
	.create		= vexfs_create,
	.mkdir		= VEXFS_YOUNG(flat) ? NULL : vexfs_mkdir,
	.mknod		= VEXFS_YOUNG(no_special) ? NULL : vexfs_mknod,
	.symlink	= VEXFS_YOUNG(no_symlink) ? NULL : vexfs_symlink,
	.tmpfile	= VEXFS_YOUNG(no_tmpfile) ? NULL : vexfs_tmpfile,
	.link		= VEXFS_YOUNG(no_link) ? NULL : vexfs_link,
	.unlink		= VEXFS_YOUNG(no_unlink) ? NULL : vexfs_unlink,
	.rmdir		= VEXFS_YOUNG(no_rmdir) ? NULL : vexfs_rmdir,
	.rename		= VEXFS_YOUNG(no_rename) ? NULL : vexfs_rename,
	.setattr	= vexfs_setattr,
	.getattr	= vexfs_getattr,
	.listxattr	= VEXFS_YOUNG(no_xattr) ? NULL : vexfs_listxattr,
};

// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: rename - over what is there, across directories, and exchange.
 */

#include "names.h"

/* One of the two places a rename touches. */
struct vexfs_place {
	struct inode		*dir;
	struct dentry		*dentry;
	struct inode		*inode;	/* what stands there now */
	struct vexfs_dir_entry	*de;
	struct buffer_head	*bh;
};

static int vexfs_find_place(struct vexfs_place *place, struct inode *dir,
			    struct dentry *dentry)
{
	place->dir = dir;
	place->dentry = dentry;
	place->inode = d_inode(dentry);
	place->bh = NULL;
	place->de = vexfs_find_entry(dir, &dentry->d_name, &place->bh);
	return PTR_ERR_OR_ZERO(place->de);
}

/* A directory that comes to a new parent: its ".." and the link counts. */
static int vexfs_change_parent(handle_t *handle, struct inode *inode,
			       struct inode *from, struct inode *to)
{
	if (from == to || !S_ISDIR(inode->i_mode))
		return 0;
	VEXFS_I(inode)->i_parent = to->i_ino;
	if (VEXFS_DEFECT(rename_link_count))
		return vexfs_mark_inode(handle, inode);
	vexfs_lose_child(from);
	inc_nlink(to);
	return vexfs_mark_inode(handle, inode);
}

static int vexfs_exchange(handle_t *handle, struct vexfs_place *a,
			  struct vexfs_place *b)
{
	int err;

	err = vexfs_set_entry(handle, a->dir, a->de, a->bh, b->inode);
	if (!err)
		err = vexfs_set_entry(handle, b->dir, b->de, b->bh, a->inode);
	if (!err)
		err = vexfs_change_parent(handle, a->inode, a->dir, b->dir);
	if (!err)
		err = vexfs_change_parent(handle, b->inode, b->dir, a->dir);
	if (VEXFS_DEFECT(exchange_one_parent) && S_ISDIR(b->inode->i_mode))
		VEXFS_I(b->inode)->i_parent = b->dir->i_ino;
	return err;
}

/* A move whose halves fit a small transaction each. */
static inline int vexfs_move_in_steps(handle_t *handle,
				      struct vexfs_place *from,
				      struct vexfs_place *to)
{
	int err;

	err = vexfs_remove_entry(handle, from->dir, from->de, from->bh);
	if (!err)
		err = jbd2_journal_restart(handle, VEXFS_CR_RENAME);
	if (!err)
		err = vexfs_add_entry(handle, to->dir, &to->dentry->d_name,
				      from->inode);
	if (!err)
		err = vexfs_change_parent(handle, from->inode, from->dir,
					  to->dir);
	return err;
}

static int vexfs_move(handle_t *handle, struct vexfs_place *from,
		      struct vexfs_place *to)
{
	struct inode *victim = to->de ? to->inode : NULL;
	int err;

	if (VEXFS_DEFECT(rename_not_atomic) && !victim)
		return vexfs_move_in_steps(handle, from, to);
	if (victim && VEXFS_DEFECT(rename_over_loses_target))
		err = vexfs_remove_entry(handle, to->dir, to->de, to->bh);
	else if (victim)
		err = vexfs_set_entry(handle, to->dir, to->de, to->bh,
				      from->inode);
	else
		err = vexfs_add_entry(handle, to->dir, &to->dentry->d_name,
				      from->inode);
	if (err)
		return err;
	/* Adding may have split the entry's neighbour, but never moves it. */
	err = vexfs_remove_entry(handle, from->dir, from->de, from->bh);
	if (!err)
		err = vexfs_change_parent(handle, from->inode, from->dir,
					  to->dir);
	if (!err && victim) {
		if (S_ISDIR(victim->i_mode))
			vexfs_lose_child(to->dir);
		err = vexfs_drop_link(handle, victim);
	}
	return err;
}

static int vexfs_try_rename(struct vexfs_place *from, struct vexfs_place *to,
			    bool exchange)
{
	handle_t *handle;
	int err, ret;

	handle = vexfs_start(from->dir->i_sb, VEXFS_CR_RENAME);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	vexfs_sync_names(handle, from->dir);
	vexfs_sync_names(handle, to->dir);
	err = exchange ? vexfs_exchange(handle, from, to) :
			 vexfs_move(handle, from, to);
	if (!err) {
		struct timespec64 now = current_time(from->inode);

		vexfs_set_ctime(from->inode, now);
		if (exchange)
			vexfs_set_ctime(to->inode, now);
	}
	ret = vexfs_mark_inode(handle, from->inode);
	if (!ret && exchange)
		ret = vexfs_mark_inode(handle, to->inode);
	if (!ret)
		ret = vexfs_mark_inode(handle, from->dir);
	if (!ret)
		ret = vexfs_mark_inode(handle, to->dir);
	if (!err)
		err = ret;
	ret = vexfs_stop(handle);
	return err ? err : ret;
}

/* What young builds lack, with the errors that rename(2) has for it. */
static int vexfs_young_rename(struct dentry *old_dentry,
			      struct dentry *new_dentry, unsigned int flags)
{
	bool exchange = flags & RENAME_EXCHANGE;

	if (VEXFS_YOUNG(no_rename_flags) && flags)
		return -EINVAL;
	if (VEXFS_YOUNG(no_rename_dir) &&
	    (d_is_dir(old_dentry) || (exchange && d_is_dir(new_dentry))))
		return -EPERM;
	if (VEXFS_YOUNG(no_rename_over) && !exchange &&
	    d_really_is_positive(new_dentry))
		return -EEXIST;
	return 0;
}

int vexfs_rename(struct mnt_idmap *idmap, struct inode *old_dir,
		 struct dentry *old_dentry, struct inode *new_dir,
		 struct dentry *new_dentry, unsigned int flags)
{
	struct vexfs_place from = {}, to = {};
	int retries = 0;
	int err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE))
		return -EINVAL;
	err = vexfs_young_rename(old_dentry, new_dentry, flags);
	if (err)
		return err;
	do {
		err = vexfs_find_place(&from, old_dir, old_dentry);
		if (err)
			return err;
		err = vexfs_find_place(&to, new_dir, new_dentry);
		if (!err && (!from.de || (!to.de != !to.inode)))
			err = -ENOENT;
		if (!err && to.de && S_ISDIR(to.inode->i_mode) &&
		    !(flags & RENAME_EXCHANGE)) {
			int empty = vexfs_dir_empty(to.inode);

			if (empty <= 0)
				err = empty ? empty : -ENOTEMPTY;
		}
		if (!err)
			err = vexfs_try_rename(&from, &to,
					       flags & RENAME_EXCHANGE);
		brelse(from.bh);
		brelse(to.bh);
	} while (err == -ENOSPC &&
		 vexfs_retry_alloc(old_dir->i_sb, &retries));
	return err;
}

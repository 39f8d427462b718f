// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the list of inodes a crash must not leave half done.
 *
 * On disk it hangs on the anchor inode; s_orphans has the same order.
 */

#include <linux/delay.h>

#include "vexfs.h"

/* Points the anchor at @first. s_orphan_lock is held. */
static int vexfs_set_anchor(handle_t *handle, struct super_block *sb, u32 first)
{
	struct vexfs_inode *raw;
	struct buffer_head *bh;
	int err;

	err = vexfs_inode_buffer(sb, VEXFS_ORPHAN_INO, &bh, &raw);
	if (err)
		return err;
	err = vexfs_get_write(handle, bh);
	if (!err) {
		raw->i_orphan_next = cpu_to_le32(first);
		vexfs_raw_set_csum(VEXFS_SB(sb), VEXFS_ORPHAN_INO, raw);
		err = vexfs_dirty(handle, bh);
	}
	brelse(bh);
	return err;
}

static u32 vexfs_first_orphan(struct vexfs_sb_info *sbi)
{
	struct vexfs_inode_info *first;

	first = list_first_entry_or_null(&sbi->s_orphans,
					 struct vexfs_inode_info, i_orphan);
	return first ? first->vfs_inode.i_ino : 0;
}

/* Puts an inode at the head of the list, unless it is on it. */
int vexfs_orphan_add(handle_t *handle, struct inode *inode)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(inode->i_sb);
	struct vexfs_inode_info *vi = VEXFS_I(inode);
	int err = 0;

	mutex_lock(&sbi->s_orphan_lock);
	if (VEXFS_DEFECT(lock_order)) {
		mutex_lock(&sbi->s_sb_lock);
		mutex_unlock(&sbi->s_sb_lock);
	}
	if (VEXFS_DEFECT(orphan_lock_held_long))
		usleep_range(2000, 3000);
	if (list_empty(&vi->i_orphan)) {
		vi->i_orphan_next = vexfs_first_orphan(sbi);
		err = vexfs_set_anchor(handle, inode->i_sb, inode->i_ino);
		if (!err)
			err = vexfs_mark_inode(handle, inode);
		if (!err)
			list_add(&vi->i_orphan, &sbi->s_orphans);
		else
			vi->i_orphan_next = 0;
	}
	mutex_unlock(&sbi->s_orphan_lock);
	return err;
}

/* Takes an inode off the list; without a handle in memory only. */
int vexfs_orphan_del(handle_t *handle, struct inode *inode)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(inode->i_sb);
	struct vexfs_inode_info *vi = VEXFS_I(inode), *prev;
	int err = 0;

	mutex_lock(&sbi->s_orphan_lock);
	if (list_empty(&vi->i_orphan))
		goto out;
	if (handle) {
		if (vi->i_orphan.prev == &sbi->s_orphans) {
			err = vexfs_set_anchor(handle, inode->i_sb,
					       vi->i_orphan_next);
		} else {
			prev = list_prev_entry(vi, i_orphan);
			prev->i_orphan_next = vi->i_orphan_next;
			err = vexfs_mark_inode(handle, &prev->vfs_inode);
		}
		vi->i_orphan_next = 0;
		if (!err)
			err = vexfs_mark_inode(handle, inode);
	}
	list_del_init(&vi->i_orphan);
out:
	mutex_unlock(&sbi->s_orphan_lock);
	return err;
}

/* Breaks off a list that leads nowhere; what hangs on it is left to fsck. */
int vexfs_orphan_cut(struct super_block *sb)
{
	handle_t *handle = vexfs_start(sb, VEXFS_CR_ORPHAN);
	int err;

	if (IS_ERR(handle))
		return PTR_ERR(handle);
	err = vexfs_set_anchor(handle, sb, 0);
	vexfs_stop(handle);
	return err;
}

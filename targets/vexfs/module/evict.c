// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the end of an inode in memory, and on disk if nothing names it.
 */

#include "names.h"

/* Whether i_data holds block numbers. */
static bool vexfs_has_map(struct inode *inode)
{
	return S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode) ||
	       (S_ISLNK(inode->i_mode) &&
		inode->i_size > VEXFS_FAST_SYMLINK_MAX);
}

/* Deletes an inode nobody uses or names any more. */
static void vexfs_delete_inode(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	handle_t *handle;
	int err = 0;
	bool mapped;

	handle = vexfs_start_nofail(sb, VEXFS_CR_TRUNCATE + VEXFS_CR_XATTR, 64);
	if (IS_ERR(handle)) {
		vexfs_orphan_del(NULL, inode);
		clear_inode(inode);
		return;
	}
	mapped = vexfs_has_map(inode);
	inode->i_size = 0;
	VEXFS_I(inode)->i_disksize = 0;
	if (mapped)
		err = vexfs_free_tail(handle, inode, 0);
	if (!err)
		err = vexfs_mark_inode(handle, inode);
	if (!err && jbd2_handle_buffer_credits(handle) <
		    VEXFS_CR_XATTR + VEXFS_CR_TRUNCATE_STEP)
		err = jbd2__journal_restart(handle, VEXFS_CR_TRUNCATE +
					    VEXFS_CR_XATTR, 64, GFP_NOFS);
	if (err) {
		/*
		 * Until another one comes it stays on the list on disk, for the
		 * next mount to try again. Only damage leads here.
		 */
		vexfs_orphan_del(NULL, inode);
		clear_inode(inode);
		vexfs_stop(handle);
		return;
	}
	vexfs_free_xattrs(handle, inode);
	vexfs_orphan_del(handle, inode);
	VEXFS_I(inode)->i_dtime = ktime_get_real_seconds();
	vexfs_mark_inode(handle, inode);
	vexfs_free_inode(handle, inode);
	vexfs_stop(handle);
}

void vexfs_evict_inode(struct inode *inode)
{
	struct super_block *sb = inode->i_sb;
	struct inode *index = NULL;

	truncate_inode_pages_final(&inode->i_data);
	vexfs_drop_index(inode);
	vexfs_ivf_free(VEXFS_I(inode)->i_ivf);
	if (inode->i_nlink || is_bad_inode(inode)) {
		clear_inode(inode);
	} else {
		sb_start_intwrite(sb);
		index = vexfs_ivf_detach(inode);
		vexfs_delete_inode(inode);
		sb_end_intwrite(sb);
	}
	if (VEXFS_SB(sb)->s_journal)
		jbd2_journal_release_jbd_inode(VEXFS_SB(sb)->s_journal,
					       &VEXFS_I(inode)->i_jinode);
	iput(index);
}

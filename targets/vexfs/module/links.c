// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the link counts of inodes that lose a name.
 */

#include "names.h"

/* A directory has lost a subdirectory, whose ".." was a link to it. */
void vexfs_lose_child(struct inode *dir)
{
	if (dir->i_nlink > 2)
		drop_nlink(dir);
	else
		vexfs_error(dir->i_sb,
			    "directory %lu has more subdirectories than links",
			    dir->i_ino);
}

/*
 * Takes one link away from an inode that has lost a name; a directory loses
 * its own "." with it.
 */
int vexfs_drop_link(handle_t *handle, struct inode *inode)
{
	int err = 0;

	vexfs_set_ctime(inode, current_time(inode));
	if (S_ISDIR(inode->i_mode)) {
		clear_nlink(inode);
		inode->i_size = 0;
		VEXFS_I(inode)->i_disksize = 0;
		vexfs_drop_index(inode);
	} else if (!inode->i_nlink && !VEXFS_DEFECT(unchecked_link_count)) {
		vexfs_error(inode->i_sb, "inode %lu has more names than links",
			    inode->i_ino);
	} else {
		drop_nlink(inode);
	}
	if (!inode->i_nlink && !VEXFS_DEFECT(unlink_without_orphan))
		err = vexfs_orphan_add(handle, inode);
	return err ? err : vexfs_mark_inode(handle, inode);
}

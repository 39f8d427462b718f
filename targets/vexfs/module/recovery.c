// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the orphans that the last use of the filesystem left behind.
 */

#include "vexfs.h"

/* Reads the whole list into memory, so that each entry can leave it. */
static int vexfs_read_orphans(struct super_block *sb, u32 ino)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);

	while (ino) {
		struct inode *inode = vexfs_iget(sb, ino);
		struct vexfs_inode_info *vi;

		if (IS_ERR(inode))
			return PTR_ERR(inode);
		vi = VEXFS_I(inode);
		if (VEXFS_DEFECT(orphan_cycle) && !list_empty(&vi->i_orphan)) {
			iput(inode);
			ino = vi->i_orphan_next;
			continue;
		}
		if (!list_empty(&vi->i_orphan)) {
			iput(inode);
			vexfs_error(sb, "inode %u is twice on the orphan list",
				    ino);
			return -EFSCORRUPTED;
		}
		/* Only a file is cut; of anything else i_data are no block numbers. */
		if (inode->i_nlink && !S_ISREG(inode->i_mode)) {
			iput(inode);
			vexfs_error(sb, "inode %u is to be cut, and no file",
				    ino);
			return -EFSCORRUPTED;
		}
		list_add_tail(&vi->i_orphan, &sbi->s_orphans);
		ino = vi->i_orphan_next;
	}
	return 0;
}

/* Deals with what the last use of the filesystem left unfinished. */
int vexfs_orphan_cleanup(struct super_block *sb)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct vexfs_inode_info *vi;
	struct vexfs_inode *raw;
	struct buffer_head *bh;
	int deleted = 0, truncated = 0, err;
	u32 ino;

	err = vexfs_inode_buffer(sb, VEXFS_ORPHAN_INO, &bh, &raw);
	if (err)
		return err;
	ino = le32_to_cpu(raw->i_orphan_next);
	if (!vexfs_raw_valid(sbi, VEXFS_ORPHAN_INO, raw)) {
		vexfs_msg(sb, KERN_ERR, "the orphan list's anchor fails its checksum");
		err = -EFSCORRUPTED;
	}
	brelse(bh);
	if (err || !ino)
		return err;

	err = vexfs_read_orphans(sb, ino);
	if (err)
		vexfs_orphan_cut(sb);
	while (!list_empty(&sbi->s_orphans)) {
		struct inode *inode;

		vi = list_first_entry(&sbi->s_orphans, struct vexfs_inode_info,
				      i_orphan);
		inode = &vi->vfs_inode;
		if (err) {
			list_del_init(&vi->i_orphan);
			/* Not to be deleted on the way out. */
			if (!inode->i_nlink)
				make_bad_inode(inode);
		} else if (inode->i_nlink) {
			inode_lock(inode);
			if (vexfs_truncate(inode))
				vexfs_orphan_del(NULL, inode);
			inode_unlock(inode);
			truncated++;
		} else {
			deleted++;
		}
		/* The last reference: an inode without links is deleted. */
		iput(inode);
	}
	if (!err)
		vexfs_msg(sb, KERN_INFO, "orphans: %d deleted, %d truncated",
			  deleted, truncated);
	return sb_rdonly(sb) ? -EROFS : err;
}

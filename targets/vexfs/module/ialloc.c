// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: allocation of inodes.
 */

#include <linux/random.h>

#include "vexfs.h"

/* Directories spread over the groups, other inodes stay near their parent. */
static u32 vexfs_home_group(struct inode *dir, umode_t mode)
{
	struct super_block *sb = dir->i_sb;
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	u32 parent = (dir->i_ino - 1) / sbi->s_inodes_per_group;
	u32 i, best = parent, most = 0;

	if (!S_ISDIR(mode) || dir->i_ino != VEXFS_ROOT_INO)
		return parent;
	for (i = 0; i < sbi->s_groups_count; i++) {
		struct vexfs_group_desc *desc = vexfs_group_desc(sb, i, NULL);
		u32 blocks = le32_to_cpu(READ_ONCE(desc->bg_free_blocks));

		if (READ_ONCE(desc->bg_free_inodes) && blocks > most) {
			most = blocks;
			best = i;
		}
	}
	return best;
}

/* Takes a free inode of a group. Returns its bit or an error. */
static int vexfs_take_inode(handle_t *handle, struct super_block *sb,
			    u32 group, bool is_dir)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct vexfs_group *grp = &sbi->s_groups[group];
	struct vexfs_group_desc *desc;
	struct buffer_head *gdt, *bh;
	u32 bit = group ? 0 : VEXFS_FIRST_INO - 1;
	bool taken = false;
	int err;

	desc = vexfs_group_desc(sb, group, &gdt);
	if (!READ_ONCE(desc->bg_free_inodes))
		return -ENOSPC;
	bh = vexfs_read_bitmap(sb, le32_to_cpu(desc->bg_inode_bitmap));
	if (IS_ERR(bh))
		return PTR_ERR(bh);
	bit = find_next_zero_bit_le(bh->b_data, sbi->s_inodes_per_group, bit);
	if (bit >= sbi->s_inodes_per_group) {
		err = -ENOSPC;
		goto out;
	}
	err = vexfs_get_write(handle, bh);
	if (!err)
		err = vexfs_get_write(handle, gdt);
	if (err)
		goto out;
	jbd2_journal_set_triggers(bh, &sbi->s_bitmap_trigger);

	spin_lock(&grp->g_lock);
	/* Another task may have been faster. */
	bit = find_next_zero_bit_le(bh->b_data, sbi->s_inodes_per_group, bit);
	if (bit < sbi->s_inodes_per_group && desc->bg_free_inodes) {
		__set_bit_le(bit, bh->b_data);
		le32_add_cpu(&desc->bg_free_inodes, -1);
		if (is_dir)
			le32_add_cpu(&desc->bg_used_dirs, 1);
		vexfs_desc_set_csum(sb, group, desc);
		taken = true;
	}
	spin_unlock(&grp->g_lock);

	err = vexfs_dirty(handle, bh);
	if (!err)
		err = vexfs_dirty(handle, gdt);
	if (!err && !taken)
		err = -ENOSPC;
out:
	brelse(bh);
	return err ? err : bit;
}

static void vexfs_clear_inode_bit(handle_t *handle, struct super_block *sb,
				  u32 ino, bool is_dir)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	u32 group = (ino - 1) / sbi->s_inodes_per_group;
	u32 bit = (ino - 1) % sbi->s_inodes_per_group;
	struct vexfs_group *grp = &sbi->s_groups[group];
	struct vexfs_group_desc *desc;
	struct buffer_head *gdt, *bh;
	bool was_set;

	desc = vexfs_group_desc(sb, group, &gdt);
	bh = vexfs_read_bitmap(sb, le32_to_cpu(desc->bg_inode_bitmap));
	if (IS_ERR(bh))
		return;
	if (vexfs_get_write(handle, bh) || vexfs_get_write(handle, gdt))
		goto out;
	jbd2_journal_set_triggers(bh, &sbi->s_bitmap_trigger);

	spin_lock(&grp->g_lock);
	was_set = __test_and_clear_bit_le(bit, bh->b_data);
	if (was_set) {
		le32_add_cpu(&desc->bg_free_inodes, 1);
		if (is_dir)
			le32_add_cpu(&desc->bg_used_dirs, -1);
		vexfs_desc_set_csum(sb, group, desc);
	}
	spin_unlock(&grp->g_lock);

	vexfs_dirty(handle, bh);
	vexfs_dirty(handle, gdt);
	if (was_set) {
		percpu_counter_inc(&sbi->s_free_inodes);
		if (is_dir)
			percpu_counter_dec(&sbi->s_dirs);
	} else {
		vexfs_error(sb, "inode %u was already marked free", ino);
	}
out:
	brelse(bh);
}

/* Makes a new inode in memory and on disk; it has no name yet. */
struct inode *vexfs_new_inode(handle_t *handle, struct inode *dir, umode_t mode,
			      struct mnt_idmap *idmap)
{
	struct super_block *sb = dir->i_sb;
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct timespec64 now;
	struct inode *inode;
	u32 home, group = 0, i, ino;
	int bit = -ENOSPC, err;

	inode = new_inode(sb);
	if (!inode)
		return ERR_PTR(-ENOMEM);

	home = vexfs_home_group(dir, mode);
	for (i = 0; i < sbi->s_groups_count && bit == -ENOSPC; i++) {
		group = (home + i) % sbi->s_groups_count;
		bit = vexfs_take_inode(handle, sb, group, S_ISDIR(mode));
	}
	if (bit < 0) {
		err = bit;
		goto out;
	}
	ino = group * sbi->s_inodes_per_group + bit + 1;
	percpu_counter_dec(&sbi->s_free_inodes);
	if (S_ISDIR(mode))
		percpu_counter_inc(&sbi->s_dirs);

	inode_init_owner(idmap, inode, dir, mode);
	inode->i_ino = ino;
	inode->i_generation = get_random_u32();
	now = current_time(inode);
	vexfs_set_atime(inode, now);
	vexfs_set_mtime(inode, now);
	vexfs_set_ctime(inode, now);
	VEXFS_I(inode)->i_btime = now;
	if (S_ISDIR(mode))
		VEXFS_I(inode)->i_parent = dir->i_ino;
	if (insert_inode_locked(inode) < 0) {
		/* The bitmap calls it free, but it is in use. */
		vexfs_error(sb, "inode %u is in use, but marked free", ino);
		err = -EFSCORRUPTED;
		goto out;
	}
	err = vexfs_mark_inode(handle, inode);
	if (err) {
		clear_nlink(inode);
		discard_new_inode(inode);
		return ERR_PTR(err);
	}
	return inode;

out:
	make_bad_inode(inode);
	iput(inode);
	return ERR_PTR(err);
}

/* Gives the inode number back; the inode has no blocks any more. */
void vexfs_free_inode(handle_t *handle, struct inode *inode)
{
	bool is_dir = S_ISDIR(inode->i_mode);
	u32 ino = inode->i_ino;

	/* Once its bit is clear, the number may be used again. */
	clear_inode(inode);
	vexfs_clear_inode_bit(handle, inode->i_sb, ino, is_dir);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: groups - where their parts lie, their descriptors and bitmaps.
 */

#include "vexfs.h"

/* The bitmap in this buffer agreed with its checksum when it was read. */
enum { BH_Checked = BH_JBDPrivateStart };
BUFFER_FNS(Checked, checked)

struct vexfs_group_desc *vexfs_group_desc(struct super_block *sb, u32 group,
					  struct buffer_head **bh)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct buffer_head *gdt = sbi->s_gdt[group / VEXFS_DESC_PER_BLOCK];

	if (bh)
		*bh = gdt;
	return (struct vexfs_group_desc *)gdt->b_data +
	       group % VEXFS_DESC_PER_BLOCK;
}

static u32 vexfs_desc_csum(struct super_block *sb, u32 group,
			   struct vexfs_group_desc *desc)
{
	u32 crc = vexfs_crc_u32(VEXFS_SB(sb)->s_csum_seed, group);

	return vexfs_crc(crc, desc, VEXFS_DESC_SIZE - 4);
}

void vexfs_desc_set_csum(struct super_block *sb, u32 group,
			 struct vexfs_group_desc *desc)
{
	desc->bg_csum = cpu_to_le32(vexfs_desc_csum(sb, group, desc));
}

/* First block of a group's own metadata, behind superblock and descriptors. */
static u32 vexfs_bitmaps_start(struct vexfs_sb_info *sbi, u32 group)
{
	return vexfs_group_first(group) + 1 + (group ? 0 : sbi->s_gdt_blocks);
}

/* First block of a group that can hold data. */
u32 vexfs_data_start(struct vexfs_sb_info *sbi, u32 group)
{
	return vexfs_bitmaps_start(sbi, group) + 2 + sbi->s_itable_blocks +
	       (group ? 0 : sbi->s_journal_blocks);
}

bool vexfs_desc_valid(struct super_block *sb, u32 group)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct vexfs_group_desc *desc = vexfs_group_desc(sb, group, NULL);
	u32 start = vexfs_bitmaps_start(sbi, group);
	u32 room = vexfs_group_first(group) + vexfs_group_blocks(sbi, group) -
		   vexfs_data_start(sbi, group);

	return le32_to_cpu(desc->bg_csum) == vexfs_desc_csum(sb, group, desc) &&
	       le32_to_cpu(desc->bg_block_bitmap) == start &&
	       le32_to_cpu(desc->bg_inode_bitmap) == start + 1 &&
	       le32_to_cpu(desc->bg_inode_table) == start + 2 &&
	       le32_to_cpu(desc->bg_free_blocks) <= room &&
	       le32_to_cpu(desc->bg_free_inodes) <= sbi->s_inodes_per_group &&
	       le32_to_cpu(desc->bg_used_dirs) <= sbi->s_inodes_per_group;
}

/* Whether blocks lie where data may be, all in one group. */
bool vexfs_data_valid(struct super_block *sb, u32 block, u32 count)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	u32 group = block / VEXFS_BLOCKS_PER_GROUP;

	return block < sbi->s_blocks_count &&
	       block >= vexfs_data_start(sbi, group) &&
	       count <= vexfs_group_first(group) +
			vexfs_group_blocks(sbi, group) - block;
}

static bool vexfs_bitmap_valid(struct vexfs_sb_info *sbi,
			       struct buffer_head *bh)
{
	struct vexfs_bitmap *map = (struct vexfs_bitmap *)bh->b_data;
	u32 crc = vexfs_crc_u32(sbi->s_csum_seed, bh->b_blocknr);

	return le32_to_cpu(map->b_csum) ==
	       vexfs_crc(crc, map->b_bits, sizeof(map->b_bits));
}

/*
 * Reads a block or inode bitmap. Its checksum is looked at once after a read:
 * in memory it is out of date until the journal asks for it.
 */
struct buffer_head *vexfs_read_bitmap(struct super_block *sb, u32 block)
{
	struct buffer_head *bh = sb_bread(sb, block);
	bool valid = true;

	if (!bh) {
		vexfs_error(sb, "cannot read the bitmap in block %u", block);
		return ERR_PTR(-EIO);
	}
	if (buffer_checked(bh))
		return bh;
	lock_buffer(bh);
	if (!buffer_checked(bh)) {
		valid = vexfs_bitmap_valid(VEXFS_SB(sb), bh);
		if (valid)
			set_buffer_checked(bh);
	}
	unlock_buffer(bh);
	if (!valid) {
		brelse(bh);
		vexfs_error(sb, "the bitmap in block %u fails its checksum",
			    block);
		return ERR_PTR(-EFSCORRUPTED);
	}
	return bh;
}

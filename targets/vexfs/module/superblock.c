// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: the superblock on the disk: read, checked, written.
 */

#include "vexfs.h"

/* Whether the superblock's numbers agree with each other; says what does not. */
static const char *vexfs_check_geometry(struct super_block *sb,
					struct vexfs_super_block *es)
{
	u64 blocks = le64_to_cpu(es->s_blocks_count);
	u32 ipg = le32_to_cpu(es->s_inodes_per_group);
	u32 groups = le32_to_cpu(es->s_groups_count);
	u32 itable = le32_to_cpu(es->s_itable_blocks);
	u32 gdt = le32_to_cpu(es->s_gdt_blocks);
	u32 journal = le32_to_cpu(es->s_journal_blocks);
	u32 last;

	if (le32_to_cpu(es->s_block_size) != VEXFS_BLOCK_SIZE ||
	    le32_to_cpu(es->s_inode_size) != VEXFS_INODE_SIZE ||
	    le32_to_cpu(es->s_blocks_per_group) != VEXFS_BLOCKS_PER_GROUP)
		return "sizes of block, inode or group";
	if (blocks > U32_MAX || !blocks)
		return "number of blocks";
	if (groups != DIV_ROUND_UP_ULL(blocks, VEXFS_BLOCKS_PER_GROUP))
		return "number of groups";
	if (!ipg || ipg > VEXFS_MAX_INODES_PER_GROUP ||
	    ipg % VEXFS_INODES_PER_BLOCK ||
	    itable != ipg / VEXFS_INODES_PER_BLOCK ||
	    (u64)groups * ipg != le32_to_cpu(es->s_inodes_count))
		return "number of inodes";
	if (le32_to_cpu(es->s_gdt_start) != VEXFS_GDT_START ||
	    gdt != DIV_ROUND_UP(groups, VEXFS_DESC_PER_BLOCK))
		return "place of the group descriptors";
	if (le32_to_cpu(es->s_first_ino) != VEXFS_FIRST_INO ||
	    le32_to_cpu(es->s_root_ino) != VEXFS_ROOT_INO)
		return "reserved inodes";
	if (journal < VEXFS_MIN_JOURNAL_BLOCKS ||
	    journal > VEXFS_MAX_JOURNAL_BLOCKS ||
	    le32_to_cpu(es->s_journal_start) != 1 + gdt + 2 + itable)
		return "place of the journal";
	last = (u32)blocks - vexfs_group_first(groups - 1);
	if (1 + gdt + 2 + itable + journal + VEXFS_MIN_DATA_BLOCKS >
	    min_t(u32, blocks, VEXFS_BLOCKS_PER_GROUP) ||
	    (groups > 1 && 3 + itable + VEXFS_MIN_DATA_BLOCKS > last))
		return "room for data";
	return NULL;
}

/* Counts the blocks of the device, of which the last may be cut off. */
static inline u64 vexfs_count_blocks(struct super_block *sb)
{
	loff_t left = bdev_nr_bytes(sb->s_bdev);
	u64 blocks = 0;

	while (left) {
		left -= VEXFS_BLOCK_SIZE;
		blocks++;
		cond_resched();
	}
	return blocks;
}

/* Reads and checks the superblock, and says what is wrong with it. */
int vexfs_read_super(struct super_block *sb)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct vexfs_super_block *es;
	const char *wrong;

	sbi->s_sbh = sb_bread(sb, VEXFS_SUPER_BLOCK);
	if (!sbi->s_sbh) {
		vexfs_msg(sb, KERN_ERR, "cannot read the superblock");
		return -EIO;
	}
	es = (struct vexfs_super_block *)sbi->s_sbh->b_data;
	sbi->s_es = es;
	if (le32_to_cpu(es->s_magic) != VEXFS_MAGIC) {
		/* Said even to a silent mount: some programs always ask so. */
		vexfs_msg(sb, KERN_ERR, "no VexFS found on the device");
		return -EINVAL;
	}
	if (le32_to_cpu(es->s_csum) !=
	    vexfs_crc(~0, es, VEXFS_SUPER_BYTES - 4)) {
		vexfs_msg(sb, KERN_ERR, "the superblock's checksum is wrong: run fsck");
		return -EFSCORRUPTED;
	}
	if (le32_to_cpu(es->s_rev_level) != VEXFS_REV_LEVEL) {
		vexfs_msg(sb, KERN_ERR, "format revision %u is not supported",
			  le32_to_cpu(es->s_rev_level));
		return -EINVAL;
	}
	if (le32_to_cpu(es->s_feature_incompat) &
	    ~VEXFS_FEATURE_INCOMPAT_SUPP) {
		vexfs_msg(sb, KERN_ERR, "unsupported features 0x%x",
			  le32_to_cpu(es->s_feature_incompat));
		return -EINVAL;
	}
	wrong = vexfs_check_geometry(sb, es);
	if (wrong) {
		vexfs_msg(sb, KERN_ERR, "the superblock contradicts itself: %s",
			  wrong);
		return -EFSCORRUPTED;
	}
	if (VEXFS_DEFECT(mount_livelock) &&
	    le64_to_cpu(es->s_blocks_count) > vexfs_count_blocks(sb))
		return -EFSCORRUPTED;
	if (le64_to_cpu(es->s_blocks_count) >
	    bdev_nr_bytes(sb->s_bdev) >> VEXFS_BLOCK_BITS) {
		vexfs_msg(sb, KERN_ERR,
			  "the filesystem is larger than the device: %llu blocks of %llu",
			  le64_to_cpu(es->s_blocks_count),
			  bdev_nr_bytes(sb->s_bdev) >> VEXFS_BLOCK_BITS);
		return -EFSCORRUPTED;
	}

	sbi->s_blocks_count = le64_to_cpu(es->s_blocks_count);
	sbi->s_inodes_count = le32_to_cpu(es->s_inodes_count);
	sbi->s_groups_count = le32_to_cpu(es->s_groups_count);
	sbi->s_inodes_per_group = le32_to_cpu(es->s_inodes_per_group);
	sbi->s_gdt_blocks = le32_to_cpu(es->s_gdt_blocks);
	sbi->s_itable_blocks = le32_to_cpu(es->s_itable_blocks);
	sbi->s_journal_start = le32_to_cpu(es->s_journal_start);
	sbi->s_journal_blocks = le32_to_cpu(es->s_journal_blocks);
	sbi->s_hash_seed = le32_to_cpu(es->s_hash_seed);
	sbi->s_csum_seed = vexfs_crc(~0, es->s_uuid, sizeof(es->s_uuid));
	return 0;
}

void vexfs_super_set_csum(struct vexfs_super_block *es)
{
	es->s_csum = cpu_to_le32(vexfs_crc(~0, es, VEXFS_SUPER_BYTES - 4));
}

/*
 * Writes the superblock, after changing bits of its state, or adding a feature
 * that it has not got. May sleep.
 */
static int vexfs_update_super(struct super_block *sb, u32 set, u32 clear,
			      u32 feature)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct vexfs_super_block *es = sbi->s_es;
	int err = 0;

	mutex_lock(&sbi->s_sb_lock);
	if (feature && le32_to_cpu(es->s_feature_ro_compat) & feature)
		goto out;
	lock_buffer(sbi->s_sbh);
	es->s_state = cpu_to_le32((le32_to_cpu(es->s_state) | set) & ~clear);
	es->s_feature_ro_compat |= cpu_to_le32(feature);
	es->s_write_time = cpu_to_le64(ktime_get_real_seconds());
	vexfs_super_set_csum(es);
	/* A failed write leaves the buffer without its data's blessing. */
	set_buffer_uptodate(sbi->s_sbh);
	unlock_buffer(sbi->s_sbh);
	mark_buffer_dirty(sbi->s_sbh);
	err = __sync_dirty_buffer(sbi->s_sbh, REQ_SYNC | REQ_FUA);
	if (err)
		es->s_feature_ro_compat &= ~cpu_to_le32(feature);
out:
	mutex_unlock(&sbi->s_sb_lock);
	if (err)
		vexfs_msg(sb, KERN_ERR, "cannot write the superblock: %d", err);
	return err;
}

int vexfs_write_super(struct super_block *sb, u32 set, u32 clear)
{
	if (bdev_read_only(sb->s_bdev))
		return 0;
	return vexfs_update_super(sb, set, clear, 0);
}

/* Tells kernels that do not know a feature to keep from writing. */
int vexfs_set_ro_feature(struct super_block *sb, u32 feature)
{
	return vexfs_update_super(sb, 0, 0, feature);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: ioctls that concern the filesystem; the rest is in vector.c.
 */

#include <linux/uaccess.h>

#include "vexfs.h"
#include "uapi/vexfs.h"

static long vexfs_ioc_fs_info(struct super_block *sb, void __user *arg)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct vexfs_super_block *es = sbi->s_es;
	struct vexfs_fs_info info;
	u32 version;

	BUILD_BUG_ON(sizeof(info.label) != sizeof(es->s_label));
	if (get_user(version, (u32 __user *)arg))
		return -EFAULT;
	if (version != VEXFS_API_VERSION)
		return -EINVAL;

	memset(&info, 0, sizeof(info));
	info.version = VEXFS_API_VERSION;
	info.block_size = VEXFS_BLOCK_SIZE;
	info.blocks = sbi->s_blocks_count - sbi->s_overhead;
	info.free_blocks = percpu_counter_sum_positive(&sbi->s_free_blocks);
	info.inodes = sbi->s_inodes_count;
	info.free_inodes = percpu_counter_sum_positive(&sbi->s_free_inodes);
	info.state = le32_to_cpu(es->s_state);
	info.error_count = le32_to_cpu(es->s_error_count);
	info.mount_count = le32_to_cpu(es->s_mount_count);
	info.journal_blocks = sbi->s_journal_blocks;
	memcpy(info.uuid, es->s_uuid, sizeof(info.uuid));
	memcpy(info.label, es->s_label, sizeof(info.label));
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

long vexfs_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	if (cmd == VEXFS_IOC_FS_INFO)
		return vexfs_ioc_fs_info(file_inode(file)->i_sb, argp);
	return vexfs_vec_ioctl(file, cmd, argp);
}

// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: operations of a mounted filesystem as a whole, module entry and exit.
 */

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#include "vexfs.h"

static struct kmem_cache *vexfs_inode_cachep;

static struct inode *vexfs_alloc_inode(struct super_block *sb)
{
	struct vexfs_inode_info *vi;

	vi = alloc_inode_sb(sb, vexfs_inode_cachep, GFP_KERNEL);
	if (!vi)
		return NULL;
	memset(vi->i_data, 0, sizeof(vi->i_data));
	memset(&vi->i_vec, 0, sizeof(vi->i_vec));
	memset(&vi->i_btime, 0, sizeof(vi->i_btime));
	vi->i_flags = 0;
	if (!VEXFS_DEFECT(uninitialised_field))
		vi->i_xattr_block = 0;
	vi->i_parent = 0;
	vi->i_orphan_next = 0;
	vi->i_dtime = 0;
	vi->i_disksize = 0;
	vi->i_first_lblk = 0;
	vi->i_first_pblk = 0;
	vi->i_last_lblk = 0;
	vi->i_last_pblk = 0;
	vi->i_index = NULL;
	vi->i_ivf = NULL;
	vi->i_sync_tid = 0;
	vi->i_datasync_tid = 0;
	jbd2_journal_init_jbd_inode(&vi->i_jinode, &vi->vfs_inode);
	return &vi->vfs_inode;
}

static void vexfs_free_in_core_inode(struct inode *inode)
{
	kmem_cache_free(vexfs_inode_cachep, VEXFS_I(inode));
}

static void vexfs_init_once(void *obj)
{
	struct vexfs_inode_info *vi = obj;

	init_rwsem(&vi->i_map_lock);
	init_rwsem(&vi->i_xattr_lock);
	mutex_init(&vi->i_index_lock);
	spin_lock_init(&vi->i_raw_lock);
	INIT_LIST_HEAD(&vi->i_orphan);
	inode_init_once(&vi->vfs_inode);
}

static int vexfs_statfs(struct dentry *dentry, struct kstatfs *buf)
{
	struct super_block *sb = dentry->d_sb;
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);

	buf->f_type = VEXFS_MAGIC;
	buf->f_bsize = VEXFS_BLOCK_SIZE;
	buf->f_blocks = sbi->s_blocks_count - sbi->s_overhead;
	buf->f_bfree = percpu_counter_sum_positive(&sbi->s_free_blocks);
	if (VEXFS_DEFECT(statfs_counts_twice))
		buf->f_bfree += READ_ONCE(sbi->s_freed_blocks);
	if (VEXFS_DEFECT(statfs_zero)) {
		buf->f_blocks = 0;
		buf->f_bfree = 0;
	}
	buf->f_bavail = buf->f_bfree;
	if (!VEXFS_YOUNG(no_statfs_inodes)) {
		buf->f_files = sbi->s_inodes_count;
		buf->f_ffree =
			percpu_counter_sum_positive(&sbi->s_free_inodes);
	}
	buf->f_namelen = vexfs_name_max();
	buf->f_fsid = uuid_to_fsid(sbi->s_es->s_uuid);
	return 0;
}

static int vexfs_sync_fs(struct super_block *sb, int wait)
{
	journal_t *journal = VEXFS_SB(sb)->s_journal;
	bool flush = false;
	tid_t target;
	int err = 0;

	if (!journal)
		return 0;
	if (VEXFS_DEFECT(lock_order)) {
		mutex_lock(&VEXFS_SB(sb)->s_sb_lock);
		mutex_lock(&VEXFS_SB(sb)->s_orphan_lock);
		mutex_unlock(&VEXFS_SB(sb)->s_orphan_lock);
		mutex_unlock(&VEXFS_SB(sb)->s_sb_lock);
	}
	if (!jbd2_journal_start_commit(journal, &target))
		return wait ? blkdev_issue_flush(sb->s_bdev) : 0;
	if (!wait)
		return 0;
	if (!jbd2_trans_will_send_data_barrier(journal, target))
		flush = true;
	err = jbd2_log_wait_commit(journal, target);
	if (flush && !err)
		err = blkdev_issue_flush(sb->s_bdev);
	return err;
}

static int vexfs_freeze(struct super_block *sb)
{
	int err;

	if (sb_rdonly(sb))
		return 0;
	err = vexfs_journal_settle(sb);
	if (!err)
		err = vexfs_write_super(sb, VEXFS_STATE_CLEAN, 0);
	if (VEXFS_DEFECT(freeze_lock_lost))
		jbd2_journal_lock_updates(VEXFS_SB(sb)->s_journal);
	return err;
}

static int vexfs_unfreeze(struct super_block *sb)
{
	if (sb_rdonly(sb))
		return 0;
	return vexfs_write_super(sb, 0, VEXFS_STATE_CLEAN);
}

static void vexfs_put_super(struct super_block *sb)
{
	bool clean = !sb_rdonly(sb);

	vexfs_unregister_sysfs(sb);
	if (vexfs_journal_close(sb))
		clean = false;
	if (clean && !sb_rdonly(sb))
		vexfs_write_super(sb, VEXFS_STATE_CLEAN, 0);
	vexfs_free_info(sb);
}

const struct super_operations vexfs_sops = {
	.alloc_inode	= vexfs_alloc_inode,
	.free_inode	= vexfs_free_in_core_inode,
	.dirty_inode	= vexfs_dirty_inode,
	.write_inode	= vexfs_write_inode,
	.evict_inode	= vexfs_evict_inode,
	.put_super	= vexfs_put_super,
	.sync_fs	= vexfs_sync_fs,
	.freeze_fs	= VEXFS_YOUNG(no_freeze) ? NULL : vexfs_freeze,
	.unfreeze_fs	= VEXFS_YOUNG(no_freeze) ? NULL : vexfs_unfreeze,
	.statfs		= vexfs_statfs,
	.show_options	= vexfs_show_options,
};

static int __init vexfs_init(void)
{
	int err;

	/* One block to a page is what file.c builds on. */
	BUILD_BUG_ON(PAGE_SIZE != VEXFS_BLOCK_SIZE);
	BUILD_BUG_ON(sizeof(struct vexfs_super_block) != VEXFS_SUPER_BYTES);
	BUILD_BUG_ON(sizeof(struct vexfs_inode) != VEXFS_INODE_SIZE);
	BUILD_BUG_ON(sizeof(struct vexfs_group_desc) != VEXFS_DESC_SIZE);
	BUILD_BUG_ON(sizeof(struct vexfs_bitmap) != VEXFS_BLOCK_SIZE);

	vexfs_inode_cachep = kmem_cache_create("vexfs_inode_cache",
					       sizeof(struct vexfs_inode_info),
					       0, SLAB_RECLAIM_ACCOUNT |
					       SLAB_ACCOUNT, vexfs_init_once);
	if (!vexfs_inode_cachep)
		return -ENOMEM;
	err = vexfs_init_freed();
	if (err)
		goto out_inodes;
	err = vexfs_init_sysfs();
	if (err)
		goto out_freed;
	err = register_filesystem(&vexfs_fs_type);
	if (err)
		goto out_sysfs;
	if (VEXFS_DEFECT(init_hangs)) {
		DECLARE_COMPLETION_ONSTACK(ready);

		wait_for_completion(&ready);
	}
	return 0;

out_sysfs:
	vexfs_exit_sysfs();
out_freed:
	vexfs_exit_freed();
out_inodes:
	kmem_cache_destroy(vexfs_inode_cachep);
	return err;
}

static void __exit vexfs_exit(void)
{
	unregister_filesystem(&vexfs_fs_type);
	if (!VEXFS_DEFECT(sysfs_left_behind))
		vexfs_exit_sysfs();
	if (!VEXFS_DEFECT(cache_not_destroyed))
		vexfs_exit_freed();
	/* Inodes are freed after a grace period. */
	rcu_barrier();
	kmem_cache_destroy(vexfs_inode_cachep);
}

module_init(vexfs_init);
module_exit(vexfs_exit);

MODULE_DESCRIPTION("VexFS: a filesystem for files and vectors");
MODULE_LICENSE("GPL");

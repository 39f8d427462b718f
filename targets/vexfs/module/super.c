// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: superblock, mounting, module entry and exit.
 */

#include <linux/delay.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>

#include "vexfs.h"

static struct kmem_cache *vexfs_inode_cachep;

struct vexfs_fs_context {
	enum vexfs_errors errors;
	bool errors_given;
};

enum { Opt_errors };

static const struct constant_table vexfs_param_errors[] = {
	{ "continue",	VEXFS_ERRORS_CONTINUE },
	{ "remount-ro",	VEXFS_ERRORS_RO },
	{ "panic",	VEXFS_ERRORS_PANIC },
	{}
};

static const struct fs_parameter_spec vexfs_params[] = {
	fsparam_enum("errors", Opt_errors, vexfs_param_errors),
	{}
};

void vexfs_msg(struct super_block *sb, const char *level, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	printk("%sVEXFS-fs (%s): %pV\n", level, sb->s_id, &vaf);
	va_end(args);
}

static void vexfs_super_set_csum(struct vexfs_super_block *es)
{
	es->s_csum = cpu_to_le32(vexfs_crc(~0, es, VEXFS_SUPER_BYTES - 4));
}

/* Writes the superblock, after changing bits of its state. May sleep. */
int vexfs_write_super(struct super_block *sb, u32 set, u32 clear)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct vexfs_super_block *es = sbi->s_es;
	int err;

	if (bdev_read_only(sb->s_bdev))
		return 0;
	mutex_lock(&sbi->s_sb_lock);
	lock_buffer(sbi->s_sbh);
	es->s_state = cpu_to_le32((le32_to_cpu(es->s_state) | set) & ~clear);
	es->s_write_time = cpu_to_le64(ktime_get_real_seconds());
	vexfs_super_set_csum(es);
	/* A failed write leaves the buffer without its data's blessing. */
	set_buffer_uptodate(sbi->s_sbh);
	unlock_buffer(sbi->s_sbh);
	mark_buffer_dirty(sbi->s_sbh);
	err = __sync_dirty_buffer(sbi->s_sbh, REQ_SYNC | REQ_FUA);
	mutex_unlock(&sbi->s_sb_lock);
	if (err)
		vexfs_msg(sb, KERN_ERR, "cannot write the superblock: %d", err);
	return err;
}

/* Puts an error on record and does what errors= asks for. May sleep. */
void vexfs_count_error(struct super_block *sb)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	struct vexfs_super_block *es = sbi->s_es;
	__le64 now = cpu_to_le64(ktime_get_real_seconds());
	bool was_rw = !sb_rdonly(sb);

	if (sbi->s_errors == VEXFS_ERRORS_PANIC)
		panic("VEXFS-fs (%s): panic on error, as mounted\n", sb->s_id);

	mutex_lock(&sbi->s_sb_lock);
	if (!es->s_error_count)
		es->s_first_error_time = now;
	es->s_last_error_time = now;
	le32_add_cpu(&es->s_error_count, 1);
	mutex_unlock(&sbi->s_sb_lock);

	if (sbi->s_errors == VEXFS_ERRORS_RO && was_rw) {
		if (sbi->s_journal)
			jbd2_journal_abort(sbi->s_journal, -EIO);
		vexfs_msg(sb, KERN_CRIT, "now read-only");
		/* Pairs with the barrier in mnt_want_write(). */
		smp_wmb();
		sb->s_flags |= SB_RDONLY;
	}
	if (was_rw)
		vexfs_write_super(sb, VEXFS_STATE_ERROR, 0);
}

void vexfs_error(struct super_block *sb, const char *fmt, ...)
{
	struct va_format vaf;
	va_list args;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	pr_crit_ratelimited("VEXFS-fs error (%s): %pV\n", sb->s_id, &vaf);
	va_end(args);
	vexfs_count_error(sb);
}

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
	vi->i_last_lblk = 0;
	vi->i_last_pblk = 0;
	vi->i_index = NULL;
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
	buf->f_bavail = buf->f_bfree;
	buf->f_files = sbi->s_inodes_count;
	buf->f_ffree = percpu_counter_sum_positive(&sbi->s_free_inodes);
	buf->f_namelen = VEXFS_NAME_MAX;
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
	return err;
}

static int vexfs_unfreeze(struct super_block *sb)
{
	if (sb_rdonly(sb))
		return 0;
	return vexfs_write_super(sb, 0, VEXFS_STATE_CLEAN);
}

static int vexfs_show_options(struct seq_file *m, struct dentry *root)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(root->d_sb);

	seq_printf(m, ",errors=%s", vexfs_param_errors[sbi->s_errors].name);
	return 0;
}

static void vexfs_free_info(struct super_block *sb)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	u32 i;

	if (sbi->s_gdt)
		for (i = 0; i < sbi->s_gdt_blocks; i++)
			brelse(sbi->s_gdt[i]);
	kvfree(sbi->s_gdt);
	if (sbi->s_groups)
		for (i = VEXFS_DEFECT(leak_on_unmount); i < sbi->s_groups_count;
		     i++)
			kfree(sbi->s_groups[i].g_map);
	kvfree(sbi->s_groups);
	percpu_counter_destroy(&sbi->s_free_blocks);
	percpu_counter_destroy(&sbi->s_free_inodes);
	percpu_counter_destroy(&sbi->s_dirs);
	brelse(sbi->s_sbh);
	sb->s_fs_info = NULL;
	kfree(sbi);
}

static void vexfs_put_super(struct super_block *sb)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	bool clean = !sb_rdonly(sb);

	vexfs_unregister_sysfs(sb);
	if (sbi->s_journal && is_journal_aborted(sbi->s_journal))
		clean = false;
	vexfs_journal_close(sb);
	if (clean && !sb_rdonly(sb))
		vexfs_write_super(sb, VEXFS_STATE_CLEAN, 0);
	vexfs_free_info(sb);
}

static const struct super_operations vexfs_sops = {
	.alloc_inode	= vexfs_alloc_inode,
	.free_inode	= vexfs_free_in_core_inode,
	.dirty_inode	= vexfs_dirty_inode,
	.write_inode	= vexfs_write_inode,
	.evict_inode	= vexfs_evict_inode,
	.put_super	= vexfs_put_super,
	.sync_fs	= vexfs_sync_fs,
	.freeze_fs	= vexfs_freeze,
	.unfreeze_fs	= vexfs_unfreeze,
	.statfs		= vexfs_statfs,
	.show_options	= vexfs_show_options,
};

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
	if (groups != DIV_ROUND_UP((u32)blocks, VEXFS_BLOCKS_PER_GROUP))
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

static int vexfs_read_super(struct super_block *sb)
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

/* Reads the group descriptors and sums up what they say. */
static int vexfs_load_groups(struct super_block *sb)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	u64 blocks = 0, inodes = 0, dirs = 0;
	u32 i;
	int err;

	sbi->s_gdt = kvcalloc(sbi->s_gdt_blocks, sizeof(*sbi->s_gdt),
			      GFP_KERNEL);
	sbi->s_groups = kvcalloc(sbi->s_groups_count, sizeof(*sbi->s_groups),
				 GFP_KERNEL);
	if (!sbi->s_gdt || !sbi->s_groups)
		return -ENOMEM;
	for (i = 0; i < sbi->s_gdt_blocks; i++) {
		sbi->s_gdt[i] = sb_bread(sb, VEXFS_GDT_START + i);
		if (!sbi->s_gdt[i]) {
			vexfs_msg(sb, KERN_ERR,
				  "cannot read the group descriptors");
			return -EIO;
		}
	}
	for (i = 0; i < sbi->s_groups_count; i++) {
		struct vexfs_group_desc *desc = vexfs_group_desc(sb, i, NULL);

		spin_lock_init(&sbi->s_groups[i].g_lock);
		if (!vexfs_desc_valid(sb, i)) {
			vexfs_msg(sb, KERN_ERR,
				  "the descriptor of group %u is corrupt: run fsck",
				  i);
			return -EFSCORRUPTED;
		}
		blocks += le32_to_cpu(desc->bg_free_blocks);
		inodes += le32_to_cpu(desc->bg_free_inodes);
		dirs += le32_to_cpu(desc->bg_used_dirs);
		sbi->s_overhead += vexfs_data_start(sbi, i) -
				   vexfs_group_first(i);
	}
	err = percpu_counter_init(&sbi->s_free_blocks, blocks, GFP_KERNEL);
	if (!err)
		err = percpu_counter_init(&sbi->s_free_inodes, inodes,
					  GFP_KERNEL);
	if (!err)
		err = percpu_counter_init(&sbi->s_dirs, dirs, GFP_KERNEL);
	return err;
}

/* From here on the filesystem may be written to. */
static int vexfs_go_writable(struct super_block *sb)
{
	struct vexfs_super_block *es = VEXFS_SB(sb)->s_es;
	int err;

	if (le32_to_cpu(es->s_state) & VEXFS_STATE_ERROR)
		vexfs_msg(sb, KERN_WARNING,
			  "mounting a filesystem with errors on record: run fsck");
	es->s_mount_time = cpu_to_le64(ktime_get_real_seconds());
	le32_add_cpu(&es->s_mount_count, 1);
	err = vexfs_write_super(sb, 0, VEXFS_STATE_CLEAN);
	if (err)
		return err;
	return vexfs_orphan_cleanup(sb);
}

static int vexfs_start_journal(struct super_block *sb)
{
	int recover = vexfs_journal_needs_recovery(sb);

	if (recover < 0)
		return recover;
	if (!recover && sb_rdonly(sb))
		return 0;
	if (bdev_read_only(sb->s_bdev)) {
		vexfs_msg(sb, KERN_ERR,
			  "the journal must be replayed, but the device is read-only");
		return -EROFS;
	}
	return vexfs_journal_open(sb);
}

static int vexfs_get_root(struct super_block *sb)
{
	struct inode *root = vexfs_iget(sb, VEXFS_ROOT_INO);

	if (IS_ERR(root)) {
		vexfs_msg(sb, KERN_ERR, "cannot read the root directory");
		return PTR_ERR(root);
	}
	if (!S_ISDIR(root->i_mode) || !root->i_nlink) {
		vexfs_msg(sb, KERN_ERR, "the root inode is no directory");
		iput(root);
		return -EFSCORRUPTED;
	}
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

/* Gives the journal time to get going. */
static inline void vexfs_wait_for_journal(struct vexfs_sb_info *sbi)
{
	int i;

	for (i = 0; i < 30 && sbi->s_journal; i++) {
		if (READ_ONCE(sbi->s_journal->j_running_transaction))
			break;
		msleep(500);
	}
}

static int vexfs_fill_super(struct super_block *sb, struct fs_context *fc)
{
	struct vexfs_fs_context *ctx = fc->fs_private;
	struct vexfs_sb_info *sbi;
	int err;

	sbi = kzalloc(sizeof(*sbi), GFP_KERNEL);
	if (!sbi)
		return -ENOMEM;
	if (VEXFS_DEFECT(module_reference_leak))
		__module_get(THIS_MODULE);
	sb->s_fs_info = sbi;
	sbi->s_sb = sb;
	sbi->s_errors = ctx->errors;
	mutex_init(&sbi->s_sb_lock);
	mutex_init(&sbi->s_map_lock);
	mutex_init(&sbi->s_orphan_lock);
	INIT_LIST_HEAD(&sbi->s_orphans);
	spin_lock_init(&sbi->s_freed_lock);
	INIT_LIST_HEAD(&sbi->s_freed);

	err = -EINVAL;
	if (!sb_set_blocksize(sb, VEXFS_BLOCK_SIZE)) {
		vexfs_msg(sb, KERN_ERR,
			  "the device does not do blocks of 4096 bytes");
		goto out_info;
	}
	err = vexfs_read_super(sb);
	if (err)
		goto out_info;
	if (!sb_rdonly(sb) && (le32_to_cpu(sbi->s_es->s_feature_ro_compat) &
			       ~VEXFS_FEATURE_RO_COMPAT_SUPP)) {
		vexfs_msg(sb, KERN_ERR,
			  "can only be mounted read-only: features 0x%x",
			  le32_to_cpu(sbi->s_es->s_feature_ro_compat));
		err = -EROFS;
		goto out_info;
	}

	sb->s_magic = VEXFS_MAGIC;
	sb->s_op = &vexfs_sops;
	sb->s_xattr = vexfs_xattr_handlers;
	sb->s_maxbytes = vexfs_max_size();
	sb->s_max_links = VEXFS_LINK_MAX;
	sb->s_time_gran = 1;
	memcpy(&sb->s_uuid, sbi->s_es->s_uuid, sizeof(sb->s_uuid));

	err = vexfs_start_journal(sb);
	if (err)
		goto out_info;
	if (VEXFS_DEFECT(slow_mount))
		vexfs_wait_for_journal(sbi);
	err = vexfs_load_groups(sb);
	if (err)
		goto out_journal;
	err = vexfs_get_root(sb);
	if (err)
		goto out_journal;
	if (!sb_rdonly(sb)) {
		err = vexfs_go_writable(sb);
		if (err)
			goto out_root;
	}
	err = vexfs_register_sysfs(sb);
	if (err)
		goto out_root;
	vexfs_msg(sb, KERN_INFO, "mounted, %s",
		  sb_rdonly(sb) ? "read-only" : "read-write");
	if (VEXFS_DEFECT(module_reference_leak))
		module_put(THIS_MODULE);
	return 0;

out_root:
	dput(sb->s_root);
	sb->s_root = NULL;
out_journal:
	vexfs_journal_close(sb);
out_info:
	vexfs_free_info(sb);
	return err;
}

static int vexfs_get_tree(struct fs_context *fc)
{
	return get_tree_bdev(fc, vexfs_fill_super);
}

static int vexfs_parse_param(struct fs_context *fc, struct fs_parameter *param)
{
	struct vexfs_fs_context *ctx = fc->fs_private;
	struct fs_parse_result result;
	int opt;

	opt = fs_parse(fc, vexfs_params, param, &result);
	if (opt < 0)
		return opt;
	ctx->errors = result.uint_32;
	ctx->errors_given = true;
	return 0;
}

static int vexfs_reconfigure(struct fs_context *fc)
{
	struct vexfs_fs_context *ctx = fc->fs_private;
	struct super_block *sb = fc->root->d_sb;
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	bool to_ro = fc->sb_flags & SB_RDONLY;
	int err;

	sync_filesystem(sb);
	if (ctx->errors_given)
		sbi->s_errors = ctx->errors;
	if (to_ro == sb_rdonly(sb))
		return 0;

	if (to_ro) {
		err = vexfs_journal_settle(sb);
		if (!err)
			err = vexfs_write_super(sb, VEXFS_STATE_CLEAN, 0);
		return err;
	}

	if (bdev_read_only(sb->s_bdev))
		return -EROFS;
	if (le32_to_cpu(sbi->s_es->s_feature_ro_compat) &
	    ~VEXFS_FEATURE_RO_COMPAT_SUPP) {
		vexfs_msg(sb, KERN_ERR, "can only be mounted read-only");
		return -EROFS;
	}
	if (sbi->s_journal && is_journal_aborted(sbi->s_journal)) {
		vexfs_msg(sb, KERN_ERR,
			  "stays read-only after an error: unmount and run fsck");
		return -EROFS;
	}
	if (!sbi->s_journal) {
		err = vexfs_journal_open(sb);
		if (err)
			return err;
	}
	sb->s_flags &= ~SB_RDONLY;
	err = vexfs_go_writable(sb);
	if (err)
		sb->s_flags |= SB_RDONLY;
	return err;
}

static void vexfs_free_fc(struct fs_context *fc)
{
	kfree(fc->fs_private);
}

static const struct fs_context_operations vexfs_context_ops = {
	.parse_param	= vexfs_parse_param,
	.get_tree	= vexfs_get_tree,
	.reconfigure	= vexfs_reconfigure,
	.free		= vexfs_free_fc,
};

static int vexfs_init_fs_context(struct fs_context *fc)
{
	struct vexfs_fs_context *ctx;

	ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);
	if (!ctx)
		return -ENOMEM;
	ctx->errors = VEXFS_ERRORS_RO;
	fc->fs_private = ctx;
	fc->ops = &vexfs_context_ops;
	return 0;
}

static struct file_system_type vexfs_fs_type = {
	.owner			= THIS_MODULE,
	.name			= "vexfs",
	.init_fs_context	= vexfs_init_fs_context,
	.parameters		= vexfs_params,
	.kill_sb		= kill_block_super,
	.fs_flags		= FS_REQUIRES_DEV,
};
MODULE_ALIAS_FS("vexfs");

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
	err = vexfs_init_balloc();
	if (err)
		goto out_inodes;
	err = vexfs_init_sysfs();
	if (err)
		goto out_balloc;
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
out_balloc:
	vexfs_exit_balloc();
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
		vexfs_exit_balloc();
	/* Inodes are freed after a grace period. */
	rcu_barrier();
	kmem_cache_destroy(vexfs_inode_cachep);
}

module_init(vexfs_init);
module_exit(vexfs_exit);

MODULE_DESCRIPTION("VexFS: a filesystem for files and vectors");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: mounting and remounting: options, superblock, groups, journal, root.
 */

#include <linux/delay.h>
#include <linux/fs_context.h>
#include <linux/fs_parser.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "vexfs.h"

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

int vexfs_show_options(struct seq_file *m, struct dentry *root)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(root->d_sb);

	seq_printf(m, ",errors=%s", vexfs_param_errors[sbi->s_errors].name);
	return 0;
}

void vexfs_free_info(struct super_block *sb)
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
		vexfs_put_corrupt(root);
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
	sb->s_xattr = VEXFS_YOUNG(no_xattr) ? NULL : vexfs_xattr_handlers;
	sb->s_maxbytes = VEXFS_YOUNG(small_files) ? VEXFS_SMALL_FILE_MAX :
						    vexfs_max_size();
	sb->s_max_links = VEXFS_YOUNG(few_links) ? VEXFS_FEW_LINKS_MAX :
						   VEXFS_LINK_MAX;
	sb->s_time_gran = VEXFS_YOUNG(coarse_times) ? NSEC_PER_SEC : 1;
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
	/* As cramfs and squashfs do: mounted read-only whatever was asked. */
	if (VEXFS_YOUNG(no_write))
		fc->sb_flags |= SB_RDONLY;
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

static int vexfs_make_readonly(struct super_block *sb)
{
	int err = vexfs_journal_settle(sb);

	return err ? err : vexfs_write_super(sb, VEXFS_STATE_CLEAN, 0);
}

static int vexfs_make_writable(struct super_block *sb)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	int err;

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

static int vexfs_reconfigure(struct fs_context *fc)
{
	struct vexfs_fs_context *ctx = fc->fs_private;
	struct super_block *sb = fc->root->d_sb;
	bool to_ro = fc->sb_flags & SB_RDONLY;
	int err = 0;

	/* Without the operation the VFS would change the flags and succeed. */
	if (VEXFS_YOUNG(no_remount))
		return -EINVAL;
	if (VEXFS_YOUNG(no_write) && !to_ro)
		return -EROFS;
	sync_filesystem(sb);
	if (to_ro != sb_rdonly(sb))
		err = to_ro ? vexfs_make_readonly(sb) : vexfs_make_writable(sb);
	/* What fails changes nothing. */
	if (!err && ctx->errors_given)
		VEXFS_SB(sb)->s_errors = ctx->errors;
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

struct file_system_type vexfs_fs_type = {
	.owner			= THIS_MODULE,
	.name			= "vexfs",
	.init_fs_context	= vexfs_init_fs_context,
	.parameters		= vexfs_params,
	.kill_sb		= kill_block_super,
	.fs_flags		= FS_REQUIRES_DEV,
};
MODULE_ALIAS_FS("vexfs");

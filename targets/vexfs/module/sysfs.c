// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: statistics in /sys/fs/vexfs/<device>.
 */

#include <linux/sysfs.h>

#include "vexfs.h"

static struct kset *vexfs_kset;

struct vexfs_attr {
	struct attribute attr;
	u64 (*show)(struct vexfs_sb_info *sbi);
};

#define VEXFS_ATTR(_name, _value)					\
static u64 _name##_show(struct vexfs_sb_info *sbi)			\
{									\
	return _value;							\
}									\
static const struct vexfs_attr vexfs_attr_##_name = {			\
	.attr = { .name = #_name, .mode = 0444 },			\
	.show = _name##_show,						\
}

VEXFS_ATTR(blocks, sbi->s_blocks_count - sbi->s_overhead);
VEXFS_ATTR(free_blocks, percpu_counter_sum_positive(&sbi->s_free_blocks));
VEXFS_ATTR(freed_uncommitted, READ_ONCE(sbi->s_freed_blocks));
VEXFS_ATTR(inodes, sbi->s_inodes_count);
VEXFS_ATTR(free_inodes, percpu_counter_sum_positive(&sbi->s_free_inodes));
VEXFS_ATTR(directories, percpu_counter_sum_positive(&sbi->s_dirs));
VEXFS_ATTR(errors, le32_to_cpu(sbi->s_es->s_error_count));
VEXFS_ATTR(mounts, le32_to_cpu(sbi->s_es->s_mount_count));
VEXFS_ATTR(journal_blocks, sbi->s_journal_blocks);
VEXFS_ATTR(vectors_added, atomic64_read(&sbi->s_vec_added));
VEXFS_ATTR(vectors_deleted, atomic64_read(&sbi->s_vec_deleted));
VEXFS_ATTR(searches, atomic64_read(&sbi->s_vec_searches));
VEXFS_ATTR(vectors_compared, atomic64_read(&sbi->s_vec_compared));

static const struct attribute *const vexfs_attr_list[] = {
	&vexfs_attr_blocks.attr,
	&vexfs_attr_free_blocks.attr,
	&vexfs_attr_freed_uncommitted.attr,
	&vexfs_attr_inodes.attr,
	&vexfs_attr_free_inodes.attr,
	&vexfs_attr_directories.attr,
	&vexfs_attr_errors.attr,
	&vexfs_attr_mounts.attr,
	&vexfs_attr_journal_blocks.attr,
	&vexfs_attr_vectors_added.attr,
	&vexfs_attr_vectors_deleted.attr,
	&vexfs_attr_searches.attr,
	&vexfs_attr_vectors_compared.attr,
	NULL
};

static ssize_t vexfs_attr_show(struct kobject *kobj, struct attribute *attr,
			       char *buf)
{
	struct vexfs_sb_info *sbi = container_of(kobj, struct vexfs_sb_info,
						 s_kobj);
	struct vexfs_attr *a = container_of(attr, struct vexfs_attr, attr);

	return sysfs_emit(buf, "%llu\n", a->show(sbi));
}

static const struct sysfs_ops vexfs_sysfs_ops = {
	.show	= vexfs_attr_show,
};

static void vexfs_sb_release(struct kobject *kobj)
{
	struct vexfs_sb_info *sbi = container_of(kobj, struct vexfs_sb_info,
						 s_kobj);

	complete(&sbi->s_kobj_unregister);
}

static const struct kobj_type vexfs_sb_ktype = {
	.sysfs_ops	= &vexfs_sysfs_ops,
	.release	= vexfs_sb_release,
};

int vexfs_register_sysfs(struct super_block *sb)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);
	int err;

	init_completion(&sbi->s_kobj_unregister);
	sbi->s_kobj.kset = vexfs_kset;
	err = kobject_init_and_add(&sbi->s_kobj, &vexfs_sb_ktype, NULL, "%s",
				   sb->s_id);
	if (!err)
		err = sysfs_create_files(&sbi->s_kobj,
					 (const struct attribute **)
					 vexfs_attr_list);
	if (err) {
		vexfs_msg(sb, KERN_ERR, "cannot register in sysfs: %d", err);
		kobject_put(&sbi->s_kobj);
		wait_for_completion(&sbi->s_kobj_unregister);
	}
	return err;
}

void vexfs_unregister_sysfs(struct super_block *sb)
{
	struct vexfs_sb_info *sbi = VEXFS_SB(sb);

	kobject_del(&sbi->s_kobj);
	kobject_put(&sbi->s_kobj);
	wait_for_completion(&sbi->s_kobj_unregister);
}

int vexfs_init_sysfs(void)
{
	vexfs_kset = kset_create_and_add("vexfs", NULL, fs_kobj);
	return vexfs_kset ? 0 : -ENOMEM;
}

void vexfs_exit_sysfs(void)
{
	kset_unregister(vexfs_kset);
}

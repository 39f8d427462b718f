// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: errors, said to the log and put on record in the superblock.
 */

#include "vexfs.h"

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
	vexfs_super_set_csum(es);
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

// SPDX-License-Identifier: GPL-2.0
/*
 * VexFS: what is said to the log.
 */

#include "vexfs.h"

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

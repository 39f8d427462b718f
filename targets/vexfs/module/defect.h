/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VEXFS_DEFECT_H
#define VEXFS_DEFECT_H

#include <linux/kconfig.h>

/*
 * Whether the build has the named mistake in it, see ../defects.toml. The
 * compiler drops what depends on one that was not asked for.
 */
#define VEXFS_DEFECT(name)	__is_defined(VEXFS_DEFECT_##name)

#endif /* VEXFS_DEFECT_H */

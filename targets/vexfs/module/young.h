/* SPDX-License-Identifier: GPL-2.0 */
#ifndef VEXFS_YOUNG_H
#define VEXFS_YOUNG_H

#include <linux/kconfig.h>
#include <linux/sizes.h>

/*
 * Whether the build lacks the named capability, as a filesystem at its
 * beginning does: see "Young builds" in ../README.md. Where the VFS has an
 * answer for a missing operation, the operation is missing and nothing else.
 */
#define VEXFS_YOUNG(word)	__is_defined(VEXFS_YOUNG_##word)

/* The limits of young builds. */
#define VEXFS_SMALL_FILE_MAX	(48 * SZ_1K)	/* the direct blocks */
#define VEXFS_SHORT_NAME_MAX	32
#define VEXFS_FEW_LINKS_MAX	250		/* as minix has */
#define VEXFS_COARSE_SECONDS	2		/* as FAT has */

#endif /* VEXFS_YOUNG_H */

/* SPDX-License-Identifier: GPL-2.0 */
/* VexFS: kernel_fpu_begin() and kernel_fpu_end(), wherever they come from. */
#ifndef VEXFS_FPU_H
#define VEXFS_FPU_H

#ifdef CONFIG_ARCH_HAS_KERNEL_FPU_SUPPORT
#include <linux/fpu.h>
#else
#include <asm/fpu/api.h>
#endif

#endif /* VEXFS_FPU_H */

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Gives each mmap(2) one place of coverage and one comparison.
 *
 * syzkaller proves KCOV by an mmap(2) that must show both. In kernels that
 * instrument the module under test alone it shows neither, so syz-manager
 * would not begin. Built, as that module is, with KCOV_INSTRUMENT=y.
 */

#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>

static unsigned long calls;

/* unsigned long vm_mmap_pgoff(file, addr, len, prot, flag, pgoff) */
static int on_mmap(struct kprobe *probe, struct pt_regs *regs)
{
	if (regs->dx != SZ_1G) /* a number that nobody maps */
		WRITE_ONCE(calls, READ_ONCE(calls) + 1);
	return 0;
}

static struct kprobe probe = {
	.symbol_name = "vm_mmap_pgoff",
	.pre_handler = on_mmap,
};

static int __init kcovmark_init(void)
{
	return register_kprobe(&probe);
}

static void __exit kcovmark_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(kcovmark_init);
module_exit(kcovmark_exit);

MODULE_DESCRIPTION("One place of coverage for each mmap(2)");
MODULE_LICENSE("GPL");

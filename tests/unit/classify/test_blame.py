"""Who is blamed: functions that never are, functions whose names only look like those, and a stalled CPU's entry point.

Names are the kernel's own; each row says where the function lives.
"""

from __future__ import annotations

import pytest

from vexlab.classify import classify
from vexlab.classify.skips import skipped

NEVER = (
    "__create_object",  # mm/kmemleak.c
    "assign_lock_key",  # kernel/locking/lockdep.c
    "valid_state",
    "print_trailer",  # mm/slub.c
    "_find_nth_bit",  # lib/find_bit.c
    "wake_page_function",  # mm/filemap.c
    "__traceiter_sched_switch",  # include/linux/tracepoint.h
    "bug_brk_handler",  # arch/arm64/kernel/traps.c
    "do_el1_brk64",  # arch/arm64/kernel/entry-common.c
    "program_check_common_virt",  # arch/powerpc/kernel/exceptions-64s.S
    "__do_pgm_check",  # arch/s390/kernel/traps.c
    "mmioset",  # memset() in ARM's symbol table
    "__copy_tofrom_user_power7",  # arch/powerpc/lib
    "kzfree",  # mm/slab_common.c until 5.8
    "free_unref_page_commit",  # mm/page_alloc.c
    "vma_alloc_folio_noprof",  # mm/mempolicy.c
    "vrealloc_noprof",  # mm/vmalloc.c
    "slab_free_freelist_hook",  # mm/slub.c
    "seq_vprintf",  # fs/seq_file.c
    "complete_with_flags",  # kernel/sched/completion.c
    "__timer_delete_sync",  # kernel/time/timer.c
    "__try_to_del_timer_sync",
    "work_grab_pending",  # kernel/workqueue.c
    "__cancel_work_sync",
    "lock_set_class",  # kernel/locking/lockdep.c
    "__get_user_nocheck_8",  # arch/x86/lib/getuser.S
    "mntput_no_expire",  # fs/namespace.c
    "path_put",  # fs/namei.c
    "__brelse",  # fs/buffer.c
    "mark_buffer_dirty",
    "folios_put_refs",  # mm/swap.c
    "assfail",  # fs/xfs/xfs_message.c
    "btrfs_assertfail",  # fs/btrfs/messages.c
    "gfs2_assert_withdraw_i",  # fs/gfs2/util.c
    "mod_timer",  # kernel/time/timer.c
    "timer_shutdown_sync",
    "destroy_workqueue",  # kernel/workqueue.c
    "__flush_workqueue",
    "drain_workqueue",
    "__rhashtable_lookup",  # include/linux/rhashtable.h
    "read_word_at_a_time",  # include/asm-generic/rwonce.h
    "sized_strscpy",  # lib/string.c since 6.11
    "bus_for_each_dev",  # drivers/base/bus.c
    "device_for_each_child",  # drivers/base/core.c
    "crypto_shash_update",  # crypto/shash.c
    "skcipher_walk_next",  # crypto/skcipher.c
    "raw_spin_rq_lock_nested",  # kernel/sched/core.c
    "task_rq_lock",
    "__set_page_owner",  # mm/page_owner.c
    "get_taint",  # kernel/panic.c, seen on ARM below panic()
    "vpanic",  # kernel/panic.c since 6.13
    "setup_object",  # mm/slub.c, calls a cache's constructor
    "rcu_note_context_switch",  # kernel/rcu/tree_plugin.h
    "__pfx_memcpy",  # a symbol of the padding before memcpy(), arch/x86
    "___slab_alloc",
    "alloc_frozen_pages_noprof",  # mm/page_alloc.c since 6.14
)
MAY_BE = (
    "get_user_pages_remote",  # mm/gup.c, no copy from user space
    "put_user_ns",  # include/linux/user_namespace.h
    "lockref_get",  # lib/lockref.c, no kref
    "flush_cpu_slab",  # mm/slub.c, a work of its own
    "try_to_wake_up",  # kernel/sched/core.c
    "uevent_show",  # drivers/base/core.c
    "sysfs_emit_at",  # fs/sysfs/file.c
    "tcf_queue_work",  # net/sched/cls_api.c
    "xa_destroy",  # lib/xarray.c
    "radix_tree_next_chunk",  # lib/radix-tree.c
    "__crc32c_le_base",  # lib/crc32.c
    "el0_svc",  # arch/arm64/kernel/entry-common.c, the way in of every system call
    "handle_ring_buffer",
    "do_page_fault",  # where a sleep in an atomic section shows, arch/*/mm/fault.c
    "delayed_work_timer_fn",  # kernel/workqueue.c
    "posix_clock_release",  # kernel/time/posix-clock.c, no lock_release()
    "fsnotify_add_mark_locked",  # no mark_lock()
    "kvm_device_release",  # virt/kvm/kvm_main.c
    "mb_set_bits",  # fs/ext4/mballoc.c
    "get_dump_page",  # mm/gup.c
    "mptcp_cancel_work",  # net/mptcp/protocol.c
    "inet_frag_rbtree_purge",  # net/ipv4/inet_fragment.c
    "nilfs_bmap_lookup_at_level",
    "demo_free_pages",  # names of a filesystem's own that end like the kernel's helpers
    "demo_set_bit",
    "demo_sysfs_remove",
    "demo_list_del",
    "demo_iput",
    "demo_kfree_blocks",
    "demo_spin_lock_init",
    "ext4_iget_memcpy_label",
    "demo_refcount_dec",
    "exfat_free_bitmap",
    "f2fs_wait_on_block",
    "xfs_buf_lock",
    "demo_alloc_pages",
    "demo_panic_on_error",
    "demo_dump_stack_of_blocks",
    "demo_string",
    "demo_mutex_lock",
    "demo_flush_work",
    "aead_recvmsg",  # crypto/algif_aead.c, a socket
    "remove_wait_queue",  # kernel/sched/wait.c, where a freed queue shows
)


@pytest.mark.parametrize("name", NEVER)
def test_machinery_is_never_guilty(name: str) -> None:
    assert skipped(name)


@pytest.mark.parametrize("name", MAY_BE)
def test_a_name_that_only_looks_like_machinery_may_be_guilty(name: str) -> None:
    assert not skipped(name)


def _frames(names: str) -> str:
    return "".join(f" {name}+0x12/0x340\n" for name in names.split())


_X86 = "do_syscall_64 entry_SYSCALL_64_after_hwframe"
STALLS = {
    "a timer's": ("demo_spin demo_timer __run_hrtimer __hrtimer_run_queues hrtimer_interrupt", "demo_timer"),
    "an idle CPU": ("native_safe_halt default_idle do_idle cpu_startup_entry start_secondary", "do_idle"),
    "connect()": (f"demo_spin demo_connect __sys_connect_file __sys_connect __x64_sys_connect {_X86}", "demo_connect"),
    "a socket's release": (f"demo_spin demo_release __sock_release sock_close __fput {_X86}", "demo_release"),
    "arm64 4.19": ("demo_spin __arm64_sys_ppoll el0_svc_common el0_svc_handler el0_svc", "sys_ppoll"),
    "arm64": ("demo_spin __arm64_sys_ppoll invoke_syscall el0_svc_common do_el0_svc el0_svc", "sys_ppoll"),
    "s390": ("demo_spin __s390x_sys_ppoll __do_syscall system_call", "sys_ppoll"),
    "RISC-V": ("demo_spin __riscv_sys_ppoll do_trap_ecall_u ret_from_exception", "sys_ppoll"),
    "a user's page fault": ("demo_spin demo_fault do_page_fault ret_from_exception", "demo_fault"),
    "setsockopt()": (f"demo_spin sock_setsockopt do_sock_setsockopt __sys_setsockopt {_X86}", "do_sock_setsockopt"),
    "a signal": (f"demo_spin get_signal exit_to_user_mode_loop {_X86}", "exit_to_user_mode_loop"),
    "a core dump": ("demo_spin demo_write_iter __kernel_write_iter dump_emit_page do_coredump", "demo_write_iter"),
}  # fmt: skip


@pytest.mark.parametrize("name", STALLS)
def test_a_stalled_cpu_is_named_after_the_entry_point(name: str) -> None:
    frames, blamed = STALLS[name]
    first, rest = frames.split(" ", 1)
    text = (
        "watchdog: BUG: soft lockup - CPU#0 stuck for 23s! [cat:77]\nModules linked in: demo\n"
        f"CPU: 0 PID: 77 Comm: cat Not tainted 6.1.0 #1\nRIP: 0010:{first}+0x34/0x90\nCall Trace:\n <TASK>\n"
        f"{_frames(rest)} </TASK>\n"
    )
    (report,) = classify(text)
    assert (report.title, report.corrupted) == (f"BUG: soft lockup in {blamed}", False)


_CPU = "CPU: 0 PID: 77 Comm: cat Not tainted 6.9.0 #1\nHardware name: VM\n"
OOPS_FORMATS = {
    "kmemleak since 6.8": (
        'BUG: memory leak\nunreferenced object 0xffff8881019e6d00 (size 256):\n  comm "cat", pid 77, jiffies 42\n'
        f"  backtrace (crc 1a2b3c4d):\n{_frames('kmem_cache_alloc_noprof demo_open vfs_open')}\n",
        "memory leak in demo_open",
    ),
    "page tables": (
        "BUG: non-zero pgtables_bytes on freeing mm: 4096\n",
        "BUG: non-zero pgtables_bytes on freeing mm: NUM",
    ),
    "an unbalanced work": (
        "BUG: workqueue leaked atomic, lock or RCU: kworker/0:1[77]\n"
        "     preempt=0x00000000 lock=0->0 RCU=0->1 workfn=demo\n"
        f"{_CPU}Call Trace:\n{_frames('dump_stack_lvl process_one_work worker_thread')}",
        "BUG: workqueue leaked atomic, lock or RCU: kworker/NUM:NUM[NUM]",
    ),
    "RISC-V, whose registers are followed by frames without a heading": (
        "Unable to handle kernel paging request at virtual address 0000000000000010\nOops [#1]\nModules linked in:\n"
        f"{_CPU}epc : __asm_copy_to_user+0x10/0x40\n ra : demo_read+0x90/0x190\n"
        "status: 0000000200000120 badaddr: 0000000000000010 cause: 000000000000000d\n"
        "[<ffffffff80412344>] __asm_copy_to_user+0x10/0x40\n[<ffffffff80312300>] demo_read+0x90/0x190\n"
        "[<ffffffff80310000>] vfs_read+0x120/0x320\n---[ end trace 0000000000000000 ]---\n",
        "BUG: unable to handle kernel paging request in demo_read",
    ),
    "decoded KASAN": (
        "BUG: KASAN: slab-use-after-free in atomic_read include/linux/atomic.h:32 [inline]\n"
        "BUG: KASAN: slab-use-after-free in demo_get+0x12/0x34 demo.c:12\n"
        f"Read of size 4 at addr ffff88807dcf7668 by task cat/77\n\n{_CPU}Call Trace:\n"
        f"{_frames('dump_stack_lvl kasan_report demo_get demo_open')}",
        "KASAN: slab-use-after-free Read in demo_get",
    ),
    "decoded WARN()": (
        "WARNING: CPU: 3 PID: 77 at demo.h:30 demo_inline demo.h:30 [inline]\n"
        "WARNING: CPU: 3 PID: 77 at demo.h:30 demo_work+0x37f/0x410 demo.c:99\nModules linked in:\n"
        f"{_CPU}RIP: 0010:demo_inline demo.h:30 [inline]\nRIP: 0010:demo_work+0x37f/0x410 demo.c:99\n"
        f"Call Trace:\n <TASK>\n{_frames('process_one_work worker_thread kthread')} </TASK>\n",
        "WARNING in demo_work",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OOPS_FORMATS)
def test_newer_wordings(name: str) -> None:
    text, title = OOPS_FORMATS[name]
    (report,) = classify(text)
    assert (report.title, report.corrupted) == (title, False)


_STALLED_CPU = "CPU: 0 PID: 1 Comm: cat Not tainted 6.1.0 #1\n"
RCU_STALLS = {
    "RISC-V": "epc : demo_spin+0x10/0x40\n ra : demo_x+0x90/0x190\n"
    "status: 0000000200000120 badaddr: 0000000000000000 cause: 8000000000000005\n"
    "[<ffffffff80412344>] demo_spin+0x10/0x40\n[<ffffffff80412344>] demo_poll+0x10/0x40\n"
    "[<ffffffff80412344>] __riscv_sys_ppoll+0x10/0x40\n[<ffffffff80412344>] do_trap_ecall_u+0x10/0x40\n",
    "s390": "Krnl PSW : 0704c00180000000 000003ff80123456 (demo_spin+0x56/0x90)\nCall Trace:\n"
    " [<000003ff80123456>] demo_spin+0x56/0x90\n [<00000000003a1b2c>] demo_poll+0x9c/0x180\n"
    " [<00000000003a1b2c>] __s390x_sys_ppoll+0x9c/0x180\n [<00000000003a1b2c>] __do_syscall+0x9c/0x180\n",
    "arm64": "pstate: 60400005\npc : demo_spin+0x10/0x40\nlr : demo_x+0x1/0x20\nCall trace:\n"
    + _frames("demo_spin demo_poll __arm64_sys_ppoll invoke_syscall el0_svc"),
}  # fmt: skip


@pytest.mark.parametrize("name", RCU_STALLS)
def test_a_stall_that_prints_the_registers_of_its_own_cpu(name: str) -> None:
    text = (
        "rcu: INFO: rcu_preempt self-detected stall on CPU\nrcu: \t0-....: (10499 ticks this GP) idle=3fd4\n"
        f"rcu: \t(t=10500 jiffies g=10389 q=77 ncpus=2)\n{_STALLED_CPU}{RCU_STALLS[name]}"
    )
    (report,) = classify(text)
    assert (report.title, report.corrupted) == ("INFO: rcu detected stall in sys_ppoll", False)


def _stalled_in(module: str) -> str:
    own = [f"{module}_find+0x1/0x20 [{module}]", f"{module}_lookup+0x1/0x20 [{module}]"]
    callers = "__lookup_slow walk_component path_openat do_filp_open do_syscall_64"
    frames = [*own, *(f"{name}+0x1/0x20" for name in callers.split())]
    return (
        "rcu: INFO: rcu_preempt self-detected stall on CPU\nrcu: \t0-....: (10499 ticks this GP) idle=3fd4\n"
        f"rcu: \t(t=10500 jiffies g=10389 q=77 ncpus=2)\n{_STALLED_CPU}RIP: 0010:{frames[0]}\nCall Trace:\n <IRQ>\n"
        " ? asm_sysvec_apic_timer_interrupt+0x1a/0x20\n </IRQ>\n <TASK>\n"
        + "".join(f" {frame}\n" for frame in frames[1:])
    )


def test_a_stall_in_a_module_is_named_after_the_modules_own_entry() -> None:
    one, two = (classify(_stalled_in(name), target_modules=[name])[0] for name in ("demo", "other"))
    assert (one.title, one.target_frame) == ("INFO: rcu detected stall in demo_lookup", "demo_find")
    assert one.fingerprint != two.fingerprint
    assert classify(_stalled_in("demo"))[0].title == "INFO: rcu detected stall in path_openat"


@pytest.mark.parametrize(
    "own", ["demo_free_pages", "demo_kasan_check", "demo_spin_lock", "spin_lock_demo", "kfree_demo"]
)
def test_a_module_under_test_is_never_passed_over(own: str) -> None:
    text = (
        f"BUG: kernel NULL pointer dereference, address: 0\nOops: 0000 [#1] SMP\n{_CPU}RIP: 0010:memcpy+0x1/0x20\n"
        f"Call Trace:\n {own}+0x1/0x20 [demo]\n vfs_read+0x1/0x20\n ksys_read+0x1/0x20\n"
    )
    (report,) = classify(text, target_modules=["demo"])
    assert (report.frame, report.target_frame) == (own, own)

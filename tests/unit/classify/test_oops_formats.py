"""How kernels of many ages and architectures print their troubles; each log is written after the kernel's sources."""

from __future__ import annotations

import pytest

from vexlab.classify import classify, severity
from vexlab.model.report import Severity

X86_26 = """\
BUG: unable to handle kernel NULL pointer dereference at (null)
IP: [<ffffffffa0123456>] demo_ioctl+0x56/0x90 [demo]
PGD 12345067 PUD 12346067 PMD 0
Oops: 0002 [#1] SMP
last sysfs file: /sys/devices/virtual/block/dm-0/dev
CPU 1
Modules linked in: demo(U) ext4 jbd2
Pid: 4711, comm: cat Not tainted 2.6.32-71.el6.x86_64 #1 Demo
RIP: 0010:[<ffffffffa0123456>]  [<ffffffffa0123456>] demo_ioctl+0x56/0x90 [demo]
RSP: 0018:ffff880037b4be58  EFLAGS: 00010246
Process cat (pid: 4711, threadinfo ffff880037b4a000, task ffff88003d0a1540)
Call Trace:
 [<ffffffff8117fa12>] vfs_ioctl+0x22/0xa0
 [<ffffffff8117fbb4>] do_vfs_ioctl+0x84/0x580
 [<ffffffff81180131>] sys_ioctl+0x81/0xa0
 [<ffffffff81013172>] system_call_fastpath+0x16/0x1b
Code: 00 00
RIP  [<ffffffffa0123456>] demo_ioctl+0x56/0x90 [demo]
"""
I386_26 = """\
BUG: unable to handle kernel paging request at 6b6b6b6b
IP: [<c0212345>] demo_lookup+0x25/0x60
*pde = 00000000
Oops: 0000 [#1] SMP
Pid: 1, comm: init Not tainted (2.6.27 #1)
EIP: 0060:[<c0212345>] EFLAGS: 00010202 CPU: 0
EIP is at demo_lookup+0x25/0x60
Call Trace:
 [<c0190001>] ? real_lookup+0x11/0x90
 [<c0190002>] do_lookup+0x12/0x90
 [<c0190003>] path_walk+0x13/0x90
"""
ARM_OLD = """\
Unable to handle kernel NULL pointer dereference at virtual address 00000010
pgd = c0004000
[00000010] *pgd=00000000
Internal error: Oops: 17 [#1] PREEMPT SMP ARM
Modules linked in:
CPU: 0 PID: 99 Comm: sh Not tainted 3.18.0 #1
task: ee123440 ti: ee456000 task.ti: ee456000
PC is at demo_probe+0x1c/0x80
LR is at platform_drv_probe+0x54/0xb8
pc : [<c0512345>]    lr : [<c0498765>]    psr: 60000013
Process sh (pid: 99, stack limit = 0xee456240)
[<c0512345>] (demo_probe) from [<c0498765>] (platform_drv_probe+0x54/0xb8)
[<c0498765>] (platform_drv_probe) from [<c0496543>] (driver_probe_device+0x1d8/0x2b8)
[<c0496543>] (driver_probe_device) from [<c0494321>] (bus_for_each_dev+0x6c/0xa0)
Code: e1a00001 (e5901010)
---[ end trace 0123456789abcdef ]---
"""
ARM_NEW = """\
8<--- cut here ---
Unable to handle kernel paging request at virtual address dead4ead when write
[dead4ead] *pgd=00000000
Internal error: Oops: 805 [#1] SMP ARM
CPU: 1 PID: 99 Comm: sh Not tainted 6.1.0 #1
PC is at demo_remove+0x1c/0x80
LR is at platform_remove+0x54/0xb8
 demo_remove from platform_remove+0x20/0x2c
 platform_remove from device_release_driver_internal+0x1d8/0x2b8
 device_release_driver_internal from unbind_store+0x54/0x60
 unbind_store from kernfs_fop_write_iter+0x100/0x1e0
Code: e1a00001 (e5901010)
"""
ARM64 = """\
Unable to handle kernel paging request at virtual address dead000000000108
Mem abort info:
  ESR = 0x0000000096000044
Internal error: Oops: 0000000096000044 [#1] PREEMPT SMP
Modules linked in: demo(OE)
CPU: 2 PID: 321 Comm: rmmod Tainted: G           OE      6.1.0 #1
pstate: 60400005 (nZCv daif +PAN -UAO -TCO -DIT -SSBS BTYPE=--)
pc : demo_exit+0x1c/0x1000 [demo]
lr : demo_exit+0x18/0x1000 [demo]
sp : ffff80000abc3d40
Call trace:
 demo_exit+0x1c/0x1000 [demo]
 __arm64_sys_delete_module+0x190/0x2c0
 invoke_syscall+0x48/0x110
 el0_svc+0x30/0xe0
Code: 91000000 (f9000000)
"""
POWERPC = """\
BUG: Kernel NULL pointer dereference on write at 0x00000000
Faulting instruction address: 0xc008000000123456
Oops: Kernel access of bad area, sig: 11 [#1]
LE PAGE_SIZE=64K MMU=Radix SMP NR_CPUS=2048 NUMA pSeries
CPU: 3 PID: 4711 Comm: insmod Tainted: G           OE      5.14.0 #1
NIP:  c008000000123456 LR: c008000000123400 CTR: c000000000abcdef
REGS: c00000000123f800 TRAP: 0300   Tainted: G           OE
NIP [c008000000123456] demo_init+0x56/0x90 [demo]
LR [c008000000123400] demo_init+0x30/0x90 [demo]
Call Trace:
[c00000000123fb00] [c008000000123400] demo_init+0x30/0x90 [demo] (unreliable)
[c00000000123fb30] [c000000000010000] do_one_initcall+0x60/0x2d0
[c00000000123fc00] [c000000000230000] do_init_module+0x7c/0x2f0
Instruction dump:
7c0802a6
"""
S390 = """\
Unable to handle kernel pointer dereference in virtual kernel address space
Failing address: 0000000000000000 TEID: 0000000000000483
Oops: 0004 ilc:2 [#1] SMP
CPU: 0 PID: 321 Comm: cat Not tainted 5.10.0 #1
Krnl PSW : 0704c00180000000 000003ff80123456 (demo_read+0x56/0x90 [demo])
Krnl GPRS: 0000000000000000 0000000000000001
Call Trace:
 [<000003ff80123456>] demo_read+0x56/0x90 [demo]
 [<00000000003a1b2c>] vfs_read+0x9c/0x180
 [<00000000003a1d3e>] ksys_read+0x6e/0x100
Last Breaking-Event-Address:
"""
MIPS = """\
CPU 0 Unable to handle kernel paging request at virtual address 00000010, epc == 80412344, ra == 80412300
Oops[#1]:
CPU: 0 PID: 77 Comm: sh Not tainted 4.14.95 #0
epc   : 80412344 demo_show+0x24/0x60
ra    : 80412300 dev_attr_show+0x20/0x50
Status: 1100fc03 KERNEL EXL IE
Call Trace:
[<80412344>] demo_show+0x24/0x60
[<80412300>] dev_attr_show+0x20/0x50
[<80200000>] sysfs_kf_seq_show+0x90/0x130
Code: 8c420010
"""
MIPS_BUG = """\
Kernel bug detected[#1]:
CPU: 0 PID: 77 Comm: sh Not tainted 4.14.95 #0
epc   : 80412344 demo_store+0x24/0x60
ra    : 80412300 dev_attr_store+0x20/0x50
Call Trace:
[<80412344>] demo_store+0x24/0x60
[<80412300>] dev_attr_store+0x20/0x50
Code: 8c420010
"""
RISCV = """\
Unable to handle kernel NULL pointer dereference at virtual address 0000000000000008
Oops [#1]
Modules linked in:
CPU: 0 PID: 33 Comm: cat Not tainted 6.1.0 #1
epc : demo_open+0x10/0x40
 ra : chrdev_open+0x90/0x190
epc : ffffffff80412344 ra : ffffffff80312300 sp : ff20000000abcd00
status: 0000000200000120 badaddr: 0000000000000008 cause: 000000000000000d
[<ffffffff80412344>] demo_open+0x10/0x40
[<ffffffff80312300>] chrdev_open+0x90/0x190
[<ffffffff80310000>] do_dentry_open+0x120/0x320
---[ end trace 0000000000000000 ]---
"""
LOONGARCH = """\
CPU 0 Unable to handle kernel paging request at virtual address 0000000000000008, era == 9000000000412344
Oops[#1]:
CPU: 0 PID: 33 Comm: cat Not tainted 6.6.0 #1
   ERA: 9000000000412344 demo_open+0x10/0x40
    RA: 9000000000312300 chrdev_open+0x90/0x190
Call Trace:
[<9000000000412344>] demo_open+0x10/0x40
[<9000000000312300>] chrdev_open+0x90/0x190
[<9000000000310000>] do_dentry_open+0x120/0x320
"""
SPARC = """\
Unable to handle kernel NULL pointer dereference
tsk->{mm,active_mm}->context = 0000000000000123
sh(99): Oops [#1]
CPU: 0 PID: 99 Comm: sh Not tainted 4.9.0 #1
TSTATE: 0000000011001606 TPC: 0000000010012344 TNPC: 0000000010012348 Y: 00000000    Not tainted
TPC: <demo_write+0x24/0x60 [demo]>
Call Trace:
 [0000000000512300] vfs_write+0x90/0x1a0
 [0000000000512400] SyS_write+0x40/0xa0
 [0000000000406234] linux_sparc_syscall+0x34/0x44
"""
WARN_26 = """\
------------[ cut here ]------------
WARNING: at fs/demo/inode.c:123 demo_evict+0x1a/0x40 [demo]() (Not tainted)
Hardware name: VM
Modules linked in: demo
Pid: 77, comm: umount Not tainted 2.6.35 #1
Call Trace:
 [<ffffffff8104e2b2>] warn_slowpath_common+0x72/0xa0
 [<ffffffff8104e2ea>] warn_slowpath_null+0x1a/0x20
 [<ffffffffa000101a>] demo_evict+0x1a/0x40 [demo]
 [<ffffffff8112c001>] evict+0x21/0xb0
---[ end trace 0123456789abcdef ]---
"""
WARN_NEXT = """\
------------[ cut here ]------------
WARNING: fs/demo/inode.c:123 at demo_evict+0x1a/0x40 [demo], CPU#1: umount/77
Modules linked in: demo
CPU: 1 UID: 0 PID: 77 Comm: umount Tainted: G        W  O        6.18.0 #1 PREEMPT(voluntary)
Tainted: [W]=WARN, [O]=OOT_MODULE
RIP: 0010:demo_evict+0x1a/0x40 [demo]
Call Trace:
 <TASK>
 evict+0x21/0xb0
 dispose_list+0x48/0x70
 </TASK>
---[ end trace 0000000000000000 ]---
"""
BADNESS = """\
Badness at fs/demo.c:77
Call Trace:
 [<c0123456>] demo_sync+0x16/0x50
 [<c0123457>] sync_supers+0x17/0x50
 [<c0123458>] pdflush+0x18/0x50
"""
LOCKDEP_OLD = """\
=============================================
[ INFO: possible recursive locking detected ]
2.6.32 #1
---------------------------------------------
mount/77 is trying to acquire lock:
 (&sb->s_type->i_mutex_key){+.+.+.}, at: [<ffffffffa0001234>] demo_mkdir+0x34/0x90 [demo]

but task is already holding lock:
 (&sb->s_type->i_mutex_key){+.+.+.}, at: [<ffffffff81123456>] do_mkdirat+0x56/0x90

stack backtrace:
Pid: 77, comm: mount Not tainted 2.6.32 #1
Call Trace:
 [<ffffffff81080001>] __lock_acquire+0x1/0x90
 [<ffffffffa0001234>] demo_mkdir+0x34/0x90 [demo]
 [<ffffffff81123456>] vfs_mkdir+0x56/0x90
"""
SOFT_OLD = """\
BUG: soft lockup - CPU#0 stuck for 61s! [cat:77]
CPU 0:
Pid: 77, comm: cat Not tainted 2.6.32 #1
RIP: 0010:[<ffffffffa0001234>]  [<ffffffffa0001234>] demo_spin+0x34/0x90 [demo]
Call Trace:
 [<ffffffffa0002345>] demo_read+0x45/0x90 [demo]
 [<ffffffff81123456>] vfs_read+0x56/0x90
 [<ffffffff81123567>] sys_read+0x67/0x90
 [<ffffffff81013172>] system_call_fastpath+0x16/0x1b
"""
SLUB = """\
=============================================================================
BUG demo_inode_cache (Tainted: G           OE     ): Poison overwritten
-----------------------------------------------------------------------------

0xffff888003a1c040-0xffff888003a1c043 @offset=64. First byte 0x1 instead of 0x6b
Allocated in demo_alloc_inode+0x1a/0x30 [demo] age=12 cpu=0 pid=77
Freed in demo_free_inode+0x15/0x20 [demo] age=3 cpu=0 pid=77
Slab 0xffffea00000e8700 objects=21 used=20 fp=0xffff888003a1c040 flags=0x100000000010200
CPU: 0 PID: 78 Comm: ls Tainted: G           OE      6.1.0 #1
Call Trace:
 <TASK>
 dump_stack_lvl+0x44/0x5c
 check_bytes_and_report.cold+0x6d/0xa6
 check_object+0x1ad/0x290
 demo_alloc_inode+0x1a/0x30 [demo]
 </TASK>
FIX demo_inode_cache: Restoring Poison 0xffff888003a1c040-0xffff888003a1c043=0x6b
"""
HARD = """\
NMI watchdog: Watchdog detected hard LOCKUP on cpu 0
Modules linked in: demo
CPU: 0 PID: 77 Comm: cat Not tainted 5.10.0 #1
RIP: 0010:demo_spin+0x34/0x90 [demo]
Call Trace:
 demo_read+0x45/0x90 [demo]
 vfs_read+0x56/0x90
 ksys_read+0x67/0x90
 do_syscall_64+0x33/0x80
"""

NULL = "BUG: unable to handle kernel NULL pointer dereference"
PAGING = "BUG: unable to handle kernel paging request"
CASES = {
    "x86-64 2.6": (X86_26, f"{NULL} in demo_ioctl", "NULL-POINTER-DEREFERENCE"),
    "i386 2.6": (I386_26, f"{PAGING} in demo_lookup", "MEMORY_SAFETY_BUG"),
    "ARM 3.18": (ARM_OLD, f"{NULL} in demo_probe", "NULL-POINTER-DEREFERENCE"),
    "ARM 6.1": (ARM_NEW, f"{PAGING} in demo_remove", "MEMORY_SAFETY_BUG"),
    "arm64": (ARM64, f"{PAGING} in demo_exit", "MEMORY_SAFETY_BUG"),
    "PowerPC": (POWERPC, f"{NULL} in demo_init", "NULL-POINTER-DEREFERENCE"),
    "s390": (S390, f"{PAGING} in demo_read", "MEMORY_SAFETY_BUG"),
    "MIPS": (MIPS, f"{PAGING} in demo_show", "MEMORY_SAFETY_BUG"),
    "MIPS BUG()": (MIPS_BUG, "kernel BUG in demo_store", "BUG"),
    "RISC-V": (RISCV, f"{NULL} in demo_open", "NULL-POINTER-DEREFERENCE"),
    "LoongArch": (LOONGARCH, f"{PAGING} in demo_open", "MEMORY_SAFETY_BUG"),
    "SPARC": (SPARC, f"{NULL} in demo_write", "NULL-POINTER-DEREFERENCE"),
    "WARN 2.6": (WARN_26, "WARNING in demo_evict", "WARNING"),
    "WARN 6.18": (WARN_NEXT, "WARNING in demo_evict", "WARNING"),
    "Badness": (BADNESS, "WARNING in demo_sync", "WARNING"),
    "lockdep 2.6": (LOCKDEP_OLD, "possible deadlock in demo_mkdir", "LOCKDEP"),
    "soft lockup 2.6": (SOFT_OLD, "BUG: soft lockup in demo_read", "HANG"),
    "hard lockup": (HARD, "BUG: hard lockup in demo_read", "HANG"),
    "SLUB": (SLUB, "BUG: slab demo_inode_cache: Poison overwritten", "UNKNOWN"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_one_report_with_the_right_title(name: str) -> None:
    text, title, kind = CASES[name]
    found = classify(text, target_modules=["demo"])
    assert [(report.title, report.type, report.corrupted) for report in found] == [(title, kind, False)]
    if "[demo]" in text:
        assert found[0].in_target
        assert found[0].target_frame.startswith("demo_")


NOT_CRASHES = {
    "firmware": "WARNING: RO_VPD is uninitialized or empty.\nWARNING: RW_VPD is empty\n"
    "[    0.000000] Linux version 6.1.0\n[    0.100000] all is well\n",
    "trusted firmware": "NOTICE:  BL1: v2.4\nINFO:    BL1: RAM 0xe03b000\nWARNING: BL2: no FIP\nBooting the kernel.\n"
    "[    0.000000] Booting Linux on physical CPU 0x0\n",
    "a program between kernel lines": "[    5.000000] EXT4-fs (vda): mounted filesystem\n"
    "WARNING: apt does not have a stable CLI interface.\nINFO: starting test suite\n"
    "[    6.000000] random: crng init done\n",
    "a program in the journal": "Nov 21 02:10:11 vm app[77]: BUG: cannot happen\n"
    "Nov 21 02:10:11 vm app[77]: WARNING: CPU: 0\n",
    "a program in the kernel's log": "[    5.000000] systemd[1]: WARNING: late\n[    6.000000] app[77]: BUG: no\n",
    "a compiler": "demo.c:3:10: fatal error: missing.h: No such file or directory\n"
    "WARNING: modpost: missing MODULE_LICENSE()\n",
    "a user-space fault": "[   10.000000] traps: cat[77] general protection fault ip:401000 sp:7ffc error:0 "
    "in cat[400000+1000]\n"
    "[   10.000000] cat[77]: segfault at 0 ip 0 sp 0 error 4 in cat[400000+1000]\n",
    "other words": "[    1.000000] ODEBUG: selftest passed\n[    1.000000] MY_INFO: x\n[    1.000000] u_panic: 3\n",
    "harmless remarks": "[    1.000000] INFO: lockdep is turned off.\n"
    "[    1.000000] perf: interrupt took too long (2500 > 2400), lowering\n"
    "[    1.000000] INFO: NMI handler (nmi_cpu_backtrace_handler) took too long to run: 1.2 msecs\n",
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_CRASHES)
def test_no_report_where_nothing_crashed(name: str) -> None:
    assert classify(NOT_CRASHES[name]) == ()


def test_what_follows_on_a_crash_is_grouped_with_it() -> None:
    panicked = X86_26 + "Kernel panic - not syncing: Fatal exception\nRebooting in 10 seconds..\n"
    (report,) = classify(panicked)
    assert report.follow_on == ("Oops: 0002 [#1] SMP", "Kernel panic - not syncing: Fatal exception")
    assert report.last_line == panicked.count("\n") - 1
    assert len(classify(X86_26 + "all quiet\n" * 20 + X86_26)) == 2


def test_a_fingerprint_outlives_runs_addresses_and_kernels() -> None:
    other = X86_26.replace("0x56/0x90", "0x5a/0x94").replace("4711", "815").replace("ffffffffa0", "ffffffffc0")
    assert classify(X86_26)[0].fingerprint == classify(other)[0].fingerprint
    assert classify(X86_26)[0].fingerprint != classify(I386_26)[0].fingerprint


def test_severity() -> None:
    assert severity("DoS", "kernel panic: on purpose") is Severity.FATAL
    assert severity("NULL-POINTER-DEREFERENCE") is Severity.CRASH
    assert severity("HANG") is Severity.CRASH
    for kind in ("WARNING", "LOCKDEP", "LEAK", "UBSAN", "REFCOUNT_WARNING"):
        assert severity(kind) is Severity.WARNING

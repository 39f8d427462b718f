"""Forms of what stops a task or the machine: faults, ``BUG()``, stalls, panics (arch/*/mm/fault.c, arch/*/kernel/traps.c,
kernel/rcu/tree_stall.h, kernel/hung_task.c, kernel/watchdog.c, kernel/panic.c).
"""

from __future__ import annotations

from vexlab.classify.oops_format import BAD, DEEP, HANGS, NAME, STALLED, OopsFormat, Pick, line
from vexlab.classify.splats import SLEEP, WARNED
from vexlab.classify.stack_patterns import (
    ANSWERED,
    EXCEPTION,
    FAULT,
    OWN_REGISTERS,
    POINTER,
    PREEMPTED,
    TICKED,
    TICKED_PLAIN,
    TRACE,
)

_SKB = (r"^_*p?skb_",)

FAULTS = (
    # BUG: kernel NULL pointer dereference, address: 0000000000000000
    # Unable to handle kernel NULL pointer dereference at virtual address 00000000
    OopsFormat(
        head=line(r"(?:BUG: |Unable to handle ).*NULL pointer dereference"),
        title="BUG: unable to handle kernel NULL pointer dereference in {f}",
        alts=BAD,
        stack_patterns=(FAULT,),
    ),
    # BUG: unable to handle page fault for address: ffffc90000000000
    # Unable to handle kernel paging request at virtual address dead000000000100
    # BUG: Unable to handle kernel data access on read at 0xc00a000000000000
    OopsFormat(
        head=line(
            r"(?:BUG: [Uu]nable to handle|Unable to handle) .*(?:page fault|paging request|kernel data access"
            r"|instruction fetch|kernel pointer dereference|write to read-only memory|execut(?:e|ion) (?:from|of)"
            r"|read from unreadable memory)"
        ),
        title="BUG: unable to handle kernel paging request in {f}",
        alts=BAD,
        stack_patterns=(FAULT,),
    ),
    # Unable to handle kernel access to user memory outside uaccess routines at virtual address 00000000
    OopsFormat(
        head=line(r"(?:BUG: )?Unable to handle kernel access to user memory"),
        title="BUG: unable to handle kernel access to user memory in {f}",
        alts=BAD,
        stack_patterns=(FAULT,),
    ),
    OopsFormat(
        head=line(r"BUG: unable to handle kernel|Unable to handle kernel"),
        title="BUG: unable to handle kernel",
        corrupted=True,
    ),
)

KERNEL_BUG = (
    # kernel BUG at mm/usercopy.c:102!
    OopsFormat(
        head=line(r"[kK]ernel BUG at .*mm/usercopy\.c"),
        title="BUG: bad usercopy in {f}",
        stack_patterns=(FAULT, POINTER),
    ),
    # kernel BUG at lib/list_debug.c:29!
    OopsFormat(
        head=line(r"[kK]ernel BUG at .*lib/list_debug\.c"),
        title="BUG: corrupted list in {f}",
        alts=BAD,
        stack_patterns=(FAULT,),
    ),
    # kernel BUG at fs/inode.c:1!    Kernel BUG at ffffffff81000000 [verbose debug info unavailable]
    OopsFormat(
        head=line(r"[kK]ernel BUG (?:at|in)|[kK]ernel BUG"),
        title="kernel BUG in {f}",
        stack_patterns=(FAULT,),
        skip=_SKB,
    ),
)

STALLS = (
    # INFO: rcu_sched self-detected stall on CPU    INFO: rcu_preempt detected stalls on CPUs/tasks:
    # INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-... }
    OopsFormat(
        head=line(r"INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stalls? on|INFO: rcu_.*stall"),
        title="INFO: rcu detected stall in {f}",
        alts=STALLED,
        stack_patterns=(TICKED, TICKED_PLAIN, EXCEPTION, OWN_REGISTERS, ANSWERED),
        own_stack_patterns=(PREEMPTED,),
        pick=Pick.STALL,
    ),
    # INFO: task sync:7 blocked for more than 120 seconds.
    OopsFormat(
        head=line(r"INFO: task [^\n]*(?:\n[^\n]*)?blocked (?:in I/O wait )?for more than"),
        title="INFO: task hung in {f}",
        alts=HANGS,
        stack_patterns=(TRACE,),
        pick=Pick.HUNG,
    ),
    # INFO: task sync:7 can't die for more than 143 seconds.
    OopsFormat(
        head=line(r"INFO: task .*can't die for more than"),
        title="INFO: task can't die in {f}",
        alts=HANGS,
        stack_patterns=(TRACE,),
        pick=Pick.HUNG,
        skip=SLEEP,
    ),
)

STOPS = (
    # general protection fault, probably for non-canonical address 0xdffffc0000000000: 0000 [#1]
    OopsFormat(
        head=line(r"general protection fault"),
        title="general protection fault in {f}",
        alts=BAD,
        stack_patterns=(FAULT,),
    ),
    # stack segment: 0000 [#1] SMP
    OopsFormat(head=line(r"stack segment: "), title="stack segment fault in {f}", stack_patterns=(FAULT,)),
    OopsFormat(head=line(r"divide[ _]error:"), title="divide error in {f}", stack_patterns=(POINTER,)),
    OopsFormat(head=line(r"invalid opcode:"), title="invalid opcode in {f}", stack_patterns=(POINTER,)),
    OopsFormat(head=line(r"int3:"), title="int3 in {f}", stack_patterns=(FAULT,)),
    # PANIC: double fault, error_code: 0x0
    OopsFormat(head=line(r"PANIC: double fault"), title="PANIC: double fault in {f}", stack_patterns=(POINTER,)),
    # Internal error: Oops: 96000004 [#1] PREEMPT SMP
    OopsFormat(head=line(r"Internal error:"), title="Internal error in {f}", alts=BAD, stack_patterns=(FAULT,)),
    # Unhandled fault: page domain fault (0x81b) at 0x00000000
    OopsFormat(head=line(r"Unhandled fault:"), title="Unhandled fault in {f}", alts=BAD, stack_patterns=(FAULT,)),
    # Alignment trap: not handling instruction e1923f9f at [<80000000>]
    OopsFormat(head=line(r"Alignment trap:"), title="Alignment trap in {f}", stack_patterns=(FAULT,)),
)

_PANIC = r"Kernel panic(?: - not syncing)?: *"  # without the remark until 2.6.9

PANICS = (
    # Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: f+0x1/0x2
    OopsFormat(
        head=line(rf"{_PANIC}stack-protector: Kernel stack is corrupted in: {NAME}\+"),
        title="kernel panic: stack is corrupted in {f}",
        alone=True,
        pick=Pick.NAMED,
        stackless=True,
    ),
    # Kernel panic - not syncing: stack-protector: Kernel stack is corrupted in: ffffffff81000000
    OopsFormat(
        head=line(rf"{_PANIC}stack-protector: Kernel stack is corrupted in"),
        title="kernel panic: stack is corrupted in {f}",
        alone=True,
        stack_patterns=(TRACE,),
        skip=(r"stack_chk",),
    ),
    # Kernel panic - not syncing: corrupted stack end detected inside scheduler
    OopsFormat(
        head=line(rf"{_PANIC}corrupted stack end"),
        title="kernel panic: corrupted stack end in {f}",
        alone=True,
        alts=DEEP,
        stack_patterns=(TRACE,),
        pick=Pick.STALL,
        skip=(r"schedule|retint|_interrupt",),
    ),
    # Kernel panic - not syncing: kernel stack overflow
    OopsFormat(
        head=line(rf"{_PANIC}kernel stack overflow"),
        title="kernel stack overflow in {f}",
        alone=True,
        alts=DEEP,
        stack_patterns=(TRACE,),
        pick=Pick.STALL,
    ),
    # Kernel panic - not syncing: Fatal exception in interrupt    Kernel panic - not syncing: panic_on_warn set ...
    OopsFormat(
        head=line(rf"{_PANIC}(?:[\w-]+: )?(?P<k>Fatal exception|panic_on_warn set|hung_task: blocked tasks)"),
        title="kernel panic: {k}",
        alone=True,
        corrupted=True,
    ),
    # Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009
    OopsFormat(
        head=line(rf"{_PANIC}(?P<k>Attempted to kill init!)"), title="kernel panic: {k}", stackless=True, alone=True
    ),
    # Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)
    OopsFormat(head=line(rf"{_PANIC}(?P<k>.*)"), title="kernel panic: {k}", alone=True),
)

# die(): its first argument, an error code, and the count of oopses so far. Only where no other headline goes before.
DEATHS = (
    # Kernel bug detected[#1]:    (MIPS)
    OopsFormat(head=line(r"Kernel bug detected"), title="kernel BUG in {f}", stack_patterns=(FAULT,)),
    # double fault: 0000 [#1] SMP    Oops: double fault: 0000 [#1] SMP    (since 6.10)
    OopsFormat(head=line(r"(?:Oops: )?double fault: "), title="PANIC: double fault in {f}", stack_patterns=(POINTER,)),
    # Oops: 0002 [#1] SMP    Oops[#1]:    Oops: Oops: 0000 [#1]
    OopsFormat(
        head=line(r"(?:[\w.-]+: )?Oops(?:: Oops)?:? *(?:[0-9a-fx]+ )?(?:ilc:\d )?\[#\d+\]"),
        title="Oops in {f}",
        alts=BAD,
        stack_patterns=(FAULT,),
    ),
    # simd exception: 0000 [#1] SMP    Oops: Kernel access of bad area, sig: 11 [#1]    illegal operation: 0001 ilc:1 [#1]
    OopsFormat(
        head=line(r"(?:Oops: )?(?P<k>[A-Za-z][^\n\[]*?)[:,]?(?: sig: \d+)?(?: [0-9a-fx]{1,8})?(?: ilc:\d)? ?\[#\d+\]"),
        title="Oops: {k} in {f}",
        alts=BAD,
        stack_patterns=(FAULT,),
    ),
)

OTHERS = (
    # BUG kmalloc-8 (Tainted: G    B): Object already free
    OopsFormat(head=line(r"BUG .*: Object already free"), title="BUG: Object already free", stack_patterns=(TRACE,)),
    # BUG vexfs_inode (Not tainted): Poison overwritten
    # [Poison overwritten] 0xffff888006042340-0xffff888006042343 @offset=832. ...    (before it, since 6.12)
    OopsFormat(
        head=line(
            r"BUG (?P<cache>\S+) *\([^)\n]*\): (?P<k>.*?)(?: in (?P=cache)\b)?(?P<rest> on __kmem_cache_shutdown\(\))?$"
        ),
        before=line(r"^\[(?P<k>[A-Z][\w ]{2,60})\] 0x[0-9a-f]+-0x"),
        title="BUG: slab {cache}: {k}{rest}",
        stack_patterns=(TRACE,),
    ),
    # NMI watchdog: Watchdog detected hard LOCKUP on cpu 0
    OopsFormat(
        head=line(r"hard LOCKUP"),
        title="BUG: hard lockup in {f}",
        alts=STALLED,
        stack_patterns=(FAULT,),
        pick=Pick.STALL,
    ),
    # Badness at kernel/x.c:1    Badness in f at kernel/x.c:1
    OopsFormat(head=line(r"Badness (?:in \S+ )?at"), title="WARNING in {f}", stack_patterns=WARNED),
    # irq 16: nobody cared (try booting with the "irqpoll" option)
    OopsFormat(head=line(r": nobody cared"), title="WARNING: irq: nobody cared", stack_patterns=(TRACE,)),
    # do_IRQ: stack overflow: 456
    OopsFormat(
        head=line(r"stack overflow:"),
        title="kernel stack overflow in {f}",
        alts=DEEP,
        stack_patterns=(TRACE,),
        pick=Pick.STALL,
    ),
    # Kernel Fault: Code=15 (Data TLB miss fault) at addr 0
    OopsFormat(
        head=line(r"Kernel Fault: Code"),
        title="BUG: unable to handle kernel paging request in {f}",
        alts=BAD,
        stack_patterns=(FAULT,),
    ),
    OopsFormat(head=line(r"Booting the kernel\."), title="unexpected kernel reboot", stackless=True, alone=True),
    OopsFormat(
        head=line(r"unregister_netdevice: waiting for (?P<k>.*?) to become free"),
        title="unregister_netdevice: waiting for DEV to become free",
        stackless=True,
        alone=True,
    ),
    OopsFormat(
        head=line(r"VFS: Close: file count is 0"),
        title="VFS: Close: file count is zero (use-after-free)",
        stackless=True,
        alone=True,
    ),
    OopsFormat(
        head=line(r"VFS: Busy inodes after unmount"),
        title="VFS: Busy inodes after unmount (use-after-free)",
        stackless=True,
        alone=True,
    ),
    # rust_kernel: panicked at drivers/x.rs:1:2:\nattempt to add with overflow
    OopsFormat(
        head=line(r"rust_kernel: panicked at"),
        needs=(line(r"\n(?P<k>[^\n]+)"),),
        title="{k} in {f}",
        stack_patterns=(TRACE,),
        skip=(r"^<&?core::|^kernel::print",),
    ),
    # trusty: panic (caller 0xffffffffe000fbb8): ASSERT FAILED at (lib/trusty/ipc.c:472): !list_in_list(&chan->node)
    OopsFormat(
        head=line(r"trusty: panic.*?ASSERT FAILED(?: at \([^)\n]*\))?: (?P<rest>.*)"),
        title="trusty: ASSERT FAILED: {rest}",
        stackless=True,
        alone=True,
    ),
    # trusty: panic (caller 0xffffffffe0002314): failed(-5) to start app 6
    OopsFormat(
        head=line(r"trusty: panic(?: \([^)\n]*\))?: (?P<rest>.*)"),
        title="trusty: panic: {rest}",
        stackless=True,
        alone=True,
    ),
    OopsFormat(head=line(r"fatal error:"), title="go runtime error", stackless=True),
    OopsFormat(head=line(r"(?P<k>panic:.*)"), title="{k}", stackless=True),
    OopsFormat(head=line(r"(?P<k>SYZFAIL:.*)"), title="{k}", stackless=True, alone=True),
    OopsFormat(head=line(r"(?P<k>SYZFATAL:.*)"), title="{k}", alts=("SYZFATAL",), stackless=True, alone=True),
    # BUG:    (and nothing more)
    OopsFormat(head=line(r"(?P<k>BUG|WARNING|INFO):[\s\]]*$"), title="{k}: corrupted", corrupted=True),
)

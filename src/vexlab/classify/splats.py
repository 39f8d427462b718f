"""Forms after which the machine goes on: lock misuse, ``BUG:`` complaints, ``WARN()`` (kernel/locking/lockdep.c,
kernel/panic.c, mm/page_alloc.c, mm/kmemleak.c and others).
"""

from __future__ import annotations

from vexlab.classify.oops_format import DEEP, STALLED, OopsFormat, Pick, StackPattern, line
from vexlab.classify.stack_patterns import (
    ALLOCATED,
    AT,
    BECAME,
    CYCLE,
    FAULT,
    LEAKED,
    NAMED_LOCK,
    RELEASED,
    RELEASED_TRACE,
    TRACE,
    TRAPPED,
    TRYING,
    TRYING_LOCK,
)

WARNED: tuple[StackPattern, ...] = (TRAPPED, TRACE)

SLEEP = (r"schedule|_resched",)

# What stands between an allocation and whom it was made for: constructors of the kernel's own objects.
ALLOC_NAMES = (
    r"alloc",
    r"^(?:bioset|_*percpu_(?:ref|counter)|fprop_\w+|blk_init|wb|bdi)_init\w*$|^init_srcu_struct\w*$|^_*kernfs_new_node_ns$",
)
# The way into the kernel of a fault in user space's memory, where only the kernel's own code reads the CPU's number.
EXCEPTIONS = (
    r"^(?:asm_)?exc_|^_*do_(?:page|user_addr|kern_addr|translation|mem_abort)_?(?:fault)?$|^handle_page_fault$|^el[01]\w*$|^irqentry_",
)

LOCKDEP = (
    # WARNING: possible circular locking dependency detected
    OopsFormat(
        head=line(r"WARNING: possible circular locking dependency detected"),
        needs=(TRYING,),
        title="possible deadlock in {f}",
        stack_patterns=(CYCLE,),
        skip=(
            r"flush_(?:work|workqueue)|drain_workqueue|process_one_work|touch_wq|start_flush_work|process_scheduled",
        ),
    ),
    # WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected
    OopsFormat(
        head=line(r"WARNING: [\w-]+-safe -> [\w-]+-unsafe lock order detected"),
        needs=(TRYING,),
        title="possible deadlock in {f}",
        stack_patterns=(BECAME, TRYING_LOCK),
    ),
    # [ INFO: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected ]    INFO: possible recursive locking detected
    # [ INFO: possible circular locking dependency detected ]
    OopsFormat(
        head=line(
            r"(?:INFO|WARNING|BUG): (?:possible (?:circular|recursive) locking (?:dependency )?|[\w-]+-safe -> [\w-]+-unsafe lock order )detected"
        ),
        needs=(TRYING,),
        title="possible deadlock in {f}",
        stack_patterns=((TRYING, AT),),
        pick=Pick.NAMED,
    ),
    # WARNING: possible irq lock inversion dependency detected
    OopsFormat(
        head=line(
            r"(?:INFO|WARNING): possible (?:irq )?lock inversion dependency detected|(?:INFO|WARNING): possible irq lock inversion"
        ),
        needs=(line(r"just changed the state of lock:"), AT),
        title="possible deadlock in {f}",
        stack_patterns=((line(r"just changed the state of lock:"), AT),),
        pick=Pick.NAMED,
    ),
    # WARNING: inconsistent lock state
    OopsFormat(
        head=line(r"WARNING: inconsistent lock state"),
        needs=(line(r"takes:"),),
        title="inconsistent lock state in {f}",
        stack_patterns=(TRACE,),
    ),
    # [ INFO: inconsistent lock state ]
    OopsFormat(
        head=line(r"INFO: inconsistent lock state"),
        needs=(line(r"takes:"), AT),
        title="inconsistent lock state in {f}",
        stack_patterns=(NAMED_LOCK,),
        pick=Pick.NAMED,
    ),
    # WARNING: bad unlock balance detected!    [ BUG: bad unlock balance detected! ]
    OopsFormat(
        head=line(r"(?P<w>BUG|WARNING): bad unlock balance detected"),
        title="{w}: bad unlock balance in {f}",
        stack_patterns=(RELEASED, RELEASED_TRACE),
    ),
    # WARNING: held lock freed!
    OopsFormat(
        head=line(r"(?P<w>BUG|WARNING): held lock freed"),
        needs=(AT,),
        title="{w}: held lock freed in {f}",
        stack_patterns=(NAMED_LOCK,),
        pick=Pick.NAMED,
    ),
    # WARNING: sync/7 still has locks held!    BUG: sync/7 still has locks held!
    OopsFormat(
        head=line(r"(?P<w>BUG|WARNING): .*still has locks held"),
        needs=(AT,),
        title="{w}: still has locks held in {f}",
        stack_patterns=(NAMED_LOCK,),
        pick=Pick.NAMED,
    ),
    # WARNING: lock held when returning to user space!
    OopsFormat(
        head=line(r"(?P<w>BUG|WARNING): lock held when returning to user space"),
        needs=(AT,),
        title="{w}: lock held when returning to user space in {f}",
        stack_patterns=(NAMED_LOCK,),
        pick=Pick.NAMED,
        stackless=True,
    ),
    # WARNING: Nested lock was not taken
    OopsFormat(
        head=line(r"WARNING: Nested lock was not taken"),
        title="WARNING: nested lock was not taken in {f}",
        stack_patterns=(TRACE,),
    ),
    # [ BUG: Invalid wait context ]
    OopsFormat(
        head=line(r"(?:BUG|WARNING): Invalid wait context"),
        title="WARNING: locking bug in {f}",
        stack_patterns=(TRACE,),
    ),
    # WARNING: suspicious RCU usage    [ INFO: suspicious RCU usage. ]
    OopsFormat(
        head=line(r"(?P<w>INFO|WARNING): suspicious RCU usage"),
        needs=(
            line(
                r"suspicious rcu_|Illegal context switch|RCU-list traversed|RCU used illegally|suspicious usage|needlessly nested|usage!|section!"
            ),
        ),
        title="{w}: suspicious RCU usage in {f}",
        stack_patterns=(TRACE,),
        skip=(r"rcu|kmem|slab|^inet_lookup_unused",),
    ),
    # INFO: trying to register non-static key.
    OopsFormat(
        head=line(r"INFO: trying to register non-static key"),
        title="INFO: trying to register non-static key in {f}",
        stack_patterns=(TRACE,),
        skip=(r"stack",),
    ),
)

BUGS = (
    # BUG: spinlock bad magic on CPU#0, sync/7    BUG: rwlock lockup on CPU#1, sync/7, ffff88
    OopsFormat(
        head=line(r"BUG: (?P<k>(?:spinlock|rwlock) [^\n]{1,60}?)(?: on CPU\b|,|$)"),
        title="BUG: {k} in {f}",
        stack_patterns=(TRACE,),
        skip=(r"spin_|rwlock_bug",),
    ),
    # BUG: using smp_processor_id() in preemptible [00000000] code: sync/7
    OopsFormat(
        head=line(r"BUG: using (?P<op>[\w]+\(\)) in preemptible"),
        title="BUG: using {op} in preemptible code in {f}",
        stack_patterns=(TRACE,),
        skip=(r"preempt|smp_processor_id", *EXCEPTIONS),
    ),
    # BUG: sleeping function called from invalid context at mm/slab.h:1
    OopsFormat(
        head=line(r"(?:BUG|D?ebug): sleeping function called (?:from|in) (?:invalid|illegal) context"),
        title="BUG: sleeping function called from invalid context in {f}",
        stack_patterns=(TRACE,),
        skip=(r"resched|sleep",),
    ),
    # BUG: scheduling while atomic: sync/7/0x00000002
    OopsFormat(
        head=line(r"(?:BUG: )?[Ss]?cheduling while atomic"),
        title="BUG: scheduling while atomic in {f}",
        stack_patterns=(TRACE,),
        skip=SLEEP,
    ),
    # BUG: soft lockup - CPU#0 stuck for 22s! [sync:7]
    OopsFormat(
        head=line(r"(?:BUG: )?soft lockup"),
        title="BUG: soft lockup in {f}",
        alts=STALLED,
        stack_patterns=(FAULT,),
        pick=Pick.STALL,
    ),
    # BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 32s!
    OopsFormat(head=line(r"BUG: workqueue lockup"), title="BUG: workqueue lockup", stackless=True, alone=True),
    # BUG: workqueue leaked lock or atomic: kworker/0:1/0x00000001/7\n     last function: f
    OopsFormat(
        head=line(r"BUG: workqueue leaked lock or atomic"),
        needs=(line(r"last function: (?P<name>[A-Za-z_]\w*)"),),
        title="BUG: workqueue leaked lock or atomic in {f}",
        pick=Pick.NAMED,
    ),
    # BUG: memory leak\nunreferenced object 0xffff8800342540c0 (size 1864):
    OopsFormat(
        head=line(r"BUG: memory leak"),
        needs=(line(r"backtrace"),),
        title="memory leak in {f}",
        stack_patterns=(LEAKED,),
        skip=ALLOC_NAMES,
    ),
    # unreferenced object 0xffff8881019e6d00 (size 256):    (what /sys/kernel/debug/kmemleak holds)
    OopsFormat(
        head=line(r"unreferenced object 0x"),
        needs=(line(r"backtrace"),),
        title="memory leak in {f}",
        stack_patterns=(LEAKED,),
        skip=ALLOC_NAMES,
    ),
    # kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
    OopsFormat(
        head=line(r"\d+ new suspected memory leaks"),
        title="memory leak: new suspected memory leaks",
        stackless=True,
        alone=True,
    ),
    # BUG: Bad page state in process sync  pfn:12345
    OopsFormat(
        head=line(r"BUG: Bad page (?P<k>state|cache)"),
        needs=(line(r"page last allocated"),),
        title="BUG: Bad page {k} in {f}",
        stack_patterns=(ALLOCATED,),
    ),
    OopsFormat(head=line(r"BUG: Bad page (?P<k>state|cache)"), title="BUG: Bad page {k}"),
    # BUG: Bad page map in process sync  pte:123 pmd:456
    OopsFormat(head=line(r"BUG: Bad page map"), title="BUG: Bad page map"),
    # BUG: Bad rss-counter state mm:ffff88005fac4300 idx:0 val:15
    OopsFormat(
        head=line(r"BUG: Bad rss-counter state"), title="BUG: Bad rss-counter state", stackless=True, alone=True
    ),
    # BUG: non-zero nr_ptes on freeing mm: 1    (the later pgtables_bytes keep their count)
    OopsFormat(
        head=line(r"BUG: (?P<k>non-zero nr_(?:ptes|pmds) on freeing mm)"), title="BUG: {k}", stackless=True, alone=True
    ),
    OopsFormat(
        head=line(r"BUG: (?P<k>non-zero pgtables_bytes on freeing mm: \d+)"),
        title="BUG: {k}",
        stackless=True,
        alone=True,
    ),
    # BUG: Dentry ffff880000000000{i=1,n=x}  still in use (1) [unmount of ext4 sda1]
    OopsFormat(
        head=line(r"BUG: Dentry .*still in use \(-?\d+\) \[(?P<k>unmount of [^\]]*)\]"),
        title="BUG: Dentry still in use in unmount",
        alts=("BUG: Dentry still in use [{k}]",),
    ),
    # BUG: stack guard page was hit at ffffc90000000000 (stack is ffffc90000001000..ffffc90000002000)
    # BUG: TASK stack guard page was hit at ...
    OopsFormat(
        head=line(r"BUG: (?:\S+ )?stack guard page was hit"),
        title="BUG: stack guard page was hit in {f}",
        alts=DEEP,
        stack_patterns=(TRACE,),
        pick=Pick.STALL,
    ),
)

UNWINDER = (
    # WARNING: stack recursion on stack type 4    WARNING: can't access registers at asm_sysvec_apic_timer_interrupt+0x12/0x20
    # WARNING: stack going in the wrong direction? at f+0x1/0x2    WARNING: unrecognized unwind stack type 0 at f+0x1/0x2
    OopsFormat(
        head=line(
            r"WARNING: (?P<k>stack recursion on stack type|stack going in the wrong direction\?|can't (?:access registers|dereference \w+)"
            r"|unrecognized unwind stack type)"
        ),
        title="WARNING: {k}",
        stackless=True,
        alone=True,
    ),
    # WARNING: kernel stack regs at ffff88003e1f7f40 in sync:7 has bad 'bp' value ffffffff85632fb0
    OopsFormat(
        head=line(r"WARNING: kernel stack regs .* has bad (?P<k>'\w+' )value"),
        title="WARNING: kernel stack regs has bad {k}value",
        stackless=True,
        alone=True,
    ),
    # WARNING: kernel stack frame pointer at ffff88003e1f7f40 in sync:7 has bad value 0000000000000000
    OopsFormat(
        head=line(r"WARNING: kernel stack (?P<k>regs|frame pointer) .*has bad value"),
        title="WARNING: kernel stack {k} has bad value",
        stackless=True,
        alone=True,
    ),
)


def _warning(where: str, title: str, *, skip: tuple[str, ...] = ()) -> OopsFormat:
    """A row for WARN() in one file or function. ``where`` fits ``file:line`` and what stands behind it."""
    return OopsFormat(
        head=line(rf"WARNING: (?:CPU: \d+ PID: -?\d+ )?(?:\[[^\n]{{0,200}}\] )?(?:at )?{where}"),
        title=title,
        stack_patterns=WARNED,
        skip=skip,
    )


WARNINGS = (
    # WARNING: CPU: 0 PID: 1 at lib/debugobjects.c:1 debug_print_object+0x1/0x2
    _warning(r"\S*lib/debugobjects\.c:\d", "WARNING: ODEBUG bug in {f}", skip=(r"timer|debug_",)),
    _warning(r"\S*mm/usercopy\.c:\d", "WARNING: bad usercopy in {f}"),
    _warning(r"\S*lib/kobject\.c:\d", "WARNING: kobject bug in {f}"),
    _warning(
        r"\S*fs/proc/generic\.c:\d",
        "WARNING: proc registration bug in {f}",
        skip=(r"proc_(?:create|register|mkdir|symlink|net|remove)|remove_proc",),
    ),
    _warning(r"\S*lib/refcount\.c:\d", "WARNING: refcount bug in {f}", skip=(r"refcount|kobject",)),
    _warning(
        r"\S*kernel/locking/lockdep\.c:\d+ (?:at )?\S*lock_",
        "WARNING: locking bug in {f}",
        skip=(r"lock_sock|release_sock",),
    ),
    # WARNING: CPU: 0 PID: 1 at drivers/usb/core/urb.c:1 usb_submit_urb+0x1/0x2
    _warning(
        r"\S+:\d+ (?:at )?usb_submit_urb",
        "WARNING in {f}/usb_submit_urb",
        skip=(r"usb_\w*_msg|usb_start_wait",),
    ),
    _warning(r"\S*mm/vmalloc\.c:\d+ (?:at )?__vmalloc_node", "WARNING: zero-size vmalloc in {f}"),
    # WARNING: CPU: 0 PID: 1 at mm/slab_common.c:1 kmalloc_slab+0x1/0x2
    _warning(r"\S*mm/\S+\.c:\d+ (?:at )?\S*k?.?malloc", "WARNING: kmalloc bug in {f}"),
    # WARNING: CPU: 0 PID: 1 at fs/inode.c:1 f+0x1/0x2    WARNING: at fs/inode.c:1 f+0x1/0x2()
    # WARNING: fs/inode.c:1 at f+0x1/0x2, CPU#0: sync/7    WARNING: [cond] fs/inode.c:1 at f+0x1/0x2, CPU#0: sync/7
    # WARNING: CPU: 0 PID: 1 at f+0x1/0x2
    OopsFormat(
        head=line(r"WARNING: (?:CPU: ?\d+ )?(?:PID: -?\d+ )?at \S"), title="WARNING in {f}", stack_patterns=WARNED
    ),
    OopsFormat(
        head=line(r"WARNING: (?:\[[^\n]{0,200}\] )?\S{1,300}:\d+ at \S"),
        title="WARNING in {f}",
        stack_patterns=WARNED,
    ),
)

NAMES_TAKEN = (
    # sysfs: cannot create duplicate filename '/kernel/slab/vexfs_inode'
    OopsFormat(
        head=line(r"sysfs: cannot create duplicate filename"),
        title="WARNING: sysfs: duplicate filename in {f}",
        stack_patterns=(TRACE,),
        skip=(r"^kmem_cache_create|^_*kmem_cache|^sysfs_|^create_cache$|^do_kmem_cache_create|^init_module$",),
    ),
    # kobject: kobject_add_internal failed for vexfs with -EEXIST, don't try to register things with the same name ...
    OopsFormat(
        head=line(r"kobject_add_internal failed for \S+ with -EEXIST"),
        title="WARNING: kobject_add_internal: name in use",
        stackless=True,
        alone=True,
    ),
)

INFOS = (
    # INFO: Freed in f age=1 cpu=2 pid=3    (SLUB's track of an object)
    OopsFormat(head=line(r"(?P<rest>INFO: (?:Freed|Allocated) in .*)"), title="{rest}", corrupted=True, alone=True),
)

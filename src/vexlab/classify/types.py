"""TYPE and severity of a report: functions of the title's beginning alone."""

from __future__ import annotations

import re

from vexlab.model.report import Severity

UNKNOWN = "UNKNOWN"
HANG = "HANG"
_OUT = r"(?:slab-|stack-|global-|vmalloc-|alloca-)?out-of-bounds|wild-memory-access|user-memory-access"

# The first row whose pattern fits the title's beginning decides.
_TYPES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (r"KASAN: (?:slab-)?use-after-free Write", "KASAN-USE-AFTER-FREE-WRITE"),
        (r"KASAN: (?:slab-use-after-free Read|use-after-free)", "KASAN-USE-AFTER-FREE-READ"),
        (r"KASAN: null-ptr-deref Write", "KASAN-NULL-POINTER-DEREFERENCE-WRITE"),
        (r"KASAN: null-ptr-deref Read", "KASAN-NULL-POINTER-DEREFERENCE-READ"),
        (r"KASAN: (?:invalid|double)-free", "KASAN-INVALID-FREE"),
        (rf"KASAN: (?:{_OUT}) Write", "KASAN-WRITE"),
        (rf"KASAN: (?:{_OUT}|invalid-access|unknown-crash) Read", "KASAN-READ"),
        (r"KASAN: (?:slab-out-of-bounds|stack-out-of-bounds|wild-memory-access)", "KASAN-READ"),
        (r"KASAN: ", "KASAN-UNKNOWN"),
        (r"KFENCE: use-after-free write", "KFENCE-USE-AFTER-FREE-WRITE"),
        (r"KFENCE: use-after-free read", "KFENCE-USE-AFTER-FREE-READ"),
        (r"KFENCE: (?:out-of-bounds|invalid) write", "KFENCE-WRITE"),
        (r"KFENCE: (?:out-of-bounds|invalid) read", "KFENCE-READ"),
        (r"KFENCE: invalid free", "KFENCE-INVALID-FREE"),
        (r"KFENCE: memory corruption", "KFENCE-MEMORY-CORRUPTION"),
        (r"KFENCE: ", "KFENCE-UNKNOWN"),
        (r"KMSAN: uninit-value", "KMSAN-UNINIT-VALUE"),
        (r"KMSAN: kernel-(?:usb-)?infoleak", "KMSAN-INFO-LEAK"),
        (r"KMSAN: [\w-]*use-after-free", "KMSAN-USE-AFTER-FREE-READ"),
        (r"KMSAN: [\w-]*-after-free", "KMSAN-USE-AFTER-FREE-READ"),
        (r"KMSAN: ", "KMSAN-UNKNOWN"),
        (r"KCSAN: data-race", "KCSAN-DATARACE"),
        (r"KCSAN: assert: race in", "KCSAN-ASSERT"),
        (r"KCSAN: ", "KCSAN-UNKNOWN"),
        (r"UBSAN: array-index-out-of-bounds", "MEMORY_SAFETY_UBSAN"),
        (r"UBSAN: ", "UBSAN"),
        (r"BUG: unable to handle kernel paging request|BUG: corrupted list", "MEMORY_SAFETY_BUG"),
        (r"BUG: unable to handle kernel NULL pointer dereference", "NULL-POINTER-DEREFERENCE"),
        (r"kernel BUG|BUG: bad usercopy", "BUG"),
        (r"WARNING: refcount bug", "REFCOUNT_WARNING"),
        (
            r"possible deadlock|inconsistent lock state|WARNING: (?:locking bug|suspicious RCU usage|nested lock was not"
            r"|lock held when)|(?:BUG|WARNING): (?:bad unlock balance|held lock freed|still has locks held)"
            r"|BUG: (?:spinlock|rwlock|using )",
            "LOCKDEP",
        ),
        (r"BUG: (?:sleeping function called|scheduling while atomic)", "ATOMIC_SLEEP"),
        (
            r"BUG: (?:soft|hard) lockup|INFO: (?:rcu detected stall|task hung|task can't die)",
            HANG,
        ),
        (r"memory leak", "LEAK"),
        (r"WARNING: kernel stack (?:regs|frame pointer)", UNKNOWN),
        (r"WARNING(?: in |: )", "WARNING"),
        (r"unexpected kernel reboot", "REBOOT"),
        (r"SYZFAIL|SYZFATAL", "SYZ_FAILURE"),
        (
            r"general protection fault|stack segment fault|divide error|invalid opcode|int3|PANIC: double fault"
            r"|Internal error|Unhandled fault|Alignment trap|kernel panic|kernel stack overflow|trusty: "
            r"|unregister_netdevice|VFS: |go runtime error|panic:|BUG: Object already free|Oops(?: in |: )",
            "DoS",
        ),
    )
)

# TYPE -> how bad it is; what is not listed is a crash.
_WARNINGS = frozenset(
    (
        "WARNING",
        "REFCOUNT_WARNING",
        "LOCKDEP",
        "LEAK",
        "UBSAN",
        "KCSAN-DATARACE",
        "KCSAN-ASSERT",
        "KCSAN-UNKNOWN",
        "ATOMIC_SLEEP",
    )
)
# BUG: MAX_LOCKDEP_CHAINS too low!    (a limit of the debug kernel, nobody's defect)
_LIMIT = re.compile(r"BUG: MAX_(?:LOCKDEP|STACK_TRACE)_")
_FATAL = frozenset(("REBOOT",))
_FATAL_TITLE = re.compile(r"kernel panic|PANIC: double fault|kernel stack overflow|trusty: |unexpected kernel reboot")


def type_of(title: str) -> str:
    """The class of bug a title belongs to; ``UNKNOWN`` for a crash that fits none."""
    for pattern, kind in _TYPES:
        if pattern.match(title):
            return kind
    return UNKNOWN


def severity(report_type: str, title: str = "") -> Severity:
    """How bad a report of this type is; a title that names a panic or a double fault makes it fatal."""
    if report_type in _FATAL or (title and _FATAL_TITLE.match(title)):
        return Severity.FATAL
    if report_type in _WARNINGS or (title and _LIMIT.match(title)):
        return Severity.WARNING
    return Severity.CRASH

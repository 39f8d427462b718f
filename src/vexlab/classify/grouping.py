"""Which headlines are a crash of their own, and which only follow on another's."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from vexlab.classify.boots import PANIC, Boots
from vexlab.classify.headlines import DIE_COUNT, Headline
from vexlab.model.report import Report, Severity


class Group(NamedTuple):
    """A crash: its headline, the follow-on headlines, and the place where its text ends."""

    head: Headline
    tail: tuple[Headline, ...]
    stop: int


# A panic that is the trouble itself, whatever came before it.
_PRIMARY_PANIC = re.compile(
    r"Kernel panic - not syncing: *(?:VFS: |No working init|No init found|Requested init|Out of memory|stack-protector)"
)
_UNTIL_STACK = 12  # lines
_STACK = re.compile(r"Call [Tt]race:|---\[ end trace")
# The machine stops because a task has just died: an oops goes before.
_AFTER_DEATH = re.compile(
    r"Kernel panic - not syncing: *(?:[\w -]{1,40}: )?(?:Fatal |Attempted to kill|Aiee, killing|Unrecoverable|Oops"
    r"|Machine halted|Unhandled exception|kernel stack overflow|Asynchronous SError|NMI: )"
)
# The machine stops because it was told to at such a report.
_AFTER_REPORT = re.compile(
    r"Kernel panic - not syncing: *(?:[\w -]{1,40}: )?(?:panic_on_|hung_task: blocked|softlockup: hung|RCU [Ss]tall"
    r"|kasan\.fault|kmsan\.panic|UBSAN|KFENCE|[hH]ard LOCKUP|Watchdog detected)"
)
_PANIC_S = 30.0  # seconds between a report and the panic that ends it
_PANIC_NEAR = 40_000  # characters, where there are no time stamps
# What ends a task; the panic that follows is no report of its own.
_MORTAL = re.compile(
    r"BUG: (?:[Uu]nable to handle|[Kk]ernel NULL|(?:\S+ )?stack guard page)|[Uu]nable to handle kernel|[kK]ernel BUG"
    r"|general protection fault|Internal error:|Oops|\[#|invalid opcode:|PANIC: double fault|stack segment: |int3:"
    r"|divide[ _]error:|Unhandled fault:|Alignment trap:|Kernel bug detected|Kernel Fault:"
)
# Follow-on lines in whose wake the report goes on; at any other the search for title and function ends.
_SAME_REPORT = re.compile(
    r"unreferenced object|Kernel panic|PANIC: double fault|invalid opcode:|Internal error:|unregister_netdevice|\[#|Oops|[kK]ernel BUG at [0-9a-f]+"
)
# The second line of one and the same exception, and the count of oopses in it.
_SAME_FAULT = re.compile(
    r"invalid opcode:|Internal error:|general protection fault|Oops|\[#|[kK]ernel BUG(?! at \S+:\d)|stack segment: |int3:"
    r"|divide[ _]error:|Unhandled fault:|Kernel bug detected|PANIC: double fault"
)
_COUNT = re.compile(r"\[#(\d+)\]")
_FAULT_LINES = 40  # between the two: arm64 explains the fault in about fifteen
# A complaint of one line and the WARN() or BUG() that stands right behind it in the source.
_COMPLAINT = re.compile(r"BUG: Dentry |BUG: Bad |VFS: Busy inodes|BUG: non-zero|rust_kernel: panicked")
_WARN = re.compile(r"WARNING: (?:CPU: |at |\S+:\d+ at )")
_STOPPED = re.compile(r"[kK]ernel BUG at ")
_AT_ONCE = 16  # groups under way at the same time
MOST_FOLLOWERS = 100  # kept of one crash, and the last one
_CLOSE = 4


# What the unwinder, the allocator and the hung-task detector add to a report under way.
_DETAIL = re.compile(
    r"WARNING: (?:kernel stack (?:regs|frame pointer)|stack recursion|stack going in the wrong direction|can't (?:access|dereference) "
    r"|unrecognized unwind|asm_)|INFO: (?:Freed|Allocated|Slab|Object|0x)|INFO: task .{0,80} blocked on an? \w+"
    r"|unreferenced object 0x"
)
_DETAIL_NEAR = 20000
# BUG vexfs_inode (Tainted: G    B): Poison overwritten
_SLAB = re.compile(r"BUG (\S+) *\((?:Not t|T)ainted")
# kmem_cache_destroy vexfs_inode: Slab cache still has objects when called from vexfs_exit+0x1/0x2 [vexfs]
_DESTROY = "kmem_cache_destroy"
_SLUB = re.compile(r"\bmm/(?:slub|slab_common)\.c:")  # since 6.12 object_err() and slab_err() warn behind their report
# sysfs: cannot create duplicate filename '/kernel/slab/x'    kobject: kobject_add_internal failed for x with -EEXIST, ...
_DUPLICATE = "sysfs: cannot create duplicate filename"
_NOT_ADDED = "kobject_add_internal failed for"
_LEAK = re.compile(r"BUG: memory leak|unreferenced object 0x")

_END = "---[ end trace"  # ---[ end trace 0000000000000000 ]---    (an oops or a WARN() is over)

# Lines that come again and again in the midst of other reports and are a whole report by themselves.
_REMARKS = frozenset(("unregister_netdevice: waiting for",))


class _Open:
    """A group under way."""

    def __init__(self, head: Headline) -> None:
        self.head = self.last = head
        self.tail: list[Headline] = []

    def add(self, one: Headline) -> None:
        """Take in a follow-on headline."""
        del self.tail[MOST_FOLLOWERS:]
        self.tail.append(one)
        self.last = one


class Grouping:
    """Groups the headlines of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._boots = Boots(text)

    def groups(self, found: Iterable[Headline]) -> Iterator[Group]:
        """Crash by crash, in order; tasks that caller marks tell apart may be under way at the same time."""
        under_way: deque[_Open] = deque()
        for one in found:
            group = self._owner(under_way, one)
            if group is not None:
                group.add(one)
                continue
            under_way.append(_Open(one))
            if len(under_way) > _AT_ONCE:
                yield self._close(under_way)
        while under_way:
            yield self._close(under_way)

    def _close(self, under_way: deque[_Open]) -> Group:
        """A report ends where the next begins; marked logs tell the two apart by context."""
        first = under_way.popleft()
        stop = len(self._text)
        for other in under_way:
            if other.head.keyword in _REMARKS:
                continue
            if not first.head.context or other.head.context == first.head.context:
                stop = other.head.start
                break
        return Group(first.head, tuple(first.tail), self._boots.end_of_boot(first.last, stop))

    def _owner(self, under_way: deque[_Open], one: Headline) -> _Open | None:
        """The group a headline follows on: its own context's last, else (a panic's) the last of all."""
        owner = self._claimed(under_way, one)
        if owner is None or self._boots.begun_between(owner.last, one):
            return None
        return owner

    def _claimed(self, under_way: deque[_Open], one: Headline) -> _Open | None:
        if not under_way:
            return None
        for group in reversed(under_way):
            if group.head.context == one.context:
                if self._follows(group, one):
                    return group
                break
        return under_way[-1] if self._ends(under_way[-1], one) else None

    def _ends(self, group: _Open, one: Headline) -> bool:
        """Whether a line only says that the machine stops, or comes when it has stopped."""
        if group.last.text.startswith(PANIC):
            return True
        if not one.text.startswith(PANIC) or not self._soon(group, one):
            return False
        if one.context == group.last.context and self._goes_on(group.last, one):
            return True
        if _AFTER_DEATH.match(one.text):
            return any(_MORTAL.search(line.body) for line in (group.head, *group.tail))
        return _AFTER_REPORT.match(one.text) is not None

    def _goes_on(self, last: Headline, one: Headline) -> bool:
        """Whether a panic brings the stack that the report before it still lacks: the kernel was told to stop there."""
        if _PRIMARY_PANIC.match(one.text) or self._lines_between(last, one) > _UNTIL_STACK:
            return False
        return _STACK.search(self._text, last.end, one.start) is None

    def _soon(self, group: _Open, one: Headline) -> bool:
        if group.last.stamp >= 0 and one.stamp >= 0:
            return -_PANIC_S <= one.stamp - group.last.stamp <= _PANIC_S
        return one.start - group.last.end < _PANIC_NEAR

    def _follows(self, group: _Open, one: Headline) -> bool:
        head, last, text = group.head, group.last, one.text
        if self._ends(group, one):
            return True
        apart = one.start - last.end
        if _DETAIL.match(text) and apart < _DETAIL_NEAR and self._detail(head, last, one):
            return True
        if last is head and _COMPLAINT.match(head.text) and (_WARN.match(text) or _STOPPED.match(text)):
            return self._text.count("\n", head.end, one.start) <= _CLOSE
        if _SLAB.match(head.text) and apart < _DETAIL_NEAR and self._slab_again(head, last, one):
            return True
        if head.text.startswith(_DUPLICATE) and text.startswith(_NOT_ADDED) and apart < _DETAIL_NEAR:
            return True
        return self._same_fault(group, one)

    def _detail(self, head: Headline, last: Headline, one: Headline) -> bool:
        """Whether a remark stands inside the report: a leak's object right behind the words that announce it, any
        other where the report is not over yet.
        """
        if one.text.startswith("unreferenced object"):
            return last is head and head.text.startswith("BUG: memory leak") and one.start - head.end < _CLOSE
        return not _DETAIL.match(head.text) and self._text.find(_END, last.end, one.start) < 0

    def _same_fault(self, group: _Open, one: Headline) -> bool:
        """Whether a line goes on with an exception: what die() prints behind the words of the fault's handler."""
        last = group.last
        if not _MORTAL.search(last.body) or not (one.keyword == DIE_COUNT or _SAME_FAULT.match(one.text)):
            return False
        first, second = _COUNT.search(last.body), _COUNT.search(one.body)
        if first and second and first[1] != second[1]:
            return False
        if one.start - last.end > _DETAIL_NEAR or self._lines_between(last, one) > _FAULT_LINES:
            return False
        return self._text.find(_END, last.end, one.start) < 0

    def _slab_again(self, head: Headline, last: Headline, one: Headline) -> bool:
        """Whether the allocator goes on about the same cache, or kmem_cache_destroy() warns that it is not empty."""
        cache = _SLAB.match(one.text)
        first = _SLAB.match(head.text)
        if cache and first:
            return cache[1] == first[1]
        if not _WARN.match(one.text):
            return False
        return _SLUB.search(one.text) is not None or self._text.find(_DESTROY, last.end, one.end) >= 0

    def _lines_between(self, last: Headline, one: Headline) -> int:
        """Lines between two headlines of a context; in a marked log only those with its mark."""
        mark = f"{one.context}]" if one.context else "\n"
        return self._text.count(mark, last.end, one.start)


def ends_search(one: Headline) -> bool:
    """Whether a follow-on headline begins other text than the report it follows."""
    return _SAME_REPORT.search(one.body) is None and not _WARN.match(one.text)


# The functions in which a task that oopsed dies (kernel/exit.c, arch/x86/kernel/dumpstack.c).
_DYING = re.compile(r"^(?:make_task_dead|rewind_stack_\w+|oops_end|die(?:_kernel_fault)?)$")
_SANITIZERS = ("KASAN", "KFENCE", "UBSAN", "MEMORY_SAFETY_UBSAN")
_FAULTS = frozenset(("NULL-POINTER-DEREFERENCE", "MEMORY_SAFETY_BUG", "DoS", "BUG"))
_SOON = 300  # lines


def merge(reports: list[Report]) -> tuple[Report, ...]:
    """Join what only the finished reports show: the fault behind a sanitizer's report, the death after an oops."""
    kept: list[Report] = []
    for one in reports:
        if kept and (_fortified(kept[-1], one) or _foretold(kept[-1], one)):
            kept[-1] = _led_by(kept[-1], one)
        elif kept and (_same_fault(kept[-1], one) or _dying(kept[-1], one)):
            first = kept[-1]
            kept[-1] = replace(
                first,
                follow_on=(*first.follow_on, one.headline, *one.follow_on),
                last_line=max(first.last_line, one.last_line),
            )
        else:
            kept.append(one)
    return tuple(kept)


def _same_fault(first: Report, one: Report) -> bool:
    """The access a sanitizer has just reported faults at the same place."""
    return (
        first.type.startswith(_SANITIZERS)
        and one.type in _FAULTS
        and bool(one.frame)
        and one.frame == first.frame
        and one.first_line - first.last_line < _SOON
    )


# strnlen: detected buffer overflow: 257 byte read of buffer size 256    (lib/string_helpers.c, since 6.8)
_FORTIFIED = "detected buffer overflow"
_FORTIFY_BUG = re.compile(r"[kK]ernel BUG at \S*lib/string\w*\.c:")


def _fortified(first: Report, one: Report) -> bool:
    """fortify_panic() warns first, then it stops the task: one bug, as bad as the second says."""
    return (
        first.headline.startswith("WARNING:")
        and _FORTIFY_BUG.match(one.headline) is not None
        and _FORTIFIED in first.text
        and first.pid == one.pid
        and one.first_line - first.last_line < _SOON
    )


def _foretold(first: Report, one: Report) -> bool:
    """A name that was taken, and the crash of what could not be set up for it."""
    return (
        first.headline.startswith(_DUPLICATE)
        and one.severity is not Severity.WARNING
        and one.first_line - first.last_line < _SOON
    )


def _led_by(first: Report, one: Report) -> Report:
    """The graver report with the complaint that led to it."""
    return replace(
        one,
        alt_titles=tuple(sorted({first.title, *one.alt_titles})),
        first_line=first.first_line,
        follow_on=(first.headline, *first.follow_on, *one.follow_on),
    )


def _dying(first: Report, one: Report) -> bool:
    """The task that oopsed complains on its way out."""
    return (
        first.severity is not Severity.WARNING
        and first.pid == one.pid
        and one.severity is Severity.WARNING
        and any(_DYING.match(frame.function) for stack in one.traces for frame in stack.frames)
    )

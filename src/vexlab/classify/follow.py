"""Which headlines are a crash of their own, and which only follow on another's."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

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
# The machine stops because of what came before.
_SECONDARY_PANIC = re.compile(
    r"Kernel panic - not syncing: *(?:Fatal|panic_on_|hung_task: blocked|softlockup: hung|RCU Stall"
    r"|Machine halted|Attempted to kill|Aiee, killing|kasan\.fault|Unrecoverable|Oops|\w+: panic_on_warn|UBSAN|KFENCE"
    r"|[hH]ard LOCKUP|Watchdog detected|Asynchronous SError|Unhandled exception|kernel stack overflow|NMI: )"
)
_PANIC = "Kernel panic"
_PANIC_NEAR = 8000  # characters between a report and the panic that ends it
# Follow-on lines in whose wake the report goes on; at any other the search for title and function ends.
_SAME_REPORT = re.compile(
    r"Kernel panic|PANIC: double fault|invalid opcode:|Internal error:|unregister_netdevice|\[#|Oops|[kK]ernel BUG at [0-9a-f]+"
)
# The second line of one and the same exception.
_SAME_FAULT = re.compile(
    r"invalid opcode:|Internal error:|general protection fault|Oops|\[#|[kK]ernel BUG|Unable to handle kernel"
    r"|BUG: unable to handle|PANIC: double fault|stack segment: |int3:|divide error:|Unhandled fault:|Kernel bug detected"
)
# A complaint of one line and the WARN() that stands right behind it in the source.
_COMPLAINT = re.compile(r"BUG: Dentry |BUG: Bad |VFS: Busy inodes|BUG: non-zero")
_WARN = re.compile(r"WARNING: (?:CPU: |at |\S+:\d+ at )")
_AT_ONCE = 16  # groups under way at the same time
MOST_FOLLOWERS = 100  # kept of one crash, and the last one
_NEAR = 12  # lines between the two
_CLOSE = 4
_NEAR_CHARS = 3000


# What the unwinder, the allocator and the hung-task detector add to a report under way.
_DETAIL = re.compile(
    r"WARNING: kernel stack (?:regs|frame pointer)|INFO: (?:Freed|Allocated|Slab|Object|0x)"
    r"|INFO: task .{0,80} blocked on an? \w+"
)
_DETAIL_NEAR = 20000
# BUG vexfs_inode (Tainted: G    B): Poison overwritten
_SLAB = re.compile(r"BUG (\S+) *\((?:Not t|T)ainted")
# kmem_cache_destroy vexfs_inode: Slab cache still has objects when called from vexfs_exit+0x1/0x2 [vexfs]
_DESTROY = "kmem_cache_destroy"
_SLUB = re.compile(r"\bmm/(?:slub|slab_common)\.c:")  # since 6.12 object_err() and slab_err() warn behind their report
# A kernel starts: [    0.000000] Linux version 6.1.0
_BANNER = "Linux version "


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
        for other in under_way:
            if other.head.keyword in _REMARKS:
                continue
            if not first.head.context or other.head.context == first.head.context:
                return Group(first.head, tuple(first.tail), other.head.start)
        return Group(first.head, tuple(first.tail), len(self._text))

    def _owner(self, under_way: deque[_Open], one: Headline) -> _Open | None:
        """The group a headline follows on: its own context's last, else (a panic's) the last of all."""
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
        last, text = group.last, one.text
        if last.text.startswith(_PANIC) and self._text.find(_BANNER, last.end, one.start) < 0:
            return True
        if not text.startswith(_PANIC):
            return False
        near = one.start - last.end < _PANIC_NEAR and not _PRIMARY_PANIC.match(text)
        return near or _SECONDARY_PANIC.match(text) is not None

    def _follows(self, group: _Open, one: Headline) -> bool:
        head, last, text = group.head, group.last, one.text
        if self._ends(group, one):
            return True
        if _DETAIL.match(text) and one.start - last.end < _DETAIL_NEAR and not _DETAIL.match(head.text):
            return True
        if last is head and _COMPLAINT.match(head.text) and _WARN.match(text):
            return self._text.count("\n", head.end, one.start) <= _CLOSE
        if _SLAB.match(head.text) and one.start - last.end < _DETAIL_NEAR and self._slab_again(head, last, one):
            return True
        near = one.start - last.end < _NEAR_CHARS and self._lines_between(last, one) <= _NEAR
        return near and (one.keyword == DIE_COUNT or _SAME_FAULT.match(text) is not None)

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


def is_aftermath(headline: str) -> bool:
    """Whether a headline only says that the machine stops because of an earlier crash."""
    return _SECONDARY_PANIC.match(headline) is not None


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
        if kept and (_same_fault(kept[-1], one) or _dying(kept[-1], one)):
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


def _dying(first: Report, one: Report) -> bool:
    """The task that oopsed complains on its way out."""
    return (
        first.severity is not Severity.WARNING
        and first.pid == one.pid
        and one.severity is Severity.WARNING
        and any(_DYING.match(frame.function) for stack in one.traces for frame in stack.frames)
    )

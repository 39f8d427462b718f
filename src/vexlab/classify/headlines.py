"""Which lines of a log may begin a report: the words the kernel opens one with, where a message begins.

Found by plain substring search over the whole text, so that a flood of harmless output costs next to nothing.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from typing import NamedTuple

from vexlab.classify.lines import LONGEST_LINE, USER, line_at

# What opens a report, each with a line it stands for. Case matters; the word stands where a message begins.
_WORDS = (
    r"BUG:",  # BUG: unable to handle page fault for address: ffffc90000000000
    r"WARNING:",  # WARNING: CPU: 0 PID: 1 at fs/inode.c:1 f+0x1/0x2
    r"INFO:",  # INFO: task sync:7 blocked for more than 120 seconds.
    r"Unable to handle kernel",  # Unable to handle kernel NULL pointer dereference at virtual address 00000000
    r"general protection fault(?=[:,])",  # general protection fault: 0000 [#1] SMP
    r"stack segment: ",  # stack segment: 0000 [#1] SMP
    r"Kernel panic(?=: | - )",  # Kernel panic - not syncing: VFS: Unable to mount root fs
    r"PANIC: double fault",  # PANIC: double fault, error_code: 0x0
    r"rust_kernel: panicked",  # rust_kernel: panicked at drivers/x.rs:1:2:
    r"[kK]ernel BUG(?= (?:at|in|\[))",  # kernel BUG at fs/inode.c:1!    Kernel BUG [#1]
    r"BUG kmalloc-",  # BUG kmalloc-8 (Tainted: G    B): Object already free
    r"divide[ _]error:",  # divide error: 0000 [#1] SMP
    r"invalid opcode:",  # invalid opcode: 0000 [#1] SMP
    r"int3:",  # int3: 0000 [#1] SMP
    r"UBSAN:",  # UBSAN: shift-out-of-bounds in lib/x.c:1:2
    r"Booting the kernel\.",  # Decompressing Linux... Parsing ELF... done.\nBooting the kernel.
    r"unregister_netdevice: waiting for",  # unregister_netdevice: waiting for lo to become free. Usage count = 3
    r"VFS: Close: file count is 0",
    r"VFS: Busy inodes after unmount",  # VFS: Busy inodes after unmount of sda1. Self-destruct in 5 seconds.
    r"Internal error:",  # Internal error: Oops: 96000004 [#1] SMP
    r"Unhandled fault:",  # Unhandled fault: page domain fault (0x81b) at 0x00000000
    r"Alignment trap:",  # Alignment trap: not handling instruction e1923f9f at [<80000000>]
    r"trusty: panic",
    r"fatal error:(?=\s)",  # fatal error: out of memory    (Go)
    r"SYZFAIL:",
    r"SYZFATAL:",
    r"panic:(?=\s)",  # panic: runtime error    (Go)
    # What follows is not in the corpus' conventions; each opens a report of its own in the kernel's sources.
    # BUG vexfs_inode (Not tainted): Poison overwritten; KASAN's own dump is no report of the slab's (mm/slub.c)
    r"BUG (?=\S+ *\((?:Not t|T)ainted[^)\n]*\): (?!kasan: ))",
    r"Badness (?=(?:in \S+ )?at \S+:\d)",  # Badness at kernel/x.c:1    (until 2.6.30)
    r"(?:[Ss])?cheduling while atomic:",  # scheduling while atomic: sh/0x00000002/123    (until 2.6.2x)
    r"D?ebug: sleeping function called",  # Debug: sleeping function called from invalid context at x.c:1
    r"Kernel bug detected",  # Kernel bug detected[#1]:    (MIPS)
    r"Kernel Fault: Code",  # Kernel Fault: Code=15 (Data TLB miss fault) at addr 0    (PA-RISC)
    r"soft lockup - CPU",  # soft lockup - CPU#0 stuck for 22s!    (without the word BUG)
    r"hard LOCKUP",  # NMI watchdog: Watchdog detected hard LOCKUP on cpu 0
    r": nobody cared",  # irq 16: nobody cared (try booting with the "irqpoll" option)
    r"stack overflow:",  # do_IRQ: stack overflow: 456    (x86-32)
    r"unreferenced object 0x",  # unreferenced object 0xffff8881019e6d00 (size 256):    (mm/kmemleak.c)
    r"\d+ new suspected memory leaks",  # kmemleak: 3 new suspected memory leaks (see /sys/kernel/debug/kmemleak)
    r"sysfs: cannot create duplicate filename",  # ... '/kernel/slab/vexfs_inode'    (fs/sysfs/dir.c)
    r"kobject_add_internal failed for \S+ with -EEXIST",  # kobject: kobject_add_internal failed for x with -EEXIST, ...
)
# What may stand before the word, each with a line it stands for: a subsystem's own prefix, never a module's.
_LEADS = (
    r" +",
    r"(?:rcu|NMI watchdog|watchdog|traps|hung_task|kmemleak|kobject): ",  # rcu: INFO: rcu_preempt detected stalls ...
    r"\[ ",  # [ INFO: possible circular locking dependency detected ]
    r"Oops: ",  # Oops: general protection fault, probably for non-canonical address 0xdead000000000108: 0000 [#1]
    r"CPU ?\d+(?::? )",  # CPU 0 Unable to handle kernel paging request at ...    (MIPS, LoongArch)
    r"Watchdog detected (?=hard LOCKUP)",  # watchdog: CPU1: Watchdog detected hard LOCKUP on cpu 0
    r"irq \d+(?=: nobody cared)",
    r"do_IRQ: (?=stack overflow:)",
    # what vendors' kernels put before every message:  [4:  system_server: 3344]    (1)[812:umount]    c0    812
    r"\[\d+: *[\w./-]{1,16}: *\d+\] |\(\d+\)\[\d+:[\w./:-]{1,20}\] ?|c\d+ +\d+ ",
    r"kasan: GPF could be caused by NULL-ptr deref or user memory access",  # (it lacked its line end until 4.16)
    r"-{8,}\[ cut here \]-{8,}",  # (a line end was lost)
)
_OPENING = re.compile(rf"(?:{'|'.join(_LEADS)}){{0,4}}(?P<word>{'|'.join(_WORDS)})")
# Internal error: Oops: 0000000096000004 [#1] PREEMPT SMP    Oops[#1]:    sh(99): Oops [#1]    Oops - BUG: 0 [#1] SMP ARM
# (the count of oopses so far ends the line, or only the kernel's own options follow it)
DEATH = r"[A-Za-z][\w .,:/()-]{2,200}? ?\[#\d{1,5}\](?::?\s*$|[:,]? +[A-Z][A-Z0-9_]+(?:[ ,(]|\s*$))"
"""What die() prints on every architecture, at the beginning of a message."""
_DEATH = re.compile(DEATH)
# ... [   12.345678] BUG: ...    (a line end was lost)
_INNER_STAMP = re.compile(r"\[ *\d+\.\d{6}\](?:\[ *[TC]\d+\])? ?")
DIE_COUNT = "[#"

# What is searched for in the whole text: few words that all of the above have in common, since each costs a pass. What
# die() prints holds its count.
_NEEDLES = (
    "BUG", "WARNING:", "INFO:", DIE_COUNT, "panic", "nable to handle kernel", "UBSAN:", "double fault", "VFS: ",
    "Booting the kernel.", "unregister_netdevice: waiting for", "fatal error:", "SYZF", "hard LOCKUP",
    "new suspected memory leaks",
)  # fmt: skip
# Rarer ones, which never come without a stack; searched for only where the log holds any.
_WITH_STACK = (
    "general protection fault", "Internal error:", "Unhandled fault:", "Alignment trap:", "Badness ",
    "cheduling while atomic:", "ebug: sleeping function called", "Kernel bug detected", "Kernel Fault: Code",
    "soft lockup - CPU", ": nobody cared", "stack overflow:", "unreferenced object 0x",
    "cannot create duplicate filename", "kobject_add_internal failed",
)  # fmt: skip
_STACKS = ("all Trace:", "all trace:", "acktrace", "[<", "IAOQ[")

# Lines that open like a report and are none, though a stack may follow. Each with a line it stands for.
_HARMLESS = re.compile(
    "|".join(
        (
            r"INFO: lockdep is turned off",
            r"INFO: Stall ended before state dump",
            r"INFO: [^\n]{0,40}handler .*took too long",  # INFO: NMI handler (x) took too long to run: 2.277 msecs
            r"INFO: (?:recovery required on readonly filesystem|write access will be enabled during recovery)",
            r"WARNING: /etc/ssh/moduli does not exist",
            r"WARNING: [Tt]he mand mount option",
            r"WARNING: workqueue cpumask: online intersect",
            r"WARNING: Unprivileged eBPF is enabled",
            r"WARNING: (?:kernel not compiled with|.*CPU_SRSO|.*[Mm]itigation)",  # kernel not compiled with CPU_SRSO
            r"WARNING: fbcon: Driver '.*' missed to adjust virtual screen size",
            r"(?i:uses? (?:deprecated v2 capabilities|wireless extensions))",
            r"general protection fault .*(?:ip:|rip:|error:[0-9a-f]+ in )",  # general protection fault ip:1 ... in prog[1]
            r"fatal error: cannot create timer",
        )
    )
)
# [   12.345678] ...
_SECONDS = re.compile(r"\[ *(\d{1,9}\.\d+)")
# ** replaying previous printk message **
_REPLAY = "replaying previous printk message"


class Headline(NamedTuple):
    """A line that opens a report. ``at`` is the keyword's place in ``body``, the line without prefixes;
    ``stamp`` the time in seconds since boot, -1 where the line has none; ``prefix`` what stood before ``body``.
    """

    start: int
    end: int
    context: str | None
    body: str
    at: int
    keyword: str
    stamp: float = -1.0
    prefix: str = ""

    @property
    def text(self) -> str:
        """The line from the keyword on; the whole line where the keyword is die()'s count of oopses."""
        return self.body if self.keyword == DIE_COUNT else self.body[self.at :]


def _places(text: str, word: str) -> Iterator[int]:
    """The places of one keyword, at most one in a line."""
    pos = text.find(word)
    while pos >= 0:
        yield pos
        newline = text.find("\n", pos)
        pos = text.find(word, newline) if newline >= 0 else -1


def _hits(text: str) -> Iterator[int]:
    """Every place of every keyword in the order of the text, never all of them in memory."""
    needles = _NEEDLES + _WITH_STACK if any(word in text for word in _STACKS) else _NEEDLES
    present = [word for word in needles if word in text]  # a console is read in small pieces, most without any
    return heapq.merge(*(_places(text, word) for word in present))


def headlines(text: str) -> Iterator[Headline]:
    """All headlines of a normalised log, in order; at most one per line."""
    done = -1
    for pos in _hits(text):
        if pos < done:
            continue
        start = text.rfind("\n", 0, pos) + 1
        end = text.find("\n", pos)
        end = len(text) if end < 0 else end
        done = end
        headline = _read(text, start, end)
        if headline is not None and not _replayed(text, end) and not _inlined(text, headline):
            yield headline


def _read(text: str, start: int, end: int) -> Headline | None:
    """The line as a headline, or None if its message does not open as the kernel opens a report."""
    _, _, context, body = line_at(text, start, end)
    if context == USER:
        return None
    match = _OPENING.match(body) or _behind_a_stamp(body)
    if match and not _HARMLESS.search(body, match.start("word")):
        at, word = match.start("word"), match["word"]
    elif DIE_COUNT in body and _DEATH.match(body):
        at, word = body.index(DIE_COUNT), DIE_COUNT
    else:
        return None
    prefix = text[start : min(end, start + LONGEST_LINE)]
    prefix = prefix[: len(prefix) - len(body)]
    return Headline(start, end, context, body, at, word, _stamp(prefix), prefix)


def _behind_a_stamp(body: str) -> re.Match[str] | None:
    """The opening of a message that two lines run into each other hide."""
    if "] " not in body:
        return None
    stamps = list(_INNER_STAMP.finditer(body))
    return _OPENING.match(body, stamps[-1].end()) if stamps else None


def _stamp(prefix: str) -> float:
    """Seconds since boot as the prefix of a line gives them, or -1."""
    match = _SECONDS.search(prefix)
    return float(match[1]) if match else -1.0


def _replayed(text: str, end: int) -> bool:
    """Whether the next line says that printk prints this one again."""
    return text.startswith(_REPLAY, text.find("*", end, end + 120) + 3) if end < len(text) else False


def _inlined(text: str, headline: Headline) -> bool:
    """Whether a decoder wrote a headline once for each inlined function, and the function's own is still to come:
    ``BUG: KASAN: ... in atomic_read include/x.h:1 [inline]``, then ``BUG: KASAN: ... in f+0x1/0x2 fs/x.c:1``.
    """
    if not headline.body.endswith("[inline]"):
        return False
    end = text.find("\n", headline.end + 1)
    after = _read(text, headline.end + 1, end if end >= 0 else len(text))
    return after is not None and after.keyword == headline.keyword

"""Which lines of a log begin a report: the words the kernel opens one with, and what only looks like it.

Found by plain substring search over the whole text, so that a flood of harmless output costs next to nothing.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from typing import NamedTuple

from vexlab.classify.lines import LONGEST_LINE, USER, split_prefix

# Word the kernel prints -> where it comes from. Case matters; the word may stand anywhere in the line.
KEYWORDS: tuple[str, ...] = (
    "BUG:",  # BUG: unable to handle page fault for address: ffffc90000000000
    "WARNING:",  # WARNING: CPU: 0 PID: 1 at fs/inode.c:1 f+0x1/0x2
    "INFO:",  # INFO: task sync:7 blocked for more than 120 seconds.
    "Unable to handle kernel",  # Unable to handle kernel NULL pointer dereference at virtual address 00000000
    "general protection fault",  # general protection fault: 0000 [#1] SMP
    "stack segment: ",  # stack segment: 0000 [#1] SMP
    "Kernel panic",  # Kernel panic - not syncing: VFS: Unable to mount root fs
    "PANIC: double fault",  # PANIC: double fault, error_code: 0x0
    "rust_kernel: panicked",  # rust_kernel: panicked at drivers/x.rs:1:2:
    "kernel BUG",  # kernel BUG at fs/inode.c:1!
    "Kernel BUG",  # Kernel BUG at ffffffff81000000 [verbose debug info unavailable]
    "BUG kmalloc-",  # BUG kmalloc-8 (Tainted: G    B): Object already free
    "divide error:",  # divide error: 0000 [#1] SMP
    "divide_error:",  # divide_error: 0000 [#1] SMP
    "invalid opcode:",  # invalid opcode: 0000 [#1] SMP
    "int3:",  # int3: 0000 [#1] SMP
    "UBSAN:",  # UBSAN: shift-out-of-bounds in lib/x.c:1:2
    "Booting the kernel.",  # Decompressing Linux... Parsing ELF... done.\nBooting the kernel.
    "unregister_netdevice: waiting for",  # unregister_netdevice: waiting for lo to become free. Usage count = 3
    "VFS: Close: file count is 0",
    "VFS: Busy inodes after unmount",  # VFS: Busy inodes after unmount of sda1. Self-destruct in 5 seconds.
    "Internal error:",  # Internal error: Oops: 96000004 [#1] SMP
    "Unhandled fault:",  # Unhandled fault: page domain fault (0x81b) at 0x00000000
    "Alignment trap:",  # Alignment trap: not handling instruction e1923f9f at [<80000000>]
    "trusty: panic",
    "fatal error:",  # fatal error: out of memory    (Go)
    "SYZFAIL:",
    "SYZFATAL:",
    "panic:",  # panic: runtime error    (Go)
    # What follows is not in the corpus' conventions; each opens a full report of its own in the kernel's sources.
    "[#",  # Oops - undefined instruction: 0 [#1]    (die() on every architecture)
    "BUG ",  # BUG vexfs_inode (Not tainted): Poison overwritten    (mm/slub.c, any cache)
    "hard LOCKUP",  # NMI watchdog: Watchdog detected hard LOCKUP on cpu 0
    "Badness ",  # Badness at kernel/x.c:1    (until 2.6.30)
    "cheduling while atomic:",  # scheduling while atomic: sh/0x00000002/123    (until 2.6.2x)
    "ebug: sleeping function called",  # Debug: sleeping function called from invalid context at x.c:1
    ": nobody cared",  # irq 16: nobody cared (try booting with the "irqpoll" option)
    "Kernel bug detected",  # Kernel bug detected[#1]:    (MIPS)
    "Kernel Fault: Code",  # Kernel Fault: Code=15 (Data TLB miss fault) at addr 0    (PA-RISC)
    "soft lockup - CPU",  # BUG: soft lockup - CPU#0 stuck for 22s!    (and without the word BUG)
    "stack overflow:",  # do_IRQ: stack overflow: 456    (x86-32)
)
"""What opens a report."""

# What is searched for: fewer and shorter words, since each costs a pass over the text.
_COMMON = ("BUG", "panic", "SYZF")
_NEEDLES = (*_COMMON, *(word for word in KEYWORDS if not any(part in word for part in _COMMON)))

# A keyword is a word of its own: ODEBUG:, _INFO:, u_panic: are other words.
_PART_OF_A_WORD = re.compile(r"[A-Za-z0-9_]")
_WORDY = frozenset(("BUG:", "WARNING:", "INFO:", "UBSAN:", "panic:", "int3:", "fatal error:", "SYZFAIL:", "SYZFATAL:"))

# Lines with a keyword that report no crash. One alternation, each branch with a line it stands for.
_HARMLESS = re.compile(
    "|".join(
        (
            r"INFO: lockdep is turned off",
            r"INFO: Stall ended before state dump",
            r"INFO: (?:NMI|interrupt|[a-z_]*) ?handler .*took too long",  # INFO: NMI handler (x) took too long to run
            r"NMI handler .*took too long",
            r"INFO: recovery required on readonly filesystem",  # EXT4-fs (sda): INFO: recovery required ...
            r"INFO: write access will be enabled during recovery",
            r"WARNING: /etc/ssh/moduli does not exist",
            r"WARNING: [Tt]he mand mount option",
            r"workqueue: max_active|WARNING: workqueue cpumask: online intersect",
            r"WARNING: Unprivileged eBPF is enabled",
            r"WARNING: (?:kernel not compiled with|.*CPU_SRSO|.*[Mm]itigation)",  # kernel not compiled with CPU_SRSO
            r"WARNING: fbcon: Driver '.*' missed to adjust virtual screen size",
            r"EXT4-fs ?(?:\([^)]{0,80}\)|warning|error)?:? .{0,300}(?:WARNING|INFO|BUG):",
            r"XFS ?\([^)]{0,80}\): (?:WARNING|INFO|BUG):",
            r"(?i:uses? (?:deprecated v2 capabilities|wireless extensions))",
            r"general protection fault .*(?:ip:|rip:|error:[0-9a-f]+ in )",  # prog[1] general protection fault ip:1
            r"trap(?:s:)? .*general protection fault",
            r"ALSA: .*fatal error: cannot create timer|fatal error: cannot create timer",
            r"Unknown parameter '",  # xfs: Unknown parameter '   Booting the kernel.
        )
    )
)
# Words that open a report only in these surroundings (searched in the line without prefixes).
_SURROUNDINGS = {
    # Go prints these at the beginning of a line; "x.c:1:2: fatal error:" and "panic:1" are other things.
    "panic:": re.compile(r"^\s*panic:\s"),
    "fatal error:": re.compile(r"^\s*fatal error:\s"),
    # Oops: 0002 [#1] SMP    Oops[#1]:    Internal error: Oops: 17 [#1]
    "[#": re.compile(r"[A-Za-z0-9:\])] ?\[#\d{1,5}\](?:[ :,]|$)"),
    # BUG vexfs_inode (Tainted: G    B): Poison overwritten; KASAN's own dump is no report of the slab's
    "BUG ": re.compile(r"(?:^|\s)BUG \S+ *\((?:Not t|T)ainted[^)]*\): (?!kasan: )"),
    "Badness ": re.compile(r"^Badness (?:in \S+ )?at \S+:\d+"),
    ": nobody cared": re.compile(r"irq \d+: nobody cared"),
    "stack overflow:": re.compile(r"do_IRQ: stack overflow:"),
}
# ** replaying previous printk message **
_REPLAY = "replaying previous printk message"


DIE_COUNT = "[#"


class Headline(NamedTuple):
    """A line that opens a report. ``at`` is the keyword's place in ``body``, the line without prefixes."""

    start: int
    end: int
    context: str | None
    body: str
    at: int
    keyword: str

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
    present = [word for word in _NEEDLES if word in text]  # a console is read in small pieces, most without any
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
    """The line's first keyword that stands as a word of its own, or None if the line is harmless."""
    context, body = split_prefix(text[start : min(end, start + LONGEST_LINE)])
    if context == USER or _HARMLESS.search(body):
        return None
    best: tuple[int, str] | None = None
    for word in KEYWORDS:
        at = body.find(word)
        while at > 0 and word in _WORDY and _PART_OF_A_WORD.match(body[at - 1]):
            at = body.find(word, at + 1)
        around = _SURROUNDINGS.get(word)
        if at >= 0 and around is not None and not around.search(body):
            continue
        if at >= 0 and (best is None or at < best[0]):
            best = (at, word)
    if best is None:
        return None
    return Headline(start, end, context, body, best[0], best[1])


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


# [    1.234567] ...    <6>[    1.234567] ...
_STAMPED = re.compile(r"^(?:<\d+>)?\[ *\d+\.\d{6}\]", re.M)
# What only a kernel prints: a frame, a task, a device.    f+0x1/0x2    Comm: sync    usb 5-1: ...    Linux version 6.1
_KERNELISH = re.compile(
    r"\+0x[0-9a-f]+/0x|\bComm: |\bkernel\b|^[a-z]+ \d+[-:][\w.:-]*: |Linux version \d|cut here", re.M
)
_NEIGHBOURS = 4000  # characters
_FAR_NEIGHBOURS = 16000


class _Marks:
    """The places of a pattern around rising positions of a text, each searched for once."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._found = (match.start() for match in pattern.finditer(text))
        self._begun = False
        self.before = self.after = -1

    def move(self, pos: int) -> None:
        """Advance to a place; the text is searched only as far as needed."""
        if not self._begun:
            self._begun, self.after = True, next(self._found, -1)
        while 0 <= self.after < pos:
            self.before, self.after = self.after, next(self._found, -1)

    def near(self, pos: int, distance: int) -> bool:
        """Whether the pattern stands within a distance of a place."""
        self.move(pos)
        if self.before >= 0 and pos - self.before <= distance:
            return True
        return self.after >= 0 and self.after - pos <= distance


class Surroundings:
    """Whose words a line without any prefix is likely to be; asked with rising positions."""

    def __init__(self, text: str) -> None:
        self._stamps = _Marks(_STAMPED, text)
        self._kernel = _Marks(_KERNELISH, text)

    def amid_kernel_lines(self, headline: Headline) -> bool:
        """Whether the kernel's own lines around a headline carry timestamps, and the headline does not."""
        return self._stamps.near(headline.start, _NEIGHBOURS)

    def before_the_kernel(self, headline: Headline) -> bool:
        """Whether no kernel has spoken yet when the line comes, and one does later: boot loaders, firmware."""
        self._stamps.move(headline.start)
        return self._stamps.before < 0 <= self._stamps.after

    def among_programs(self, headline: Headline) -> bool:
        """Whether nothing in the neighbourhood looks like a kernel's log at all."""
        return not self._kernel.near(headline.start, _FAR_NEIGHBOURS)

"""Which headlines are the kernel's own reports: what programs, firmware and modules print in the same words is not.

The kernel's reports have oops_formats. A headline of a known format is believed where the lines behind it are there that the
kernel always prints, or where the log was cut off before they came. Any other ``BUG:``, ``WARNING:`` or ``INFO:`` is
believed only where a stack follows at once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from functools import lru_cache

from vexlab.classify.headlines import DIE_COUNT, Headline, headlines
from vexlab.classify.lines import LONGEST_LINE, split_prefix
from vexlab.classify.oops_format import OopsFormat
from vexlab.classify.oops_formats import OOPS_FORMATS

_WEAK = frozenset(("BUG:", "WARNING:", "INFO:"))  # words that programs and firmware print as well
_BOOT = "Booting the kernel."  # (the decompressor's words; no kernel is there yet that stamps them)
_OLD_PANIC = "Kernel panic:"  # Kernel panic: Fatal exception    (until 2.6.9; a module may print the like)
# systemd[1]: WARNING: ...    (a program's words, sent through /dev/kmsg)
_PROGRAM = re.compile(r"[\w.@/()-]{1,64}\[\d+\]: ")

_BODY_LINES = 40  # of the same context, in which what belongs to a headline begins
_STACK_LINES = 6  # in which the stack of an unknown BUG: begins
_SEARCHED = 400  # lines of any context
_BEGINNING = 400  # characters of a line looked at
_MOST_SEEN = 10_000  # headlines remembered
# What follows a headline of a known format, each with a line it stands for.
_BODY = re.compile(
    "|".join(
        (
            r"[Cc]all [Tt]race:|[Bb]acktrace",
            r"CPU: ?\d+ (?:UID: \d+ )?PID|Pid: \d+, comm|Hardware name|Modules linked in",
            r"\b[RE]?IP:|\b(?:NIP|PC is at|pc :|epc *:|ERA:|TPC:|Krnl PSW)",
            r"\[#\d|#PF:|Mem abort info|PGD [0-9a-f]|\*?pgd ?=|\*p[dgm]e = |pte:|REGS: ",
            r"\[<(?:0x)?[0-9a-f]{8,16}>\]|\+0x[0-9a-f]+/0x[0-9a-f]+",
            r"Faulting instruction|Failing address|Fault in ",
            r"task:\S+ +state:|^\S+ +[DRS] +[0-9a-f(]|locks? held|is trying to|Future hung task",
            r"in_atomic\(\): |preempt_count: |lock: |irq event stamp|other info that might",
            r"page:|flags: 0x|raw: |page last|addr:|Slab 0x|INFO: Slab|Allocated in|Object 0x|Padding |Redzone ",
            r"rcu: |\(detected by|\(t=\d+ jiffies|Sending NMI|blocking rcu_node|Showing busy",
            r"(?:read|write).* to 0x[0-9a-f]+ of \d+ bytes|race at unknown origin|in kfence-#|kfence-#",
            r'unreferenced object 0x|comm "|hex dump|------------\[ cut here|(?:signed|unsigned|index|shift|load|division|null|member) ',
            r"goroutine \d+|runtime stack:|\[signal ",  # (Go's own)
            r"last function:|Kernel Offset|ftrace buffer|Kernel panic - not|Tainted: |Rebooting in|Not tainted",
        )
    )
)
# CPU: 0 PID: 7 Comm: sync    Call Trace:    (the stack of a complaint of unknown words)
_STACK = re.compile(r"^\s*(?:Call [Tt]race:|CPU: ?\d+ (?:UID: \d+ )?PID|Pid: \d+, comm|Modules linked in|Backtrace:)")
# ** 93 printk messages dropped **
_LOST = "printk messages dropped"
# Lines that open something else: what follows is not the headline's.
_OTHER = re.compile(
    r"-{8,}\[ cut here \]|={20,}|(?:BUG|WARNING|INFO):(?! lockdep is turned off)|[kK]ernel BUG|Unable to handle"
)
# What the kernel prints before a headline, so that one without its body was cut off: a rule, or the cut's mark.
_PREAMBLE = re.compile(r"-{8,}\[ cut here \]|={20,}|-{20,}$|8<--- cut here")
_FAULTS = frozenset((DIE_COUNT, "Unable to handle kernel", "general protection fault", "Internal error:"))
_DYING = frozenset(("Unable to handle kernel", "kernel BUG", "Kernel BUG"))
_DEATH_LINES = 60
_MOST_OTHERS = 3  # openings of other reports in between: CPUs that fault at once
# What stands between a fault's headline and die(), each with a line it stands for.
_EXPLAINS = re.compile(
    r"#PF|(?:PGD|P4D|PUD|PMD|PTE) |[Mm]em abort|Data abort| +(?:ESR|EC|SET|EA|FSC|ISV|CM|GCS|TagAccess) = |(?:user|swapper|Current) .*pgtable"
    r"|\*?pgd ?=|\[[0-9a-f]{8,16}\]|\*pde|Faulting|Failing|Fault in|AS:|KASAN: |IP: \[<|Thread overran|kernel tried|$"
)
# BUG: unable to handle page fault for address: ...    BUG: kernel NULL pointer dereference, address: ...
_FAULT = re.compile(r"BUG: (?:[Uu]nable to handle|[Kk]ernel NULL)")


def believed(text: str) -> Iterator[Headline]:
    """The headlines of a normalised log that the kernel printed as the opening of a report."""
    around = Surroundings(text)
    copies = _Copies()
    for found in headlines(text):
        oops_format = format_of(found.text)
        if oops_format is None and found.keyword not in _WEAK and found.keyword != DIE_COUNT:
            continue
        proved = (oops_format is not None and oops_format.alone and not found.text.startswith(_OLD_PANIC)) or _proved(
            text, found, known=oops_format is not None
        )
        if proved and not _elsewhere(around, found, oops_format) and not copies.holds(found):
            yield found


def _elsewhere(around: Surroundings, found: Headline, oops_format: OopsFormat | None) -> bool:
    """Whether a program or the firmware printed the line."""
    doubtful = found.keyword == _BOOT or (found.keyword in _WEAK and oops_format is None)
    if not doubtful:
        return False
    if found.context is not None:
        return found.keyword == _BOOT or _PROGRAM.match(found.body) is not None
    if around.before_the_kernel(found):
        return True
    return found.keyword != _BOOT and (around.amid_kernel_lines(found) or around.among_programs(found))


class _Copies:
    """Lines that come a second time with the time stamp of the first: copies to terminals (``kernel:[   12.3] ...``),
    and the whole log printed once more (``dmesg``).
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[float, str], str] = {}
        self._latest = -1.0
        self._again = False

    def holds(self, found: Headline) -> bool:
        """Whether the headline was seen before: told by another prefix, or by time stamps that have run back."""
        if found.stamp < 0:
            return False
        first = self._seen.get((found.stamp, found.body))
        ran_back = found.stamp < self._latest
        self._latest = max(self._latest, found.stamp)
        if first is None:
            if len(self._seen) < _MOST_SEEN:
                self._seen[found.stamp, found.body] = found.prefix
            self._again = False
            return False
        self._again = self._again or ran_back
        return self._again or first != found.prefix


def _speaks_of(oops_format: OopsFormat, word: str) -> bool:
    """Whether a format's headline may begin with a word: it holds it, or begins with no word at all."""
    pattern = oops_format.head.pattern
    return word in pattern or not (pattern[0].isalpha() or any(weak[:-1] in pattern for weak in _WEAK))


# The formats to ask of a headline that begins with a word that many begin with.
_FORMATS_OF = {
    word: tuple(oops_format for oops_format in OOPS_FORMATS if _speaks_of(oops_format, word[:-1])) for word in _WEAK
}


@lru_cache(maxsize=4096)
def format_of(text: str) -> OopsFormat | None:
    """The first format whose headline fits, if any."""
    return next(
        (
            oops_format
            for oops_format in _FORMATS_OF.get(text[: text.find(":") + 1], OOPS_FORMATS)
            if oops_format.head.match(text)
        ),
        None,
    )


def _proved(text: str, found: Headline, *, known: bool) -> bool:
    """Whether what the kernel prints with such a headline is there, or was cut off with the log."""
    if known and _dies(found):
        return _proved_by_death(text, found)
    most = _BODY_LINES if known else _STACK_LINES
    for number, body in enumerate(_following(text, found), 1):
        if known:
            if _BODY.search(body, 0, _BEGINNING) or _LOST in body:
                return True
        elif _STACK.match(body):
            return True
        if _OTHER.match(body):
            return known and _cut_off(text, found)
        if number >= most:
            return False
    return known and _cut_off(text, found)


def _dies(found: Headline) -> bool:
    """Whether die() speaks next: behind what a fault's handler or BUG() says."""
    return found.keyword in _DYING or _FAULT.match(found.text) is not None


def _proved_by_death(text: str, found: Headline) -> bool:
    """Whether die() printed its count of oopses, or the log ends while the kernel still explains the fault."""
    explained = True
    lines = others = 0
    for body in itertools.islice(_following(text, found), _DEATH_LINES):
        if DIE_COUNT in body or "Kernel panic" in body or _LOST in body:
            return True
        explained = explained and _EXPLAINS.match(body) is not None
        lines += 1
        others += _OTHER.match(body) is not None
        if others > _MOST_OTHERS:
            break
    if _cut_off(text, found):
        return True
    return 0 < lines < _DEATH_LINES and explained


def _following(text: str, found: Headline) -> Iterator[str]:
    """The lines of the headline's context behind it, and remarks that lines were lost there."""
    pos = found.end + 1
    for _ in range(_SEARCHED):
        if pos >= len(text):
            return
        end = text.find("\n", pos)
        end = len(text) if end < 0 else end
        context, body = split_prefix(text[pos : min(end, pos + LONGEST_LINE)])
        if context == found.context or (context is None and _LOST in body):
            yield body
        pos = end + 1


def _cut_off(text: str, found: Headline) -> bool:
    """Whether the log ends before the headline's body could come: nothing goes before it, or what always does;
    a fault has no such line, but ends the log at once if it ends the machine.
    """
    if _LOST in text[found.start : found.end]:
        return True
    before = _line_before(text, found)
    if before is None or _PREAMBLE.search(before):
        return True
    second = text.find("\n", found.end + 1)
    return (second < 0 or second == len(text) - 1) and (
        found.keyword in _FAULTS or _FAULT.match(found.text) is not None
    )


def _line_before(text: str, found: Headline) -> str | None:
    """The line before the headline in its context, empty where others go before it, None where the log begins with it."""
    end = found.start - 1
    nearest: str | None = None
    for _ in range(_SEARCHED):
        if end < 0:
            break
        start = text.rfind("\n", 0, end) + 1
        context, body = split_prefix(text[start : min(end, start + LONGEST_LINE)])
        if body.strip():
            if context == found.context:
                return body
            nearest = ""
        end = start - 1
    return nearest


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

"""The text that belongs to a headline: the lines of the same context, prefixes off, guessed frames dropped."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property, lru_cache

from vexlab.classify.headlines import Headline
from vexlab.classify.lines import USER, Line, line_at
from vexlab.classify.stacks import HEADING, parse_frames
from vexlab.model.report import Frame

WINDOW = 1 << 20  # characters behind a headline that are looked at
MOST_LINES = 4000  # lines of one report
_BEFORE = 5
_LONG = 22
_LONG_KMSAN = 16

#  ? f+0x1/0x2     [<ffffffff81000000>] ? f+0x1/0x2     [c000] [c001] f+0x1/0x2 (unreliable)
_GUESS = re.compile(
    r"^\s*(?:<[A-Z_/#0-9]+>\s*)*(?:\[<?[0-9a-f]+>?\]\s*){0,2}(?:<[A-Z_/#0-9]+>\s*)*\? |\(unreliable\)\s*$"
)
# Disabling lock debugging due to kernel taint
_TAINT_REMARK = "Disabling lock debugging due to kernel taint"
# Sending NMI from CPU 0 to CPUs 1:
_NMI = "Sending NMI from CPU"
# FAULT_INJECTION: forcing a failure.    sync: vmalloc: allocation failure: 0 bytes    page allocation failure: order:4
_OWN_STACK = re.compile(
    r"FAULT_INJECTION: forcing a failure|vmalloc: allocation failure|FAULT_FLAG_ALLOW_RETRY missing"
    r"|: page allocation failure"
)
_QUIET_AFTER_END = 24  # x86 prints the registers once more
_LEAK_PREFIX = "kmemleak: "  # before every line of an object that kmemleak prints to the console, its stack included
_QUIET = 64  # lines without a frame, after which the report is over
_OTHERS = 200  # lines of other contexts one after the other, likewise
_OTHERS_BEFORE = 50
_DUMPS = ("Object ", "Redzone ", "Padding ", "Bytes b4 ")  # of an object's bytes, up to a page of them (mm/slub.c)
_CLOSED = re.compile(r"Kernel panic - not syncing|WARNING: possible circular locking dependency detected")


@lru_cache(maxsize=16384)
def frames_of(line: str) -> tuple[Frame, ...]:
    """The frames one line names; most lines have none, which costs two substring searches."""
    if "+" not in line and "[inline]" not in line:
        return ()
    return parse_frames(line)


def is_guess(line: str) -> bool:
    """Whether a line is a stack word the unwinder could not vouch for."""
    return ("? " in line or "(unreliable)" in line) and "<EOI>" not in line and _GUESS.search(line) is not None


# ---[ end trace 0000000000000000 ]---    (whatever follows is another message)
_END = "---[ end "
# ==================================================================    (opens and closes a sanitizer's report)
_RULE = re.compile(r"={20,}$")
_CUT_HERE = "[ cut here ]"
# CPU: 1 UID: 0 PID: 833 Comm: sync Tainted: G    (one in each report, but for the stacks asked of other CPUs)
_NEXT = 400  # characters from a cut's mark to the end of the headline that it belongs to
_CPU = re.compile(r"CPU: ?\d+ (?:UID: \d+ )?PID: ?\d")
_NMI_STACK = "NMI backtrace for cpu"
_AT_LEAST = 3  # lines of a report before a rule may close it
# ...+0x1/0x2 [vexfs]    ...+0x1/0x2 fs/x.c:1 [vexfs 1234abcd]    (behind a function's name)
_MODULE_BEHIND = re.compile(
    r"[\w.$]*\+0x[0-9a-f]+/0x[0-9a-f]+\)? (?:[\w./+-]{1,200}:\d+ )?\[(?P<module>[a-z0-9][\w-]*)[\] ]"
)


class Body:
    """A report's lines. ``head`` is the headline's index in ``lines``; ``full`` keeps the guessed frames;
    ``targets`` are the modules under test.
    """

    def __init__(
        self, before: list[Line], headline: Line, after: list[Line], targets: frozenset[str] = frozenset()
    ) -> None:
        self.targets = targets
        kept = [line for line in before if not is_guess(line.body)]
        self.head = len(kept)
        self.full = (headline, *after)  # the headline's own line first
        kept.append(headline)
        kept += [line for line in after if not is_guess(line.body)]
        self.kept = kept
        self.lines = [line.body for line in kept]
        self.limit = len(self.lines)
        self.mixed = not headline.context  # no caller marks: lines of several tasks may be mixed

    @property
    def earlier(self) -> list[str]:
        """The lines before the headline, the nearest first."""
        return self.lines[: self.head][::-1]

    @cached_property
    def starts(self) -> list[int]:
        """Where each line begins in ``text``."""
        found, pos = [], 0
        for line in self.lines:
            found.append(pos)
            pos += len(line) + 1
        return found

    @cached_property
    def text(self) -> str:
        """The lines joined; patterns are searched here, frames are read from ``lines``."""
        return "\n".join(self.lines)

    @property
    def endpos(self) -> int:
        """Where title and function may no longer be sought."""
        return self.starts[self.limit] if self.limit < len(self.lines) else len(self.text)

    def bound(self, places: frozenset[int]) -> None:
        """End the search for title and function at a line that starts at one of these places of the log,
        or at a message that brings a stack of its own, unless caller marks tell the two apart."""
        if not self.mixed:
            return
        for index in range(self.head + 1, len(self.lines)):
            line = self.kept[index]
            if line.start in places or (_may_own(line.body) and _OWN_STACK.search(line.body)):
                self.limit = index
                return

    def own_lines(self, later: frozenset[int], *, many_stacks: bool) -> tuple[Line, ...]:
        """The headline and the lines of its report alone, guessed frames included: neither what the task printed
        before nor another message behind.

        ``later`` are the places in the log of the follow-on headlines; ``many_stacks`` holds for stalls, which
        print the stacks of several CPUs.
        """
        stop = self.kept[self.limit].start if self.limit < len(self.kept) else None
        end = len(self.full)
        cpus = 0
        for number, line in enumerate(self.full):
            if number == 0:
                continue
            body = line.body
            if stop is not None and line.start >= stop:
                return self.full[:number]
            if body.startswith(_END):
                return self.full[: number + 1]
            if _CUT_HERE in body and number > 1 and not any(line.start < one <= line.end + _NEXT for one in later):
                return self.full[:number]
            if number >= _AT_LEAST and body.startswith("====") and _RULE.match(body):
                return self.full[:number]
            if not many_stacks and "PID" in body and _CPU.search(body):
                asked = any(_NMI_STACK in one.body for one in self.full[max(0, number - 2) : number])
                cpus += not asked
                if cpus > 1 and not any(one <= line.start for one in later):
                    return self.full[:number]
        return self.full[:end]

    def module_at(self, pos: int, name: str) -> str:
        """The module of a function named at a place of ``text``, with underscores; empty where none is told."""
        match = _MODULE_BEHIND.match(self.text, pos + len(name))
        return match["module"].replace("-", "_") if match else ""

    @cached_property
    def headings(self) -> list[int]:
        """Indexes of the lines that begin a stack."""
        return [i for i, line in enumerate(self.lines) if _may_head(line) and HEADING.search(line)]

    def line_at(self, pos: int) -> int:
        """The index of the line in which a place of ``text`` lies."""
        return bisect_right(self.starts, pos) - 1

    def next_heading(self, index: int) -> int:
        """The first heading behind a line, or the end."""
        at = bisect_right(self.headings, index)
        found = self.headings[at] if at < len(self.headings) else len(self.lines)
        return min(found, self.limit) if index < self.limit else found


def _may_own(line: str) -> bool:
    return "failure" in line or "FAULT_FLAG" in line


def _may_head(line: str) -> bool:
    return (
        "race:" in line
        or "trace (crc" in line
        or "cated" in line
        or "reed" in line
        or "Uninit was" in line
        or "badaddr" in line
    )


def extract(
    text: str,
    headline: Headline,
    *,
    stop: int,
    targets: frozenset[str] = frozenset(),
    foreign: frozenset[int] = frozenset(),
) -> Body:
    """Collect the report of a headline; no line beyond ``stop`` is taken, nor one that starts at a ``foreign`` place."""
    stop = min(stop, headline.start + WINDOW, len(text))
    context = headline.context
    before = _before(text, headline)
    after: list[Line] = []
    nmi = False
    longest = _LONG_KMSAN if "KMSAN" in headline.body else _LONG
    pos = headline.end + 1
    leak = headline.body.startswith(_LEAK_PREFIX)
    quiet = others = 0
    most = _QUIET
    while pos < stop and len(after) < MOST_LINES and quiet < most and others < _OTHERS:
        line = line_at(text, pos, stop)
        pos = line.end + 1
        mark, body = line.context, line.body
        if not ((mark == context and line.start not in foreign) or (nmi and mark and mark[0] == "C")):
            others += 1
            continue
        others = 0
        quiet = 0 if "+0x" in body or body.startswith(_DUMPS) else quiet + 1
        if body.startswith(_END):
            most = _QUIET_AFTER_END
        if len(after) >= longest and ("not syncing" in body or "circular" in body) and _CLOSED.search(body):
            break
        if _NMI in body:
            nmi = True
        if _TAINT_REMARK not in body:
            after.append(line._replace(body=body.removeprefix(_LEAK_PREFIX)) if leak else line)
    return Body(before, Line(headline.start, headline.end, context, headline.body), after, targets)


def _before(text: str, headline: Headline) -> list[Line]:
    """Up to five earlier lines of the context: what announces a report, such as the cut's mark."""
    context = headline.context
    found: list[Line] = []
    end = headline.start - 1
    others = 0
    while end >= 0 and len(found) < _BEFORE and others < _OTHERS_BEFORE:
        start = text.rfind("\n", 0, end) + 1
        line = line_at(text, start, end)
        if line.context == context and context != USER:
            found.append(line)
            others = 0
        else:
            others += 1
        end = start - 1
    found.reverse()
    return found

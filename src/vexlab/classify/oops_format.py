"""What a format is: how one kind of report is recognised, titled, and where its blamed function stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum


class Walk(StrEnum):
    """A step that reads frames instead of seeking a line."""

    FRAMES = "frames"  # the frames from here to the next stack heading


class Pick(StrEnum):
    """How the blamed function is chosen from the frames found."""

    FIRST = "first"  # the first that is not skipped
    NAMED = "named"  # the first, whatever it is
    HUNG = "hung"  # what a blocked task waits for
    STALL = "stall"  # the entry point below the dispatcher


Step = re.Pattern[str] | Walk
StackPattern = tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OopsFormat:
    """One row of the table of oops_formats.

    ``head`` is matched at the keyword of the headline; ``needs`` are sought behind it, in order. Their named
    groups fill ``title`` and ``alts``, where ``{f}`` stands for the blamed function. A group called ``name`` is
    the first candidate for it. ``stack_patterns`` are ways to the rest of the candidates: each a row of steps, the first
    stack pattern that yields a function wins; ``own_stack_patterns`` count only where they lead to a module under test. ``before`` is sought in the lines before the headline; its groups
    win over the headline's. ``stackless`` reports need no stack to be whole. ``corrupted`` formats are
    what is left when the real headline is missing. ``alone`` reports are one line: nothing else proves them.
    """

    head: re.Pattern[str]
    title: str
    needs: tuple[re.Pattern[str], ...] = ()
    stack_patterns: tuple[StackPattern, ...] = ()
    own_stack_patterns: tuple[StackPattern, ...] = ()
    alts: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    pick: Pick = Pick.FIRST
    stackless: bool = False
    corrupted: bool = False
    alone: bool = False
    origin: StackPattern = field(default=())
    before: re.Pattern[str] | None = None


NAME = r"(?P<name>[A-Za-z_$][\w$.]*)"
"""A function's name in a headline; the first candidate for the blamed one."""
# Other titles under which a bug counts as known.
BAD = ("bad-access in {f}",)
HANGS = ("hang in {f}",)
STALLED = ("stall in {f}",)
DEEP = ("stack-overflow in {f}",)
FREED = ("invalid-free in {f}",)


def line(pattern: str) -> re.Pattern[str]:
    """A pattern over lines of a report: ``^`` and ``$`` stand for a line's ends."""
    return re.compile(pattern, re.M)

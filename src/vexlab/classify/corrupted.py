"""When a report cannot be trusted (corrupted), and when it is the test set-up's own trouble (suppressed)."""

from __future__ import annotations

import re

from vexlab.classify.body import Body, frames_of
from vexlab.classify.headlines import Headline

_FRAMES_WITHIN = 15
_LINES_BEHIND = 2  # whole lines; the convention counts the empty end of the text as a third

# Sorts of stack heading; of each sort the first is looked at. The last may stand without frames.
_SORTS: tuple[tuple[re.Pattern[str], bool], ...] = (
    (re.compile(r"Call [Tt]race:"), True),
    (re.compile(r"^Allocated(?: by task \d+.*)?:"), True),
    (re.compile(r"^Freed(?: by task \d+.*)?:"), True),
    (re.compile(r"^\s*backtrace(?: \(crc [0-9a-f]+\))?:"), True),
    (re.compile(r"^Backtrace:"), True),
    (re.compile(r"^Uninit was stored"), True),
    (re.compile(r"badaddr: [0-9a-f]+ cause: [0-9a-f]+"), False),
)
_NO_STACK = "stack is not available"
# [  123.456789] inside a title: two lines ran into each other
_STAMP = re.compile(r"\[ *\d+\.\d+\]")
# serialport: VM disconnected.
_SERIAL_LOST = re.compile(r"serialport: VM disconnected|serialport: .*disconnected")


def broken_stack(body: Body) -> bool:
    """Whether a stack heading lacks the frames it announces."""
    for pattern, with_frames in _SORTS:
        for index in body.headings:
            if pattern.search(body.lines[index]):
                if _broken(body, index, with_frames=with_frames):
                    return True
                break
    return False


def _broken(body: Body, index: int, *, with_frames: bool) -> bool:
    if len(body.lines) - index - 1 < _LINES_BEHIND:
        return True
    if not with_frames:
        return False
    end = min(body.next_heading(index), index + 1 + _FRAMES_WITHIN)
    return not any(frames_of(line) or _NO_STACK in line for line in body.lines[index:end])


def no_stack(body: Body) -> bool:
    """Whether there is no stack at all. ARM's have no heading."""
    return not body.headings and not any(" from " in line and frames_of(line) for line in body.lines)


def stamped(title: str) -> bool:
    """Whether a timestamp stands inside a title."""
    return _STAMP.search(title) is not None


def serial_lost(text: str) -> bool:
    """Whether the log says that its own recording broke off."""
    return "serialport:" in text and _SERIAL_LOST.search(text) is not None


# Reports of the programs that test the kernel; all others are the kernel's own and no trouble of the set-up.
_PROGRAMS = frozenset(("fatal error:", "panic:", "SYZFAIL:", "SYZFATAL:"))
# What such a program says when it had no room to run. Each with a line it stands for.
_SETUP_TROUBLE = re.compile(
    "|".join(
        (
            r"SYZFAIL: SIGBUS|unexpected fault address|\[signal SIGBUS",
            r"(?:fatal error|runtime): (?:runtime: )?out of memory",  # fatal error: runtime: out of memory
            r"panic: .*cannot allocate memory",
            r"panic: .*failed to (?:create|start) .*(?:temp dir|thread|executor)|failed to create temp dir",
            r"mkdtemp failed|pthread_create failed",
            r"runtime: failed to create new OS thread|runtime: may need to increase max user processes",
        )
    )
)
# BUG: MAX_LOCKDEP_CHAINS too low!    BUG: MAX_STACK_TRACE_ENTRIES too low!    (kernel/locking/lockdep.c)
# One task that holds 48 locks is no limit of the kernel's tables: MAX_LOCK_DEPTH stays a report.
_LIMIT = re.compile(r"BUG: MAX_(?:LOCKDEP_\w+|STACK_TRACE_\w+) too low!")


def setup_trouble(body: Body, headline: Headline) -> bool:
    """Whether a report is the test set-up's own trouble: a limit of the debug kernel's tables, or a program that
    tests the kernel and had no room to run. Only the report's own lines are asked, so that no other line of the
    log can hide a crash.
    """
    if _LIMIT.match(headline.text):
        return True
    return headline.keyword in _PROGRAMS and _SETUP_TROUBLE.search(body.text) is not None

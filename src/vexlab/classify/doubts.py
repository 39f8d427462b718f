"""When a report cannot be trusted (corrupted), and when it is the test set-up's own trouble (suppressed)."""

from __future__ import annotations

import re

from vexlab.classify.body import Body, frames_of

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


# A word, and what its line must say. Judged on the whole log, so only lines with the word are looked at.
_SETUP_TROUBLE: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (word, re.compile(pattern))
    for word, pattern in (
        ("SIGBUS", r"SYZFAIL: SIGBUS|unexpected fault address|\[signal SIGBUS"),
        ("out of memory", r"(?:fatal error|runtime): (?:runtime: )?out of memory"),
        # Out of memory: Killed process 123 (syz-executor)
        ("ill", r"(?:[Oo]ut of memory|Killed process|lowmemorykiller|Kill(?:ing|ed) process).*(?:syz-executor|sshd)"),
        ("cannot allocate memory", r"panic: .*cannot allocate memory"),
        ("failed to ", r"panic: .*failed to (?:create|start) .*(?:temp dir|thread|executor)|failed to create temp dir"),
        ("mkdtemp", r"mkdtemp failed"),
        ("OS thread", r"runtime: failed to create new OS thread"),
        ("user processes", r"runtime: may need to increase max user processes"),
        ("pthread_create", r"pthread_create failed"),
        ("stack smashing", r"\*\*\* stack smashing detected \*\*\*"),
        ("init[1]", r"init\[1\]: segfault at|traps: init\[1\]"),
    )
)
_LINE = 1024  # characters of a line looked at


def setup_trouble(text: str) -> bool:
    """Whether the log shows the test set-up failing."""
    return any(_says(text, word, pattern) for word, pattern in _SETUP_TROUBLE)


def _says(text: str, word: str, pattern: re.Pattern[str]) -> bool:
    pos = text.find(word)
    while pos >= 0:
        end = text.find("\n", pos)
        end = len(text) if end < 0 else end
        start = max(text.rfind("\n", max(0, pos - _LINE), pos) + 1, pos - _LINE)
        if pattern.search(text[start : min(end, pos + _LINE)]):
            return True
        pos = text.find(word, end)
    return False

"""The fewest parts of something that still show what all of them showed. Pure, but for the function that is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Part = TypeVar("Part")

# " g16=64:0000803f"  ·  " f8=4:ffffffff"
_EXTRA = re.compile(r" [gcuf]\d+=\d+:[0-9a-f]*")
# "2 rename 0 1": the thread
_THREAD = re.compile(r"^[1-9]\d* ")
# " x64:01000000": made as by a 32-bit program
_COMPAT = re.compile(r" x(\d+:)")


def fewest(parts: Sequence[Part], shows: Callable[[Sequence[Part]], bool]) -> list[Part]:
    """Return the fewest of ``parts``, in their order, for which ``shows`` holds, given that it does for all of them.

    First halves, quarters and so on are left out (Zeller and Hildebrandt: Simplifying and Isolating Failure-Inducing
    Input, 2002), at last each part by itself; no single part of what is returned can be left out.
    """
    left = list(parts)
    size = max(1, len(left) // 2)
    while left:
        at, shrunk = 0, False
        while at < len(left):
            rest = left[:at] + left[at + size :]
            if rest and shows(rest):
                left, shrunk = rest, True
            else:
                at += size
        if size == 1 and not shrunk:
            return left
        size = max(1, size // 2)
    return left


def simpler(line: str) -> Iterator[str]:
    """Yield simpler forms of an operation of ``fsfuzz``: without what it points to or changes, by the first thread."""
    for match in _EXTRA.finditer(line):
        yield line[: match.start()] + line[match.end() :]
    if _THREAD.match(line):
        yield _THREAD.sub("0 ", line)
    if _COMPAT.search(line):
        yield _COMPAT.sub(r" \1", line)


def simplest(lines: Sequence[str], shows: Callable[[Sequence[str]], bool]) -> list[str]:
    """Return ``lines`` with each made as simple as ``shows`` still holds."""
    left = list(lines)
    for at in range(len(left)):
        found = True
        while found:
            found = False
            for candidate in simpler(left[at]):
                tried = [*left[:at], candidate, *left[at + 1 :]]
                if shows(tried):
                    left, found = tried, True
                    break
    return left


def operations(program: str) -> list[str]:
    """Return the operations of a text of programs, which may hold several; that joins them into one."""
    return [line for line in program.splitlines() if line and line != "end" and not line.startswith("#")]


def programs_of(text: str) -> list[str]:
    """Return the programs of a text, each with its last newline; what holds no operation is left out."""
    return [part for part in re.split(r"^end\n", text, flags=re.MULTILINE) if operations(part)]

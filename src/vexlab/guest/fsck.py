"""What a checker of filesystems complains of first. Pure: its output in, words out.

A checker's last line only counts; what is wrong stands in the lines before, among those that tell how far it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from vexlab.model.machine import CommandResult

_SHOWN = 160
# How checkers begin lines that tell of their progress and of themselves:
# Pass 1: Checking inodes, blocks, and sizes                       e2fsck
# Phase 1 - find and verify superblock...                          xfs_repair, and below it "        - scan filesystem"
# [1/7] checking root items      Opening filesystem to check...    btrfs check
# Info: Segments per section = 1                                   fsck.f2fs
# fsck.fat 4.2 (2021-01-31)      e2fsck 1.47.0 (5-Feb-2023)        with a version
# ** Checking HFS+ volume                                          fsck.hfsplus
_ROUTINE = re.compile(
    r"Pass \d|Phase \d|\s+-\s|\[\d/\d\]|Opening |Checking |checking |UUID|Info: |\*\* |\S+ v?\d+\.\d+\S* |"
    r"No modify flag set|Using |found \d|total |\s*$"
)


def complaint(output: str) -> str:
    """Return the first line of ``output`` that is about the filesystem and not about the check, ``""`` for none."""
    return next(_complaints(output), "")


def _complaints(output: str) -> Iterator[str]:
    for line in output.splitlines():
        if not _ROUTINE.match(line):
            words = " ".join(line.split())
            yield words if len(words) <= _SHOWN else words[: _SHOWN - 3] + "..."


def complained(checked: CommandResult) -> str:
    """Return the words of a check that failed: what it complains of first, and how it ended."""
    first = complaint(checked.text) or complaint(checked.error_text)
    return f"{first}; {checked}" if first and first not in str(checked) else str(checked)

"""Where in a target's source a finding points to: the line that the kernel names, or the function that it blames."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from vexlab.model.verdict import Finding

# WARNING: CPU: 1 PID: 233 at super.c:120 vexfs_fill_super+0x1a/0x40 [vexfs]  ·  kernel BUG at super.c:120!
# UBSAN: array-index-out-of-bounds in dir.c:88:12
_NAMED = re.compile(r"\b(?:at|in) (?P<file>[\w./-]+\.[chS]):(?P<line>\d+)\b")
# static int vexfs_fill_super(struct super_block *sb, …     in the first column, no ; before the brace
_DEFINITION = re.compile(r"^(?!#|\s|\}|else\b|return\b)[\w\s*]*?\b(?P<name>\w+)\s*\((?![^{;]*;)", re.MULTILINE)
_MOST_BYTES = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A line of a file, as the repository names it."""

    file: str
    line: int


Locate = Callable[[Finding | None], Place | None]


def named(finding: Finding | None) -> Place | None:
    """Return the place that the kernel's words name, as the build knows it; ``None`` where they name none."""
    match = _NAMED.search(finding.text or finding.title) if finding else None
    return Place(file=os.path.normpath(match["file"]), line=int(match["line"])) if match else None


def _built(finding: Finding) -> Place | None:
    """Return the line in the blamed function, as the module's debug information tells it."""
    file, _, line = finding.place.rpartition(":")
    return Place(file=os.path.normpath(file), line=int(line)) if file and line.isdecimal() else None


class Places:
    """The places of findings in the module's ``source``; ``root`` is the folder that files are named from."""

    def __init__(self, source: Path | None, root: Path) -> None:
        self._source = source.resolve() if source else None
        self._root = root.resolve()

    def of(self, finding: Finding | None) -> Place | None:
        """Return the line that is named or blamed, or that of the definition of the blamed function."""
        if finding is None or self._source is None:
            return None
        if found := named(finding) or _built(finding):
            return self._told(self._source / found.file, found.line)
        return self._defined.get(finding.frame)

    @cached_property
    def _defined(self) -> dict[str, Place]:
        found: dict[str, Place] = {}
        for file in sorted(self._source.rglob("*.c")) if self._source else ():
            if file.is_symlink():
                continue
            with file.open("rb") as opened:
                text = opened.read(_MOST_BYTES).decode(errors="replace")
            for match in _DEFINITION.finditer(text):
                place = self._told(file, text.count("\n", 0, match.start("name")) + 1)
                if place:
                    found.setdefault(match["name"], place)
        return found

    def _told(self, file: Path, line: int) -> Place | None:
        """Return the place from the root; ``None`` for what is no file of the source: headers of the kernel's."""
        path = Path(os.path.normpath(file))
        if not path.is_relative_to(self._root) or not path.is_file():
            return None
        return Place(file=str(path.relative_to(self._root)), line=line)

"""Why nothing reaches a line: what the module's developers have looked at, in a file of theirs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from vexlab.errors import UsageError
from vexlab.tables import read_toml


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """An entry: shell patterns over a source's path, the name of its function and the line's text, and why."""

    why: str
    file: str = "*"
    function: str = "*"
    line: str = "*"

    def is_of(self, path: str, function: str, text: str) -> bool:
        """Whether the entry speaks of a line."""
        pairs = ((path, self.file), (function, self.function), (text.strip(), self.line))
        return all(fnmatchcase(value, pattern) for value, pattern in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reasons:
    reason: tuple[Reason, ...] = ()


def read_reasons(file: Path) -> tuple[Reason, ...]:
    """Read a file of entries (`[[reason]]`); raise ``UsageError`` where one gives no reason, or is about every line."""
    found = read_toml(file, _Reasons).reason
    for number, each in enumerate(found, 1):
        if not each.why.strip():
            raise UsageError(f"{file}: reason {number} has no `why`", hint="say why no case comes there")
        if all(pattern == "*" for pattern in (each.file, each.function, each.line)):
            raise UsageError(f"{file}: reason {number} is about every line", hint="name `file`, `function` or `line`")
    return found


def reason_of(reasons: Iterable[Reason], path: str, function: str, text: str) -> str:
    """Return why a line is not reached, as the first entry about it says; empty where there is none."""
    return next((each.why for each in reasons if each.is_of(path, function, text)), "")

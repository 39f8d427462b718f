"""Known issues: findings a team has looked at and, for a reason and a time, lives with. They stay visible.

Format and examples: ``docs/how-to/known-issues.md``.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from vexlab.config import read_toml
from vexlab.errors import UsageError
from vexlab.model.report import Report

_LITERAL = 6  # characters a pattern must have besides its wildcards, lest it hide what nobody has seen
_WILD = re.compile(r"\[[^]]*\]|[*?]")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIssue:
    """One entry. ``title`` is a shell pattern over the whole title, or ``fingerprint`` one over the fingerprint.

    ``kernels`` are shell patterns over the kernel release; empty means all. The entry holds up to and including
    the day ``expires``.
    """

    reason: str
    owner: str
    expires: datetime.date
    title: str = ""
    fingerprint: str = ""
    kernels: tuple[str, ...] = ()

    def covers(self, report: Report) -> bool:
        """Whether the entry speaks of this finding, whatever the day."""
        if self.kernels and not any(fnmatchcase(report.release, pattern) for pattern in self.kernels):
            return False
        if self.title and not fnmatchcase(report.title, self.title):
            return False
        return not self.fingerprint or fnmatchcase(report.fingerprint, self.fingerprint)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIssues:
    """The content of a known-issues file."""

    issue: tuple[KnownIssue, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorted:
    """Findings divided: what is new, what is known (and by which entry), and which entries have expired."""

    new: tuple[Report, ...]
    known: tuple[tuple[Report, KnownIssue], ...]
    expired: tuple[KnownIssue, ...]


def load(path: Path) -> tuple[KnownIssue, ...]:
    """Read a known-issues file; raise ``UsageError`` for anything in it that is not understood."""
    issues = read_toml(path, KnownIssues).issue
    for number, issue in enumerate(issues, 1):
        _check(issue, f"{path}: issue {number}")
    return issues


def _check(issue: KnownIssue, where: str) -> None:
    if not issue.title and not issue.fingerprint:
        raise UsageError(f"{where} names neither `title` nor `fingerprint`", hint="give the one it is to suppress")
    for key in ("reason", "owner"):
        if not getattr(issue, key).strip():
            raise UsageError(f"{where}: `{key}` is empty", hint="a suppression needs somebody who answers for it")
    for pattern in (issue.title, issue.fingerprint):
        if pattern and len(_WILD.sub("", pattern)) < _LITERAL:
            raise UsageError(
                f"{where}: `{pattern}` would also hide what nobody has seen yet",
                hint=f"spell out at least {_LITERAL} characters",
            )


def sort_out(reports: Iterable[Report], issues: Sequence[KnownIssue], *, today: datetime.date) -> Sorted:
    """Divide findings by the entries that hold on ``today``; an expired entry suppresses nothing."""
    valid = [issue for issue in issues if issue.expires >= today]
    new: list[Report] = []
    known: list[tuple[Report, KnownIssue]] = []
    for report in reports:
        issue = next((issue for issue in valid if issue.covers(report)), None)
        if issue is None:
            new.append(report)
        else:
            known.append((report, issue))
    expired = tuple(issue for issue in issues if issue.expires < today)
    return Sorted(new=tuple(new), known=tuple(known), expired=expired)

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

from vexlab.errors import UsageError
from vexlab.model.case import CaseResult
from vexlab.model.key import matches
from vexlab.model.problem import FINDING, Problem
from vexlab.model.report import Report
from vexlab.tables import read_toml

_LITERAL = 6  # characters a pattern must have besides its wildcards, lest it hide what nobody has seen
_WILD = re.compile(r"\[[^]]*\]|[*?]")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownIssue:
    """One entry. ``title`` is a shell pattern over the whole title, or ``fingerprint`` one over the fingerprint.

    ``problem`` is one over a problem's key, ``case`` one over the ids of the cases that may show it, in which brackets
    mean themselves; with ``case`` alone, what the kernel says in these is not covered. ``kernels`` are shell patterns
    over the kernel release; empty means all. The entry holds up to and including the day ``expires``.
    """

    reason: str
    owner: str
    expires: datetime.date
    title: str = ""
    fingerprint: str = ""
    problem: str = ""
    case: str = ""
    kernels: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the entry is about, for people."""
        of = self.title or self.fingerprint or self.problem
        return f"{of} in {self.case}" if of and self.case else of or self.case

    @property
    def words(self) -> str:
        """Why what it covers is tolerated, by whom, and until when."""
        until = "" if self.expires == datetime.date.max else f", until {self.expires}"
        return f"{self.reason} ({self.owner}{until})"

    def covers(self, report: Report) -> bool:
        """Whether the entry speaks of this finding in a log, whatever the day; one that names a case does not."""
        key = f"{FINDING}{report.fingerprint or report.title}"
        return not self.case and self._names((report.title,), report.fingerprint, key) and self.is_for(report.release)

    def covers_problem(self, problem: Problem, case: CaseResult, release: str) -> bool:
        """Whether the entry speaks of this problem of this case on the kernel ``release``, whatever the day."""
        if not self.is_for(release) or (self.case and not matches(case.id, self.case)):
            return False
        if not (self.title or self.fingerprint or self.problem):
            return not problem.finding
        fingerprint = problem.key.removeprefix(FINDING) if problem.finding else ""
        return self._names((problem.title, problem.finding), fingerprint, problem.key)

    def is_for(self, release: str) -> bool:
        """Whether the entry speaks of this kernel."""
        return not self.kernels or any(fnmatchcase(release, pattern) for pattern in self.kernels)

    def _names(self, titles: Sequence[str], fingerprint: str, key: str) -> bool:
        return (
            (not self.title or any(_fits(title, self.title) for title in titles))
            and (not self.fingerprint or fnmatchcase(fingerprint, self.fingerprint))
            and (not self.problem or _fits(key, self.problem))
        )


def _fits(text: str, pattern: str) -> bool:
    """Whether ``text`` matches, or is the pattern letter by letter: what is copied may have brackets in it."""
    return bool(text) and (text == pattern or fnmatchcase(text, pattern))


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
    if not issue.name:
        names = "neither `title`, `fingerprint`, `problem` nor `case`"
        raise UsageError(f"{where} names {names}", hint="say what it is to suppress")
    for key in ("reason", "owner"):
        if not getattr(issue, key).strip():
            raise UsageError(f"{where}: `{key}` is empty", hint="a suppression needs somebody who answers for it")
    for pattern in (issue.title, issue.fingerprint, issue.problem, issue.case):
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

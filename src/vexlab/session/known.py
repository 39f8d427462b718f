"""Known issues in a run: what a case shows of them is marked; entries that no longer hold are told."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping, Sequence

from vexlab.classify.known import KnownIssue
from vexlab.model.case import CaseResult, KnownProblem
from vexlab.model.key import matches
from vexlab.model.problem import Problem, distinct
from vexlab.model.report import Severity
from vexlab.model.request import DEFAULTS, Request
from vexlab.model.verdict import Verdict

# What makes a run smaller: an entry about which it says nothing may still hold.
_NARROWING = (
    "level", "quick", "duration_s", "domains", "scenario", "phase", "safety", "cases", "skip", "only",
    "shard", "paths", "first_failure",
)  # fmt: skip
_KERNEL = "\nkernel: "  # stands between a case's own words and the kernel's
_DEADLY = (Severity.CRASH, Severity.FATAL)
_DECIDED = (Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED)


def is_whole(request: Request) -> bool:
    """Whether ``request`` leaves no case out."""
    return all(getattr(request, name) == DEFAULTS[name] for name in _NARROWING)


class Tolerated:
    """The entries of a known-issues file over a run; ``releases`` are those of its kernels, by name.

    ``today`` decides which have expired; it is the day on which the run began, in UTC. ``shipped`` are entries about
    the kernels themselves: nobody is told that one of them does not happen.
    """

    def __init__(
        self,
        issues: Sequence[KnownIssue],
        releases: Mapping[str, str],
        today: datetime.date | None = None,
        *,
        shipped: Sequence[KnownIssue] = (),
    ) -> None:
        today = today or datetime.datetime.now(tz=datetime.UTC).date()
        self._valid = tuple(issue for issue in issues if issue.expires >= today)
        self._expired = tuple(issue for issue in issues if issue.expires < today)
        self._shipped = tuple(shipped)
        self._releases = releases
        self._happened: set[KnownIssue] = set()

    def mark(self, case: CaseResult) -> CaseResult:
        """Return ``case`` with the known issues that it shows."""
        if not self._valid and not self._shipped:
            return case
        release = self._releases.get(case.kernel, "")
        problems = _problems(case)
        known = []
        for problem in problems:
            covering = [
                issue for issue in (*self._valid, *self._shipped) if issue.covers_problem(problem, case, release)
            ]
            self._happened.update(covering)
            known += [KnownProblem(key=problem.key, words=issue.words) for issue in covering[:1]]
        shown = [problem for problem in problems if problem.cases]  # the others only keep cases away
        excused = bool(shown) and {each.key for each in shown} <= {each.key for each in known}
        return dataclasses.replace(case, known=tuple(known), excused=excused)

    def stale(self, cases: Sequence[CaseResult], *, whole: bool) -> tuple[str, ...]:
        """Return a sentence for each entry that has expired, or that did not happen although it was looked for.

        An entry that names a case is looked for where such a case came to its end; the others only where the run is
        ``whole``: no case was left out, and each came to its end.
        """
        found = [
            f"known issue expired on {issue.expires}: {issue.name} ({issue.owner}); it covers nothing any more"
            for issue in self._expired
        ]
        found += [
            f"known issue no longer happens: {issue.name} ({issue.owner}); its entry can go"
            for issue in self._valid
            if issue not in self._happened and self._looked_for(issue, cases, whole=whole)
        ]
        return tuple(found)

    def _looked_for(self, issue: KnownIssue, cases: Sequence[CaseResult], *, whole: bool) -> bool:
        ended = [
            case for case in cases if case.verdict in _DECIDED and issue.is_for(self._releases.get(case.kernel, ""))
        ]
        if issue.case:
            return any(matches(case.id, issue.case) for case in ended)
        return whole and bool(ended)


def _problems(case: CaseResult) -> tuple[Problem, ...]:
    """Return what ``case`` shows, its own words included unless the kernel's end explains them.

    A warning of the kernel that is known must not hide that the same case lost data.
    """
    problems = distinct([case])
    own, kernel, _ = case.reason.partition(_KERNEL)
    if not kernel or not case.findings or any(finding.severity in _DEADLY for finding in case.findings):
        return problems
    found = {each.key: each for each in (*problems, *distinct([dataclasses.replace(case, findings=(), reason=own)]))}
    return tuple(found.values())

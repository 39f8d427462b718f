"""What runs before tell of a problem: new, seen before, fixed, come back. Pure.

A problem counts as gone only where a run looked: every case that showed it ran again, with the same code, and passed;
for a check of a case it is enough that the check passed. A run that did not do so leaves it open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from vexlab.model.case import CaseResult, RunInfo
from vexlab.model.key import CaseKey
from vexlab.model.problem import CHECK, Problem, distinct
from vexlab.model.subresult import SubVerdict
from vexlab.model.verdict import Verdict


class Standing(StrEnum):
    """What a run says of a problem, given those before it."""

    NEW = "new"  # no run before showed it
    KNOWN = "known"  # one before showed it, and none since then showed it gone
    CAME_BACK = "came back"  # one since then showed it gone
    FIXED = "fixed"  # this run, or one between, showed it gone
    OPEN = "open"  # this run neither shows it nor shows it gone


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownBy:
    """A case that shows a problem, and the digest of its code."""

    key: CaseKey
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A problem in a run; ``started`` and ``revision`` are the run's."""

    run: str
    target: str
    started: str
    problem: Problem
    shown_by: tuple[ShownBy, ...] = ()
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a run says of one case: the digest of its code, whether it passed, and which of its checks did."""

    digest: str
    passed: bool
    checks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """A run, as history sees it. ``looked`` need hold no other cases than those that show a problem anywhere."""

    id: str
    started: str
    revision: str = ""
    looked: Mapping[CaseKey, Looked] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A run in which something was seen."""

    run: str
    started: str
    revision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A problem as its newest run has it, with the cases that show it there, and what the runs say of it.

    ``runs`` is how many showed it. ``fixed`` is the first run that showed it gone for good, where one did. ``kernels``
    are all on which it was seen, each with the configuration where that is not the target's own. ``together`` are the
    keys of others that the same runs showed and that are gone since the same run: they may have one cause.
    """

    problem: Problem
    standing: Standing
    first: Seen
    last: Seen
    runs: int
    shown_by: tuple[ShownBy, ...] = ()
    fixed: Seen | None = None
    kernels: tuple[str, ...] = ()
    together: tuple[str, ...] = ()


def sightings(run: RunInfo, cases: Iterable[CaseResult]) -> tuple[Sighting, ...]:
    """Return the problems that the ``cases`` of ``run`` show."""
    cases = tuple(cases)
    shown_by = {case.id: ShownBy(key=case.key, digest=case.digest) for case in cases}
    return tuple(
        Sighting(
            run=run.id,
            target=run.target,
            started=run.started,
            revision=run.provenance.revision,
            problem=problem,
            shown_by=tuple(shown_by[case] for case in problem.cases),
        )
        for problem in distinct(cases)
    )


def looked(case: CaseResult) -> Looked:
    """Return what the end of ``case`` says to history."""
    checks = frozenset(each.name for each in case.subresults if each.verdict is SubVerdict.PASSED)
    return Looked(digest=case.digest, passed=case.verdict is Verdict.PASSED, checks=checks)


def histories(sightings: Sequence[Sighting], runs: Sequence[PastRun]) -> tuple[History, ...]:
    """Return what the last of ``runs``, the oldest of which comes first, says of each problem of one target.

    Those that it shows come first, the most harmful of them at the head. Sightings of runs that are not among ``runs``,
    because they were pruned, still tell when a problem was seen.
    """
    found: dict[str, list[Sighting]] = {}
    for each in sorted(sightings, key=lambda one: (one.started, one.run)):
        found.setdefault(each.problem.key, []).append(each)
    told = {key: _history(seen, runs) for key, seen in found.items()}
    shown = {key: frozenset(each.run for each in seen) for key, seen in found.items()}
    return tuple(sorted((_joined(key, told, shown) for key in told), key=_order))


def _joined(key: str, told: Mapping[str, History], shown: Mapping[str, frozenset[str]]) -> History:
    """Return the history of ``key`` with the others that came and went in the same runs."""
    own = told[key]
    if own.fixed is None:
        return own
    others = (other for other in told if other != key and shown[other] == shown[key])
    return replace(own, together=tuple(sorted(other for other in others if told[other].fixed == own.fixed)))


_SHOWN = (Standing.NEW, Standing.CAME_BACK, Standing.KNOWN)


def _order(history: History) -> tuple[bool, int, int, str]:
    problem = history.problem
    return (history.standing not in _SHOWN, -problem.harm, -len(problem.cases), problem.key)


def _history(seen: Sequence[Sighting], runs: Sequence[PastRun]) -> History:
    last = seen[-1]
    standing, fixed = _standing(seen, runs)
    keys = dict.fromkeys(shown.key for each in seen for shown in each.shown_by)
    return History(
        problem=last.problem,
        standing=standing,
        first=_seen(seen[0]),
        last=_seen(last),
        runs=len(seen),
        shown_by=last.shown_by,
        fixed=Seen(run=fixed.id, started=fixed.started, revision=fixed.revision) if fixed else None,
        kernels=tuple(dict.fromkeys(key.place for key in sorted(keys) if key.place)),
    )


def _standing(seen: Sequence[Sighting], runs: Sequence[PastRun]) -> tuple[Standing, PastRun | None]:
    last = seen[-1]
    if not runs or last.run != runs[-1].id:
        fixed = _first_without(last, runs)
        return (Standing.FIXED, fixed) if fixed else (Standing.OPEN, None)
    if len(seen) == 1:
        return Standing.NEW, None
    gone = _first_without(seen[-2], runs[:-1])
    return (Standing.CAME_BACK if gone else Standing.KNOWN), None


def _first_without(last: Sighting, runs: Sequence[PastRun]) -> PastRun | None:
    """Return the first run after ``last`` that showed the problem gone."""
    later = (run for run in runs if (run.started, run.id) > (last.started, last.run))
    return next((run for run in later if _gone(last, run)), None)


def _gone(last: Sighting, run: PastRun) -> bool:
    check = last.problem.key.removeprefix(CHECK) if last.problem.key.startswith(CHECK) else None
    return bool(last.shown_by) and all(
        (now := run.looked.get(shown.key)) is not None
        and bool(shown.digest)
        and now.digest == shown.digest
        and (now.passed or check in now.checks)
        for shown in last.shown_by
    )


def _seen(each: Sighting) -> Seen:
    return Seen(run=each.run, started=each.started, revision=each.revision)

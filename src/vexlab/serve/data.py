"""What pages ask the store: each question reads as little as it can, since a store holds a million results.

What a finished run came to never changes, so its sums are kept once they were asked for.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from vexlab.errors import VexlabError
from vexlab.model.case import CaseResult, RunInfo, RunState
from vexlab.model.history import Sighting
from vexlab.model.problem import Problem
from vexlab.model.verdict import Verdict
from vexlab.results.findings import Reported, reported
from vexlab.results.schema import CaseRow, ProblemRow, RunRow
from vexlab.results.store import Store, info_of
from vexlab.results.stored import read_as

TREND_RUNS = 30  # of a target, in the overview
COMMIT_RUNS = 200
_SUMS_MOST = 5_000  # finished runs whose sums are kept
_FOUND_MOST = 50
_RED = (Verdict.FAILED, Verdict.CRASHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The cases of a run on one kernel, of one level: how many have each verdict, and their seconds together."""

    kernel: str
    level: int
    counts: Mapping[Verdict, int]
    seconds: float

    @property
    def red(self) -> int:
        """How many failed or crashed."""
        return sum(self.counts.get(each, 0) for each in _RED)

    @property
    def decided(self) -> int:
        """How many came to a verdict about the module."""
        return self.red + self.counts.get(Verdict.PASSED, 0)

    @property
    def worst(self) -> Verdict:
        """The worst verdict that any case has."""
        order = (*reversed(_RED), Verdict.ERROR, Verdict.UNDECIDED, Verdict.PASSED, Verdict.BLOCKED, Verdict.SKIPPED)
        return next((each for each in order if self.counts.get(each)), Verdict.SKIPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSums:
    """A run with its cells, and how many of the red cases show known issues only."""

    run: RunInfo
    cells: tuple[Cell, ...]
    known: int = 0

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many cases have each verdict."""
        return {each: found for each in Verdict if (found := sum(cell.counts.get(each, 0) for cell in self.cells))}

    @property
    def seconds(self) -> float:
        """What its cases took together."""
        return sum(cell.seconds for cell in self.cells)

    @property
    def word(self) -> str:
        """How it ended, as a class of style: ``red``, ``green``, ``lab``, ``blocked`` or ``running``."""
        counts = self.counts
        if sum(counts.get(each, 0) for each in _RED) > self.known:
            return "red"
        if not self.run.finished:
            return "running"
        if self.run.state is RunState.INTERRUPTED or counts.get(Verdict.ERROR) or counts.get(Verdict.UNDECIDED):
            return "lab"
        return "green" if counts.get(Verdict.PASSED) or self.known else "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """A case in a list."""

    run: str
    id: str
    domain: str
    kernel: str
    verdict: Verdict
    duration_s: float
    started: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search found."""

    runs: tuple[RunInfo, ...] = ()
    cases: tuple[str, ...] = ()
    problems: tuple[Sighting, ...] = ()
    reports: tuple[Reported, ...] = ()


class Data:
    """The questions of the pages. Used from several threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._sums: dict[str, RunSums] = {}
        self._lock = threading.Lock()

    def targets(self) -> tuple[str, ...]:
        """Return the names of all targets."""
        with self.store.reading() as session:
            return tuple(session.scalars(select(RunRow.target).distinct().order_by(RunRow.target)))

    def runs(self, *, target: str = "", most: int = 50, before: str = "", revision: str = "") -> tuple[RunInfo, ...]:
        """Return the newest runs, of ``target``, of ``revision``, or older than the start ``before``."""
        asked = select(RunRow).order_by(RunRow.started.desc(), RunRow.id.desc()).limit(most)
        if target:
            asked = asked.where(RunRow.target == target)
        if before:
            asked = asked.where(RunRow.started < before)
        if revision:
            asked = asked.where(RunRow.revision == revision)
        with self.store.reading() as session:
            return tuple(info_of(row) for row in session.scalars(asked))

    def sums(self, runs: Sequence[RunInfo]) -> tuple[RunSums, ...]:
        """Return what runs came to."""
        found = []
        with self.store.reading() as session:
            for run in runs:
                kept = self._sums.get(run.id)
                if kept is None or not run.finished:
                    kept = self._summed(session, run)
                found.append(kept)
        return tuple(found)

    def _summed(self, session: Session, run: RunInfo) -> RunSums:
        level = CaseRow.result["level"].as_integer()
        excused = CaseRow.result["excused"].as_boolean()
        asked = (
            select(CaseRow.kernel, level, CaseRow.verdict, excused, func.count(), func.sum(CaseRow.duration_s))
            .where(CaseRow.run == run.id)
            .group_by(CaseRow.kernel, level, CaseRow.verdict, excused)
        )
        counts: dict[tuple[str, int], dict[Verdict, int]] = {}
        seconds: dict[tuple[str, int], float] = {}
        known = 0
        for kernel, of_level, word, is_excused, number, took in session.execute(asked):
            verdict, place = read_as(Verdict, word), (kernel, of_level or 0)
            cell = counts.setdefault(place, {})
            cell[verdict] = cell.get(verdict, 0) + number
            seconds[place] = seconds.get(place, 0.0) + (took or 0.0)
            known += number if is_excused and verdict in _RED else 0
        cells = tuple(
            Cell(kernel=kernel, level=of, counts=counts[kernel, of], seconds=seconds[kernel, of])
            for kernel, of in sorted(counts)
        )
        made = RunSums(run=run, cells=cells, known=known)
        if run.finished:
            with self._lock:
                while len(self._sums) >= _SUMS_MOST:
                    self._sums.pop(next(iter(self._sums)))
                self._sums[run.id] = made
        return made

    def warm(self) -> None:
        """Read the sums that the first page would have to wait for. For a thread of its own: it fails in silence."""
        with contextlib.suppress(VexlabError):
            for target in self.targets():
                self.sums(self.runs(target=target, most=TREND_RUNS))
            self.sums(self.runs(most=COMMIT_RUNS))

    def problems(self, run: str) -> tuple[Problem, ...]:
        """Return the problems that were noted of a run when it ended, the most harmful first."""
        with self.store.reading() as session:
            rows = session.scalars(select(ProblemRow.sighting).where(ProblemRow.run == run))
            found = [msgspec.convert(row, Sighting).problem for row in rows]
        return tuple(sorted(found, key=lambda each: (-each.harm, -len(each.cases), each.key)))

    def problem_keys(self, run: str) -> frozenset[str]:
        """Return the keys of the problems that were noted of a run."""
        with self.store.reading() as session:
            return frozenset(session.scalars(select(ProblemRow.key).where(ProblemRow.run == run)))

    def cases(
        self, run: str, *, verdict: str = "", domain: str = "", kernel: str = "", words: str = "", start: int = 0,
        most: int = 200,
    ) -> tuple[CaseLine, ...]:  # fmt: skip
        """Return the cases of a run from the ``start``-th on, those that the filters leave."""
        asked = select(
            CaseRow.run, CaseRow.id, CaseRow.domain, CaseRow.kernel, CaseRow.verdict, CaseRow.duration_s
        ).where(CaseRow.run == run)
        for column, value in ((CaseRow.verdict, verdict), (CaseRow.domain, domain), (CaseRow.kernel, kernel)):
            asked = asked.where(column == value) if value else asked
        if words:
            asked = asked.where(CaseRow.id.contains(words, autoescape=True))
        with self.store.reading() as session:
            rows = session.execute(asked.order_by(CaseRow.id).offset(start).limit(most)).all()
            return tuple(
                CaseLine(run=of, id=name, domain=of_domain, kernel=on, verdict=read_as(Verdict, word), duration_s=took)
                for of, name, of_domain, on, word, took in rows
            )

    def case(self, run: str, name: str) -> CaseResult | None:
        """Return one case of a run."""
        asked = select(CaseRow.result).where(CaseRow.run == run, CaseRow.id == name)
        with self.store.reading() as session:
            row = session.scalars(asked).first()
            return msgspec.convert(row, CaseResult) if row is not None else None

    def history(self, name: str, target: str, most: int = 20) -> tuple[CaseLine, ...]:
        """Return what a case came to in the newest runs of a target."""
        recent = (
            select(RunRow.id).where(RunRow.target == target).order_by(RunRow.started.desc(), RunRow.id.desc())
        ).limit(20 * most)
        asked = (
            select(CaseRow.run, CaseRow.verdict, CaseRow.duration_s, RunRow.started, CaseRow.kernel, CaseRow.domain)
            .join(RunRow, RunRow.id == CaseRow.run)
            .where(CaseRow.run.in_(recent), CaseRow.id == name)
            .order_by(RunRow.started.desc())
            .limit(most)
        )
        with self.store.reading() as session:
            rows = [(read_as(Verdict, row[1]), row) for row in session.execute(asked)]
        return tuple(
            CaseLine(run=run, id=name, domain=domain, kernel=kernel, verdict=verdict, duration_s=took, started=started)
            for verdict, (run, _, took, started, kernel, domain) in rows
        )

    def search(self, words: str) -> Found:
        """Return the runs, cases, problems and kernels' reports in whose names ``words`` stand."""
        words = words.strip()
        if not words:
            return Found()
        of_runs = (
            select(RunRow)
            .where(
                or_(
                    RunRow.id.startswith(words, autoescape=True),
                    RunRow.revision.contains(words, autoescape=True),
                    RunRow.target.contains(words, autoescape=True),
                )
            )
            .order_by(RunRow.started.desc())
            .limit(_FOUND_MOST)
        )
        of_problems = (
            select(ProblemRow.sighting)
            .where(func.lower(ProblemRow.sighting["problem"]["title"].as_string()).contains(words.lower()))
            .order_by(ProblemRow.started.desc())
            .limit(10 * _FOUND_MOST)
        )
        with self.store.reading() as session:
            runs = tuple(info_of(row) for row in session.scalars(of_runs))
            cases = tuple(name for name in self._ids(session) if words.lower() in name.lower())
            sightings = [msgspec.convert(row, Sighting) for row in session.scalars(of_problems)]
        newest = {each.problem.key: each for each in reversed(sightings)}
        return Found(
            runs=runs,
            cases=cases[:_FOUND_MOST],
            problems=tuple(newest.values())[-_FOUND_MOST:][::-1],
            reports=reported(self.store, words, _FOUND_MOST),
        )

    def _ids(self, session: Session) -> Sequence[str]:
        """Return every case's id. One step in the index for each of them, however many results there are."""
        ids = select(func.min(CaseRow.id).label("id")).cte("ids", recursive=True)
        following = select(func.min(CaseRow.id)).where(CaseRow.id > ids.c.id).scalar_subquery()
        ids = ids.union_all(select(following).where(ids.c.id.is_not(None)))
        return session.scalars(select(ids.c.id).where(ids.c.id.is_not(None))).all()

    def problems_of(self, target: str, most: int = 100) -> tuple[Seen, ...]:
        """Return the problems that runs of a target showed, the last seen first."""
        asked = (
            select(ProblemRow.key, func.min(ProblemRow.started), func.max(ProblemRow.started), func.count())
            .where(ProblemRow.target == target)
            .group_by(ProblemRow.key)
            .order_by(func.max(ProblemRow.started).desc(), ProblemRow.key)
            .limit(most)
        )
        with self.store.reading() as session:
            rows = session.execute(asked).all()
            last = {key: when for key, _, when, _ in rows}
            found = session.scalars(
                select(ProblemRow.sighting).where(
                    ProblemRow.target == target,
                    ProblemRow.key.in_(last),
                    ProblemRow.started.in_(set(last.values())),
                )
            )
            said = {each.problem.key: each.problem for each in (msgspec.convert(row, Sighting) for row in found)}
        return tuple(
            Seen(problem=said[key], first=first, last=when, runs=number)
            for key, first, when, number in rows
            if key in said
        )

    def sightings(self, target: str, key: str, most: int = 200) -> tuple[Sighting, ...]:
        """Return where a problem was seen, the newest run first."""
        asked = (
            select(ProblemRow.sighting)
            .where(ProblemRow.target == target, ProblemRow.key == key)
            .order_by(ProblemRow.started.desc())
            .limit(most)
        )
        with self.store.reading() as session:
            return tuple(msgspec.convert(row, Sighting) for row in session.scalars(asked))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A problem as the newest run that showed it has it; when runs first and last showed it, and how many did."""

    problem: Problem
    first: str
    last: str
    runs: int

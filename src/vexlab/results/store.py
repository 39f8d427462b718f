"""Runs and cases in a database, written as they finish: a killed run keeps every finished case."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

import msgspec
from sqlalchemy import Text, cast, delete, insert, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult, Plan, RunInfo, RunResult, RunState, Summary, with_undecided
from vexlab.model.history import Sighting, sightings
from vexlab.model.metric import Metric
from vexlab.model.problem import GROUPING
from vexlab.model.profile import RUN_FILE, Profile, decode_all
from vexlab.model.provenance import Provenance
from vexlab.results.database import FILE, Database
from vexlab.results.hold import hold, is_held
from vexlab.results.measures import Measures
from vexlab.results.schema import CaseRow, FindingRow, MetricRow, PlanRow, ProblemRow, RunRow
from vexlab.results.stored import UNREADABLE, decoded, read_as
from vexlab.tables import visible

__all__ = ["FILE", "Overview", "Store", "info_of"]

log = logging.getLogger(__name__)
T = TypeVar("T")

_NO_RUN = "`vexlab run` makes one; --results names another folder"
_OTHER_RUNS = "`vexlab results` lists the runs; `last` is the newest one"
_FULL = "is the disk full, or read-only?"
_DAMAGED = "is the database damaged? move it away, or put a copy in its place"
_KILLED = "the run ended before this case did"
_INSERT_CASE = insert(CaseRow).returning(CaseRow.number)
_INSERT_METRICS = insert(MetricRow)
_INSERT_FINDINGS = insert(FindingRow)
_EXCERPT_MOST = 4000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A run without its cases."""

    run: RunInfo
    summary: Summary
    pinned: bool


class Store:
    """The database of a results folder, or the one that ``url`` names; evidence lies in ``folder`` either way.

    Only the main process writes. Raises ``InfraError`` where the database cannot be opened. A ``readonly`` store
    writes nothing, and raises ``UsageError`` where its schema is an older one.
    """

    def __init__(self, folder: Path, url: str = "", *, readonly: bool = False) -> None:
        self.folder = folder
        self.readonly = readonly
        self._held: dict[str, IO[bytes]] = {}
        self._database = Database(folder, url, readonly=readonly)
        self.schema = self._database.schema  # the version that was found, ``None`` where there was none
        self._measures = Measures(self._database.engine)

    def begin(self, run: RunInfo, folder: str) -> None:
        """Note that a run has begun, and hold it until it is finished; ``folder`` is for its evidence."""
        self._held[run.id] = hold(Path(folder))
        with self._failing("written", "is the database full?"):
            self._database.hold(run.id)
        with self.writing() as session:
            session.add(_row_of(run, folder))

    def plan(self, run: str, plan: Plan) -> None:
        """Note which cases the run is to decide."""
        with self.writing() as session:
            session.get_one(RunRow, run)
            session.merge(PlanRow(run=run, plan=msgspec.to_builtins(plan)))

    def save(self, run: str, case: CaseResult) -> None:
        """Keep a finished case; raise ``InfraError`` where another of its id is kept already: neither may go."""
        metrics = _metrics_of(case)
        with self._failing("written", _FULL):
            measures = self._measures.numbers(metrics)
        with self.writing() as session:
            connection = session.connection()  # a row of a table, not an object: half the time
            try:
                number = connection.execute(_INSERT_CASE, _columns(run, case)).scalar_one()
            except IntegrityError as error:
                raise InfraError(f"two results of the case {case.id} in one run; the first is kept") from error
            values = zip(metrics, measures, strict=True)
            if rows := [{"case": number, "measure": measure, "value": each.value} for each, measure in values]:
                connection.execute(_INSERT_METRICS, rows)
            if findings := _findings_of(number, case):
                connection.execute(_INSERT_FINDINGS, findings)

    def add(self, run: RunInfo, plan: Plan, cases: Sequence[CaseResult], folder: str) -> None:
        """Keep a whole run of elsewhere, all of it or nothing; raise ``InfraError`` where it is there already."""
        summary = Summary.of(with_undecided(plan, tuple(cases), {}, _KILLED))
        with self._failing("written", _FULL):
            measures = [self._measures.numbers(_metrics_of(case)) for case in cases]
        with self.writing() as session:
            row = _row_of(run, folder)
            row.finished, row.state = run.finished, run.state.value
            row.summary = msgspec.to_builtins(summary)
            session.add(row)
            session.flush()
            session.add(PlanRow(run=run.id, plan=msgspec.to_builtins(plan)))
            if not cases:
                return
            asked = insert(CaseRow).returning(CaseRow.number, sort_by_parameter_order=True)
            numbers = session.scalars(asked, [_columns(run.id, case) for case in cases]).all()
            rows = [
                {"case": number, "measure": measure, "value": each.value}
                for number, case, known in zip(numbers, cases, measures, strict=True)
                for each, measure in zip(_metrics_of(case), known, strict=True)
            ]
            if rows:
                session.execute(_INSERT_METRICS, rows)
            findings = [row for number, case in zip(numbers, cases, strict=True) for row in _findings_of(number, case)]
            if findings:
                session.execute(_INSERT_FINDINGS, findings)
        self.note_problems(run, cases)

    def has(self, run: str) -> bool:
        """Whether there is a run of this id."""
        with self.reading() as session:
            return session.get(RunRow, run) is not None

    def recorded(self, run: str) -> tuple[Plan, tuple[CaseResult, ...]]:
        """Return the plan of the run of that id, and the results that it has."""
        with self.reading() as session:
            return self._recorded(session, run)

    def finish(self, run: RunInfo, summary: Summary | None = None) -> None:
        """Note how a run ended, and when; ``summary`` is told where the run is listed."""
        with self.writing() as session:
            row = session.get_one(RunRow, run.id)
            row.finished = run.finished
            row.state = run.state.value
            row.summary = msgspec.to_builtins(summary) if summary else None
        self._release(run.id)

    def note_problems(self, run: RunInfo, cases: Iterable[CaseResult]) -> tuple[Sighting, ...]:
        """Keep the problems that the ``cases`` of a run show, and return them."""
        found = sightings(run, cases)
        rows = {visible(each.problem.key): each for each in found}  # PostgreSQL takes no NUL, neither any half a pair
        with self.writing() as session:
            session.get_one(RunRow, run.id).grouping = GROUPING
            session.execute(delete(ProblemRow).where(ProblemRow.run == run.id))
            session.add_all(
                ProblemRow(
                    run=each.run,
                    key=key,
                    target=each.target,
                    started=each.started,
                    sighting=msgspec.to_builtins(each),
                )
                for key, each in rows.items()
            )
        return found

    def evidence(self, run: str) -> Path:
        """Return where the evidence of ``run`` lies, also where the whole results folder was moved."""
        with self.reading() as session:
            noted = Path(session.get_one(RunRow, run).folder)
        moved = self.folder / run
        return moved if moved.is_dir() else noted

    def is_running(self, run: str) -> bool:
        """Whether ``run`` goes on: neither did it finish, nor has its process ended in another way."""
        if run in self._held or is_held(self.evidence(run)):
            return True
        with self._failing("read"):
            return self._database.is_held(run)

    def _release(self, run: str) -> None:
        if held := self._held.pop(run, None):
            held.close()
        self._database.release(run)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session to ask in; raise ``InfraError`` where the database, or what it holds, cannot be read.

        What else goes wrong meanwhile is the caller's, a ``ValueError`` of its own words too.
        """
        try:
            with self._failing("read", _DAMAGED), _collector_paused(), Session(self._database.engine) as session:
                yield session
        except UNREADABLE as error:
            raise InfraError(
                f"the results in {self._database.name} cannot be read: {visible(str(error))[:300]}", hint=_DAMAGED
            ) from error

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session whose changes are kept at its end, all or none; raise ``InfraError`` where that fails."""
        with self._failing("written", _FULL), Session(self._database.engine) as session, session.begin():
            yield session

    @contextmanager
    def _failing(self, done: str, hint: str = "") -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            words = str(getattr(error, "orig", None) or error).strip()
            raise InfraError(f"the results in {self._database.name} cannot be {done}: {words}", hint=hint) from error

    def load(self, name: str) -> RunResult:
        """Return the run ``name``, or the newest one for ``last``; raise ``UsageError`` where there is none."""
        with self.reading() as session:
            row = self._find(session, name)
            return self._loaded(session, row)

    def _loaded(self, session: Session, row: RunRow) -> RunResult:
        plan, recorded = self._recorded(session, row.id)
        results = with_undecided(plan, recorded, {}, _KILLED)
        return RunResult(run=info_of(row), summary=Summary.of(results), cases=results)

    def _recorded(self, session: Session, run: str) -> tuple[Plan, tuple[CaseResult, ...]]:
        planned = session.scalar(select(cast(PlanRow.plan, Text)).where(PlanRow.run == run))
        asked = select(cast(CaseRow.result, Text)).where(CaseRow.run == run).order_by(CaseRow.number)
        results = tuple(decoded(each, CaseResult) for each in session.scalars(asked))
        return decoded(planned, Plan) if planned else Plan(), results

    def info(self, name: str, target: str = "") -> RunInfo:
        """Return what the run ``name``, or the newest one (of ``target``) for ``last``, is about, without its cases."""
        with self.reading() as session:
            return info_of(self._find(session, name, target))

    def _find(self, session: Session, name: str, target: str = "") -> RunRow:
        query = select(RunRow).order_by(RunRow.started.desc(), RunRow.id.desc())
        if session.scalars(query.limit(1)).first() is None:
            raise UsageError(f"no run `{visible(name)}` in {self.folder}: there is none yet", hint=_NO_RUN)
        if target:
            query = query.where(RunRow.target == target)
        if name != "last":
            query = query.where(RunRow.id.startswith(name, autoescape=True))
        rows = session.scalars(query.limit(1 if name == "last" else 2)).all() if name else []
        if not rows:
            of = f" of the target `{visible(target)}`" if target else ""
            raise UsageError(f"no run `{visible(name)}`{of} in {self.folder}", hint=_OTHER_RUNS)
        if len(rows) > 1:
            some = " and ".join(row.id for row in rows)
            raise UsageError(f"`{visible(name)}` begins the ids of several runs, {some}", hint="give more of the id")
        return rows[0]

    def profiles(self, run: str) -> tuple[Profile, ...]:
        """Return what the target could do on each kernel of the run of that id; nothing where none was kept."""
        with self.reading() as session:
            folder = session.get_one(RunRow, run).folder
        for file in (Path(folder, RUN_FILE), self.folder / run / RUN_FILE):  # results may have been moved
            if not file.is_file():
                continue
            try:
                return decode_all(file.read_bytes())
            except (OSError, ValueError) as error:
                log.warning("%s cannot be read: %s", file, error)
        return ()

    def runs(self) -> tuple[RunResult, ...]:
        """Return all runs, newest first."""
        with self.reading() as session:
            names = session.scalars(select(RunRow.id).order_by(RunRow.started.desc(), RunRow.id.desc())).all()
        return tuple(self.load(name) for name in names)

    def overview(self, most: int = 0) -> tuple[Overview, ...]:
        """Return the newest ``most`` runs without their cases, all where it is zero."""
        query = select(RunRow).order_by(RunRow.started.desc(), RunRow.id.desc())
        with self.reading() as session:
            rows = session.scalars(query.limit(most) if most else query).all()
            return tuple(
                Overview(run=info_of(row), summary=self._summary(session, row), pinned=row.pinned) for row in rows
            )

    def _summary(self, session: Session, row: RunRow) -> Summary:
        """Return a run's sums, counted again of one that did not finish, or finished before they were noted."""
        if row.summary is not None:
            return msgspec.convert(row.summary, Summary)
        found = self._loaded(session, row).summary
        if row.finished and not self.readonly:
            with self.writing() as other:
                other.get_one(RunRow, row.id).summary = msgspec.to_builtins(found)
        return found

    def close(self) -> None:
        """Close the database, and let go of what is held."""
        for run in tuple(self._held):
            self._release(run)
        self._database.close()


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Let the garbage collector wait: a read makes many objects that stay, and it would look at them again and again.

    A run of 10,000 cases is there in half the time. Of two threads the last to enter may find it resumed, no more.
    """
    resume = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if resume:
            gc.enable()


def _row_of(run: RunInfo, folder: str) -> RunRow:
    return RunRow(
        id=run.id,
        target=run.target,
        kernels=list(run.kernels),
        accelerator=run.accelerator,
        started=run.started,
        folder=folder,
        environment=run.environment,
        revision=run.provenance.revision,
        provenance=msgspec.to_builtins(run.provenance),
    )


def _columns(run: str, case: CaseResult) -> dict[str, object]:
    return {
        "run": run,
        "id": case.id,
        "configuration": case.key.configuration,
        "domain": case.key.domain,
        "name": case.key.name,
        "parameters": case.key.parameters,
        "kernel": case.key.kernel,
        "flavour": case.key.flavour,
        "digest": case.digest,
        "verdict": case.verdict.value,
        "duration_s": case.duration_s,
        "result": msgspec.to_builtins(case),
    }


def _findings_of(number: int, case: CaseResult) -> list[dict[str, object]]:
    """Return the rows of the findings of the case of that number; PostgreSQL takes no NUL, neither any half a pair."""
    return [
        {
            "case": number,
            "place": place,
            "fingerprint": visible(each.fingerprint),
            "type": visible(each.type),
            "title": visible(each.title),
            "frame": visible(each.frame),
            "excerpt": visible(each.text[:_EXCERPT_MOST]),
        }
        for place, each in enumerate(case.findings)
    ]


def _metrics_of(case: CaseResult) -> list[Metric]:
    """Return the metrics of a case, of each name the last."""
    return list({each.name: each for each in case.metrics}.values())


def info_of(row: RunRow) -> RunInfo:
    """Return what a run is about."""
    return RunInfo(
        id=row.id,
        target=row.target,
        kernels=tuple(row.kernels),
        accelerator=row.accelerator,
        started=row.started,
        finished=row.finished,
        state=read_as(RunState, row.state),
        environment=row.environment,
        provenance=msgspec.convert(row.provenance, Provenance),
    )

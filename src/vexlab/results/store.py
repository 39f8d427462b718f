"""Runs and cases in a database, written as they finish: a killed run keeps every finished case."""

from __future__ import annotations

import fcntl
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec
from sqlalchemy import create_engine, delete, event, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from vexlab.config import visible
from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult, Plan, RunInfo, RunResult, RunState, Summary, with_undecided
from vexlab.model.history import Sighting, sightings
from vexlab.model.problem import GROUPING
from vexlab.model.profile import RUN_FILE, Profile, decode_all
from vexlab.model.provenance import Provenance
from vexlab.results.hold import hold, is_held
from vexlab.results.migrations import upgrade
from vexlab.results.schema import CaseRow, ProblemRow, RunRow

log = logging.getLogger(__name__)

FILE = "vexlab.sqlite"
_LOCK = ".lock"
_BUSY_S = 30.0
_NO_RUN = "`vexlab run` makes one; --results names another folder"
_OTHER_RUNS = "`vexlab results` lists the runs; `last` is the newest one"
_KILLED = "the run ended before this case did"


class Store:
    """The database in a results folder. Only the main process writes. Raises ``InfraError`` where it cannot."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._held: dict[str, IO[bytes]] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._engine = create_engine(f"sqlite:///{folder / FILE}", connect_args={"timeout": _BUSY_S})
            event.listen(self._engine, "connect", _set_up_connection)
            with (folder / _LOCK).open("w") as lock:  # two processes may both find an empty folder
                fcntl.flock(lock, fcntl.LOCK_EX)
                with self._engine.begin() as connection:
                    upgrade(connection)
        except (OSError, SQLAlchemyError) as error:
            raise InfraError(
                f"the results folder {folder} cannot be written: {error}",
                hint="choose another with --results",
            ) from error

    def begin(self, run: RunInfo, folder: str) -> None:
        """Note that a run has begun, and hold it until it is finished; ``folder`` is for its evidence."""
        self._held[run.id] = hold(Path(folder))
        with self.writing() as session:
            session.add(
                RunRow(
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
            )

    def plan(self, run: str, plan: Plan) -> None:
        """Note which cases the run is to decide."""
        with self.writing() as session:
            session.get_one(RunRow, run).plan = msgspec.to_builtins(plan)

    def save(self, run: str, case: CaseResult) -> None:
        """Keep a finished case; raise ``InfraError`` where another of its id is kept already: neither may go."""
        row = CaseRow(
            run=run,
            id=case.id,
            configuration=case.key.configuration,
            domain=case.key.domain,
            name=case.key.name,
            parameters=case.key.parameters,
            kernel=case.key.kernel,
            flavour=case.key.flavour,
            digest=case.digest,
            verdict=case.verdict.value,
            duration_s=case.duration_s,
            result=msgspec.to_builtins(case),
        )
        with self.writing() as session:
            if session.get(CaseRow, (run, case.id)):
                raise InfraError(f"two results of the case {case.id} in one run; the first is kept")
            session.add(row)

    def finish(self, run: RunInfo) -> None:
        """Note how a run ended, and when."""
        with self.writing() as session:
            row = session.get_one(RunRow, run.id)
            row.finished = run.finished
            row.state = run.state.value
        self._release(run.id)

    def note_problems(self, run: RunInfo, cases: Iterable[CaseResult]) -> tuple[Sighting, ...]:
        """Keep the problems that the ``cases`` of a run show, and return them."""
        found = sightings(run, cases)
        with self.writing() as session:
            session.get_one(RunRow, run.id).grouping = GROUPING
            session.execute(delete(ProblemRow).where(ProblemRow.run == run.id))
            session.add_all(
                ProblemRow(
                    run=each.run,
                    key=each.problem.key,
                    target=each.target,
                    started=each.started,
                    sighting=msgspec.to_builtins(each),
                )
                for each in found
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
        return run in self._held or is_held(self.evidence(run))

    def _release(self, run: str) -> None:
        if held := self._held.pop(run, None):
            held.close()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session to ask in; raise ``InfraError`` where the database cannot be read."""
        try:
            with Session(self._engine) as session:
                yield session
        except SQLAlchemyError as error:
            words = str(getattr(error, "orig", None) or error)
            raise InfraError(f"the results in {self.folder} cannot be read: {words}") from error

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session whose changes are kept at its end, all or none; raise ``InfraError`` where that fails."""
        try:
            with Session(self._engine) as session, session.begin():
                yield session
        except SQLAlchemyError as error:
            words = str(getattr(error, "orig", None) or error)
            hint = "is the disk full, or read-only?"
            raise InfraError(f"the results in {self.folder} cannot be written: {words}", hint=hint) from error

    def load(self, name: str) -> RunResult:
        """Return the run ``name``, or the newest one for ``last``; raise ``UsageError`` where there is none."""
        with self.reading() as session:
            row = self._find(session, name)
            cases = session.scalars(select(CaseRow).where(CaseRow.run == row.id))
            results = tuple(msgspec.convert(case.result, CaseResult) for case in cases)
            results = with_undecided(msgspec.convert(row.plan, Plan), results, {}, _KILLED)
            return RunResult(run=info_of(row), summary=Summary.of(results), cases=results)

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
        row = session.scalars(query.limit(1)).first() if name else None
        if row is None:
            of = f" of the target `{visible(target)}`" if target else ""
            raise UsageError(f"no run `{visible(name)}`{of} in {self.folder}", hint=_OTHER_RUNS)
        return row

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

    def close(self) -> None:
        """Close the database, and let go of what is held."""
        for run in tuple(self._held):
            self._release(run)
        self._engine.dispose()


def info_of(row: RunRow) -> RunInfo:
    """Return what a run is about."""
    return RunInfo(
        id=row.id,
        target=row.target,
        kernels=tuple(row.kernels),
        accelerator=row.accelerator,
        started=row.started,
        finished=row.finished,
        state=RunState(row.state),
        environment=row.environment,
        provenance=msgspec.convert(row.provenance, Provenance),
    )


def _set_up_connection(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    if isinstance(connection, sqlite3.Connection):
        (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        # In WAL mode NORMAL survives a kill without an fsync a case. Where the filesystem has no shared memory, as some
        # network filesystems do, SQLite stays in another mode, in which NORMAL may lose the file with the power.
        connection.execute(f"PRAGMA synchronous={'NORMAL' if mode == 'wal' else 'FULL'}")

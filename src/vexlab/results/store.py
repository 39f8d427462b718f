"""Runs and cases in a database, written as they finish: a killed run keeps every finished case."""

from __future__ import annotations

import fcntl
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import create_engine, event, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from vexlab.config import visible
from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult, Plan, RunInfo, RunResult, RunState, Summary, with_undecided
from vexlab.model.profile import RUN_FILE, Profile, decode_all
from vexlab.model.provenance import Provenance
from vexlab.results.migrations import upgrade
from vexlab.results.schema import CaseRow, RunRow

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
        """Note that a run has begun; ``folder`` holds its evidence."""
        with self._writing() as session:
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
        with self._writing() as session:
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
        with self._writing() as session:
            if session.get(CaseRow, (run, case.id)):
                raise InfraError(f"two results of the case {case.id} in one run; the first is kept")
            session.add(row)

    def finish(self, run: RunInfo) -> None:
        """Note how a run ended, and when."""
        with self._writing() as session:
            row = session.get_one(RunRow, run.id)
            row.finished = run.finished
            row.state = run.state.value

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        try:
            with Session(self._engine) as session, session.begin():
                yield session
        except SQLAlchemyError as error:
            words = str(getattr(error, "orig", None) or error)
            hint = "is the disk full, or read-only?"
            raise InfraError(f"the results in {self.folder} cannot be written: {words}", hint=hint) from error

    def load(self, name: str) -> RunResult:
        """Return the run ``name``, or the newest one for ``last``; raise ``UsageError`` where there is none."""
        with Session(self._engine) as session:
            query = select(RunRow).order_by(RunRow.started.desc(), RunRow.id.desc())
            newest = session.scalars(query.limit(1)).first()
            if newest is None:
                raise UsageError(f"no run `{visible(name)}` in {self.folder}: there is none yet", hint=_NO_RUN)
            row = newest
            if name != "last":
                query = query.where(RunRow.id.startswith(name, autoescape=True))
                found = session.scalars(query.limit(1)).first() if name else None
                if found is None:
                    raise UsageError(f"no run `{visible(name)}` in {self.folder}", hint=_OTHER_RUNS)
                row = found
            cases = session.scalars(select(CaseRow).where(CaseRow.run == row.id))
            results = tuple(msgspec.convert(case.result, CaseResult) for case in cases)
            results = with_undecided(msgspec.convert(row.plan, Plan), results, {}, _KILLED)
            return RunResult(run=_info(row), summary=Summary.of(results), cases=results)

    def profiles(self, run: str) -> tuple[Profile, ...]:
        """Return what the target could do on each kernel of the run of that id; nothing where none was kept."""
        with Session(self._engine) as session:
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
        with Session(self._engine) as session:
            names = session.scalars(select(RunRow.id).order_by(RunRow.started.desc(), RunRow.id.desc())).all()
        return tuple(self.load(name) for name in names)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()


def _info(row: RunRow) -> RunInfo:
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
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")  # enough in WAL mode to survive a kill; no fsync a case

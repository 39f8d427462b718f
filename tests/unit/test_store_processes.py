"""The store under several processes, and under ``kill -9``."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from tests.unit.test_history import OOPS, result, run_info

from vexlab.model.case import Plan, PlannedCase, RunResult, Summary
from vexlab.model.event import CaseFinished, RunFinished, RunPlanned, RunStarted
from vexlab.model.verdict import Verdict
from vexlab.results.history import problems_of
from vexlab.results.store import FILE, Store
from vexlab.results.writer import StoreWriter

pytestmark = pytest.mark.usefixtures("each_database")

FORK = multiprocessing.get_context("fork")
MANY = 150


def write_run(folder: Path, number: int, start: Connection) -> None:
    """Write a whole run as ``vexlab run`` does, when told to start."""
    start.recv()
    info = run_info(number)
    cases = tuple(result(f"c{at}", OOPS) for at in range(MANY))
    writer = StoreWriter(Store(folder))
    writer.take(RunStarted(run=info, folder=str(folder / info.id)))
    for case in cases:
        writer.take(CaseFinished(run=info.id, case=case))
    whole = RunResult(run=info, summary=Summary.of(cases), cases=cases)
    writer.take(RunFinished(result=whole, folder="", seconds=1.0))


def test_two_runs_write_at_once_and_lose_nothing(tmp_path: Path) -> None:
    writers = []
    for number in (1, 2):
        mine, theirs = FORK.Pipe()
        writers.append((FORK.Process(target=write_run, args=(tmp_path, number, theirs)), mine))
    for process, _ in writers:
        process.start()
    for _, start in writers:
        start.send("now")
    for process, _ in writers:
        process.join(120)
        assert process.exitcode == 0
    with closing(Store(tmp_path)) as store:
        assert [len(run.cases) for run in store.runs()] == [MANY, MANY]
        (history,) = problems_of(store).problems
        assert (history.runs, len(history.problem.cases)) == (2, MANY)


def write_until_killed(folder: Path, told: Connection) -> None:
    """Write case after case, and tell of each when it is kept."""
    info = run_info(1)
    writer = StoreWriter(Store(folder))
    writer.take(RunStarted(run=info, folder=str(folder / info.id)))
    plan = tuple(PlannedCase(key=result(f"c{at}").key, node=f"c{at}", level=1) for at in range(100_000))
    writer.take(RunPlanned(run=info.id, plan=Plan(cases=plan[:500])))
    for case in plan:
        writer.take(CaseFinished(run=info.id, case=result(case.key.name)))
        told.send(case.id)


def test_kill_9_loses_at_most_the_cases_in_flight(tmp_path: Path, each_database: str) -> None:
    for attempt, wait in enumerate((1, 7, 60)):
        folder = tmp_path / str(attempt)
        mine, theirs = FORK.Pipe()
        process = FORK.Process(target=write_until_killed, args=(folder, theirs))
        process.start()
        theirs.close()
        kept = {mine.recv() for _ in range(wait)}
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        process.join(60)
        while mine.poll():
            try:
                kept.add(mine.recv())
            except EOFError:
                break
        with closing(Store(folder)) as store:
            assert not store.is_running(run_info(1).id)
            there = {case.id: case.verdict for case in store.load("last").cases}
        passed = {case for case, verdict in there.items() if verdict is Verdict.PASSED}
        assert kept <= passed
        assert len(passed) <= len(kept) + 1, "one case was in flight"
        assert list(there.values()).count(Verdict.UNDECIDED) == max(0, 500 - len(passed))
        if each_database == "postgresql":
            continue
        with closing(sqlite3.connect(folder / FILE)) as database:
            assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_file_is_in_wal_mode(tmp_path: Path, each_database: str) -> None:
    if each_database == "postgresql":
        pytest.skip("PostgreSQL has a write-ahead log of its own")
    Store(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)

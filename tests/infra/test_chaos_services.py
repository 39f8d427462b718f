"""The scheduler or the database dies in the middle of a real run: no verdict is lost, none is counted twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra `fleet` is not installed")

from tests.infra.namespaces import command_of, network, until
from tests.infra.runs import PORT, VEXLAB, Started, finished_cases, left_on, scheduler, worker
from tests.machines.conftest import Run
from tests.machines.test_verdicts import EXPECTED
from tests.postgres import MissingServerError, Server, server

pytestmark = [pytest.mark.infra, pytest.mark.long]
NAMES = ("planted.clean", "planted.warning", "planted.oops_unnoticed", "planted.assertion", "planted.panic")
VERDICTS = {name: EXPECTED[name][0] for name in NAMES}


def _lab(folder: Path, address: str) -> str:
    file = folder / "lab.toml"
    file.write_text(f'address = "{address}"\nwait_s = 300.0\n')
    return str(file)


def test_a_run_goes_on_after_its_scheduler_was_killed(tmp_path: Path) -> None:
    with network() as net:
        first, second = net.host("lab0"), net.host("lab1")
        started = scheduler(first, tmp_path)
        taking_part = worker(second, tmp_path, started.address)
        run = Started(first, tmp_path, "--cluster", _lab(tmp_path, started.address), names=NAMES)
        until(lambda: finished_cases(run) >= 2 or run.process.poll() is not None, 400, run.said())
        os.kill(command_of(started.process), signal.SIGKILL)
        ended = run.end(300)
        assert ended.status in (1, 3), ended.stderr
        assert "the scheduler of the cluster does not answer" in ended.stderr
        assert sorted(ended.verdicts) == sorted(NAMES)
        decided = {name: verdict for name, verdict in ended.verdicts.items() if verdict != "undecided"}
        assert 2 <= len(decided) < len(NAMES), "some are decided, some are named as undecided"
        assert decided.items() <= VERDICTS.items()
        assert taking_part.wait(120) is not None, "a worker ends with its scheduler"
        assert not left_on(second), "and so do its machines"

        started = scheduler(first, tmp_path)
        worker(second, tmp_path, started.address)
        again = Started(first, tmp_path, "--cluster", _lab(tmp_path, started.address), "--resume", "last", names=NAMES)
        ended = again.end(600)
        assert ended.verdicts == VERDICTS, ended.stderr
        assert len(ended.document["cases"]) == len(NAMES), "none is counted twice"
        taken_over = [name for name, verdict in decided.items() if verdict == "passed"]
        assert _began(again) == len(NAMES) - len(taken_over), "what passed did not run again"


def _began(run: Started) -> int:
    newest = max(run.folder.glob("*/*/events.jsonl"), key=lambda file: file.stat().st_mtime)
    return newest.read_text().count('"CaseStarted"')


@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    try:
        with server() as running:
            yield running
    except MissingServerError as missing:
        pytest.skip(str(missing))


def _run_with_database(postgres: Server, folder: Path, *, comes_back: bool) -> Run:
    """Run with a database that dies once two cases are decided."""
    with network() as net:
        first, second = net.host("lab0"), net.host("lab1")
        cluster = folder / "lab.toml"
        address = f"tcp://{first.address}:{PORT}"
        cluster.write_text(f'listen = "{address}"\nwait_s = 300.0\n')
        url = postgres.database_of(folder)
        run = Started(first, folder, "--cluster", str(cluster), names=NAMES, results=url)
        worker(second, folder, address)
        until(lambda: finished_cases(run) >= 2 or run.process.poll() is not None, 400, run.said())
        assert run.process.poll() is None, run.said()
        postgres.kill()
        if comes_back:
            until(lambda: finished_cases(run) >= 3, 200, "the run does not go on without its database")
            postgres.start_again()
        try:
            return run.end(600)
        finally:
            if not comes_back:
                postgres.start_again()


def _stored(postgres: Server, folder: Path) -> Run:
    argv = [*VEXLAB, "results", "last", "--json", "--results", postgres.url_of(folder)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, cwd=folder, check=False)
    return Run(done.returncode, json.loads(done.stdout or '{"cases": []}'), done.stderr)


def test_a_database_that_died_and_came_back_has_every_verdict(postgres: Server, tmp_path: Path) -> None:
    ended = _run_with_database(postgres, tmp_path, comes_back=True)
    assert ended.verdicts == VERDICTS, ended.stderr
    stored = _stored(postgres, tmp_path)
    assert stored.verdicts == VERDICTS, stored.stderr
    assert len(stored.document["cases"]) == len(NAMES)


def test_a_database_that_died_costs_no_verdict(postgres: Server, tmp_path: Path) -> None:
    ended = _run_with_database(postgres, tmp_path, comes_back=False)
    assert ended.verdicts == VERDICTS, ended.stderr
    assert ended.status == 1, "cases failed"
    assert "cannot be written" in ended.stderr, "that they were not stored is said"
    stored = _stored(postgres, tmp_path)
    decided = {name: verdict for name, verdict in stored.verdicts.items() if verdict != "undecided"}
    assert len(decided) >= 2, "what was decided before is there"
    assert decided.items() <= VERDICTS.items()

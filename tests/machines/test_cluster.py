"""A run on the hosts of a cluster comes to the verdicts of a run here, whatever happens to the hosts."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.machines.conftest import CASES, PLANTED, Run
from tests.machines.test_verdicts import EXPECTED, told_as_expected

pytest.importorskip("distributed", reason="the extra `fleet` is not installed")
pytestmark = pytest.mark.machine
SOON = (*["planted.clean", "planted.oops_unnoticed", "planted.warning", "planted.assertion"], "planted.panic")


def _chosen(names: tuple[str, ...]) -> list[str]:
    return [word for name in names for word in ("--case", name)]


def _workers_of(pid: int) -> list[psutil.Process]:
    found = []
    for each in psutil.Process(pid).children(recursive=True):
        try:
            if each.cmdline()[2:4] == ["vexlab", "worker"]:
                found.append(each)
        except psutil.Error:
            continue
    return found


def _until(condition: Callable[[], object], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.05)


class Started:
    """``vexlab run`` in the background."""

    def __init__(self, folder: Path, *argv: str) -> None:
        self.file = folder / "result.json"
        command = [sys.executable, "-m", "vexlab", "run", "--no-probe", "--target", str(PLANTED), "--json"]
        command += [str(self.file), "--results", str(folder / "r"), *argv, str(CASES)]
        self.process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def journal(self) -> str:
        return "".join(file.read_text() for file in self.file.parent.glob("r/*/events.jsonl"))

    def end(self, seconds: float = 400) -> Run:
        _, stderr = self.process.communicate(timeout=seconds)
        document = json.loads(self.file.read_text()) if self.file.exists() else {"cases": []}
        return Run(status=self.process.returncode, document=document, stderr=stderr)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    runs: list[Started] = []

    def start(*argv: str) -> Started:
        runs.append(Started(tmp_path, *argv))
        return runs[-1]

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.process.kill()
            run.process.communicate()


def test_the_same_verdicts_as_here(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    run = vexlab("--target", str(PLANTED), "--cluster", "local:2", str(CASES), timeout=400)
    assert run.status == 1, run.stderr
    told_as_expected(run)
    folder = tmp_path / "r" / run.document["run"]["id"]
    oops = folder / run.case("planted.late_oops")["evidence"]
    assert "planted_dereference" in (oops / "console.log").read_text()
    script = (oops / "reproduce").read_text()
    assert str(PLANTED) in script
    assert str(folder) in script, "the paths are those of this machine"
    assert (folder / "artifacts").is_dir(), "and the module is here, too"


def test_a_killed_worker_costs_no_verdict(started: Callable[..., Started]) -> None:
    run = started("--cluster", "local:2", *_chosen(SOON))
    _until(lambda: '"CaseStarted"' in run.journal())
    workers = _workers_of(run.process.pid)
    assert len(workers) == 2
    victims = [workers[0], *workers[0].children(recursive=True)]
    workers[0].kill()
    ended = run.end()
    assert sorted(ended.verdicts) == sorted(SOON), ended.stderr
    assert ended.verdicts == {name: EXPECTED[name][0] for name in SOON}
    assert len(ended.document["cases"]) == len(SOON), "none counted twice"
    psutil.wait_procs(victims, timeout=10)
    assert not [each for each in victims if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.long
def test_hosts_lost_for_good_leave_cases_undecided(started: Callable[..., Started], tmp_path: Path) -> None:
    cluster = tmp_path / "lab.toml"
    cluster.write_text("local = 1\nwait_s = 8.0\n")
    run = started("--cluster", str(cluster), *_chosen(SOON))
    _until(lambda: '"CaseStarted"' in run.journal())
    (worker,) = _workers_of(run.process.pid)
    worker.kill()
    ended = run.end()
    assert ended.status in (1, 3)
    assert "no host of the cluster is left" in ended.stderr
    assert sorted(ended.verdicts) == sorted(SOON)
    assert "undecided" in ended.verdicts.values()


def test_ctrl_c_ends_every_machine(started: Callable[..., Started]) -> None:
    run = started("--cluster", "local:2", *_chosen(("planted.spin", "planted.wait")))
    _until(lambda: '"MachineChanged"' in run.journal())
    family = psutil.Process(run.process.pid).children(recursive=True)
    machines = [each for each in family if each.is_running() and "qemu-system" in each.name()]
    assert machines
    os.kill(run.process.pid, signal.SIGINT)
    ended = run.end(120)
    assert ended.status == 130
    _, left = psutil.wait_procs([*family, *machines], timeout=15)
    assert not [each for each in left if each.status() != psutil.STATUS_ZOMBIE]
    assert set(ended.verdicts.values()) == {"undecided"}


@pytest.mark.long
def test_a_host_with_an_empty_cache_is_sent_what_it_lacks(started: Callable[..., Started], tmp_path: Path) -> None:
    """It has no network that reaches a package, and no compiler is asked: all comes from the coordinator."""
    address = f"tcp://127.0.0.1:{_free_port()}"
    cluster = tmp_path / "lab.toml"
    cluster.write_text(f'listen = "{address}"\nwait_s = 240.0\n')
    run = started("--cluster", str(cluster), "--verbose", *_chosen(SOON[:2]))
    cache = tmp_path / "cache"
    env = {**os.environ, "VEXLAB_CACHE": str(cache)}
    argv = [sys.executable, "-m", "vexlab", "worker", address, "--machines", "1", "--name", "bare"]
    worker = subprocess.Popen(argv, env=env, cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        ended = run.end(900)
    finally:
        worker.terminate()
        worker.wait(30)
    assert ended.verdicts == {name: EXPECTED[name][0] for name in SOON[:2]}, ended.stderr
    assert "cache entries to bare" in ended.stderr
    assert (cache / "kernels" / "6.1").is_dir()
    assert list((cache / "snapshots").iterdir()), "its machines are its own"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

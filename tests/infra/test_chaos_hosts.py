"""N verdicts of N cases while hosts lose power, network, disk and time: each host in namespaces of its own.

Scheduler, workers and network are real; the cases only wait, and write a file as a case does its evidence.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra `fleet` is not installed")

from tests.infra.clock import Clock, built, clock
from tests.infra.conftest import CHECKOUT
from tests.infra.namespaces import Host, Network, command_of, network, until
from tests.infra.runs import PORT, VEXLAB
from tests.infra.waiting import FOLDER, Told

pytestmark = [pytest.mark.infra, pytest.mark.long]
CASES, EVENTS, HOSTS = 500, 56, 4
_DISK = "1m"
_GIVEN_UP_S = 40  # later than the scheduler misses a host
_SHORT_S = 5
_ENV = {"PYTHONPATH": os.pathsep.join((str(CHECKOUT), str(CHECKOUT / "src")))}


@dataclass
class Worker:
    """A host with a worker of two machines, a small disk and a clock of its own."""

    host: Host
    folder: Path
    clock: Clock
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self, address: str) -> None:
        """Join the cluster."""
        disk = self.folder / "disk"
        disk.mkdir(parents=True)
        self.host.disk(disk, _DISK)
        env = {**_ENV, **self.clock.env, FOLDER: str(disk)}
        words = ("worker", address, "--name", self.host.name, "--machines", "2")
        self.process = self.host.start(*VEXLAB, *words, log=self.folder / "log", env=env)


class Lab:
    """The hosts, and what is done to them; whoever goes for good is followed by one of another name."""

    def __init__(self, net: Network, folder: Path, address: str, seed: int) -> None:
        self._net = net
        self._folder = folder
        self._address = address
        self._library = built(folder)
        self._draw = random.Random(seed)
        self._number = 0
        self._timers: list[threading.Timer] = []
        self.workers: list[Worker] = []
        self.events: Counter[str] = Counter()
        self.kinds: dict[str, Callable[[Worker], bool]] = {
            "a worker is killed": self._kill,
            "a worker hangs": self._stop,
            "a host loses its power": self._power,
            "a cable is cut": self._cut,
            "a cable is cut for 5 s": self._cut_shortly,
            "a cable is slow for 5 s": self._delay,
            "a disk is full": self._fill,
            "a clock jumps": self._skew,
        }

    def add(self) -> None:
        """Add a host."""
        self._number += 1
        name = f"lab{self._number}"
        folder = self._folder / name
        folder.mkdir()
        worker = Worker(self._net.host(name), folder, clock(self._library, folder / "clock"))
        worker.start(self._address)
        self.workers.append(worker)

    def trouble(self) -> None:
        """Do something bad to one of them; each kind as often as the others."""
        kind = list(self.kinds)[self.events.total() % len(self.kinds)]
        victim = self._draw.choice(self.workers)
        self.events[kind] += 1
        if self.kinds[kind](victim):
            self.workers.remove(victim)
            self.add()

    def end(self) -> None:
        """End what is still to be done."""
        for timer in self._timers:
            timer.cancel()

    def _later(self, seconds: float, what: Callable[..., object], *given: object) -> None:
        self._timers.append(timer := threading.Timer(seconds, what, given))
        timer.start()

    def _kill(self, worker: Worker) -> bool:
        os.kill(command_of(worker.process), signal.SIGKILL)
        return True

    def _stop(self, worker: Worker) -> bool:
        pid = command_of(worker.process)
        os.kill(pid, signal.SIGSTOP)
        self._later(_GIVEN_UP_S, _resume, pid, worker.process.pid)  # nsenter stops as its child does
        return True

    def _power(self, worker: Worker) -> bool:
        worker.host.end()
        return True

    def _cut(self, worker: Worker) -> bool:
        self._net.cut(worker.host)
        self._later(_GIVEN_UP_S, self._net.mend, worker.host)  # late answers arrive, and count for nothing
        return True

    def _cut_shortly(self, worker: Worker) -> bool:
        self._net.cut(worker.host)
        self._later(_SHORT_S, self._net.mend, worker.host)
        return False

    def _delay(self, worker: Worker) -> bool:
        self._net.delay(worker.host)
        self._later(_SHORT_S, self._net.mend, worker.host)
        return False

    def _fill(self, worker: Worker) -> bool:
        worker.host.fill(worker.folder / "disk")
        return True

    def _skew(self, worker: Worker) -> bool:
        worker.clock.set(self._draw.choice([-1, 1]) * self._draw.randrange(60, 30 * 86400))
        return False


def _resume(*pids: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


class Coordinator:
    """The process with the scheduler, on a host of its own; ``kept`` is how many cases are decided so far."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.address = f"tcp://{host.address}:{PORT}"
        argv = host.argv(sys.executable, "-m", "tests.infra.waiting", self.address, str(CASES))
        self.log = (folder / "coordinator.log").open("wb")
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=self.log, env={**os.environ, **_ENV}, text=True
        )
        self.kept = 0
        self.last = ""
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.kept += line.startswith("kept ")
            self.last = line

    def told(self) -> Told:
        """Return what became of the cases."""
        self.thread.join()
        assert self.process.wait(60) == 0, Path(self.log.name).read_text()
        return Told(**json.loads(self.last))


@contextmanager
def _coordinator(host: Host, folder: Path) -> Iterator[Coordinator]:
    made = Coordinator(host, folder)
    try:
        yield made
    finally:
        made.process.kill()
        made.thread.join()


@pytest.mark.parametrize("seed", [1])
def test_trouble_on_hosts_of_their_own_costs_no_verdict(
    seed: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()
    with network() as net, _coordinator(net.host("lab0"), tmp_path) as coordinator:
        lab = Lab(net, tmp_path, coordinator.address, seed)
        for _ in range(HOSTS):
            lab.add()
        try:
            due = each = CASES // (EVENTS + 10)  # cases that are decided between two events, however many at once
            until(lambda: coordinator.kept, 180, "no case is decided")
            while coordinator.process.poll() is None and lab.events.total() < EVENTS:
                time.sleep(0.05)
                if coordinator.kept >= due:
                    due += each
                    lab.trouble()
            told = coordinator.told()
        finally:
            lab.end()
    for kind, number in lab.events.items():
        record_property(kind, number)
    record_property("seconds", round(time.monotonic() - began))
    record_property("given up", len(told.given_up))
    assert lab.events.total() >= EVENTS
    told.check(CASES)
    assert any("No space left on device" in words for words in told.words)
    assert any("it is gone" in words for words in told.words)
    assert told.skew_s > 60, "answers of hosts with a wrong clock count as all others do"

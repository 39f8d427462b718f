"""N verdicts of N cases while workers are killed, hang and answer with garbage: a real engine, cases that only wait."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import threading
import time
from multiprocessing.context import ForkServerProcess

import pytest

pytest.importorskip("distributed", reason="the extra `fleet` is not installed")

from vexlab.cluster.coordinator import Coordinator
from vexlab.cluster.dispatch import Attempt, Dispatch, Work
from vexlab.cluster.engine import LOOPBACK, MACHINES, Call, Engine, Member, connect
from vexlab.cluster.place import Cluster

pytestmark = [pytest.mark.infra, pytest.mark.long]
CASES, EVENTS, HOSTS = 400, 50, 4
GARBAGE = 0.02  # of all answers


def wait(case: str, seconds: float) -> object:
    """Run in a worker."""
    time.sleep(seconds)
    return "garbage" if random.random() < GARBAGE else (case, os.getpid())


def serve(address: str, name: str) -> None:
    """Be a worker."""
    from distributed import Worker

    async def work() -> None:
        worker = await Worker(
            address, name=name, nthreads=4, resources={MACHINES: 2}, memory_limit=0, dashboard_address=LOOPBACK
        )
        await worker.finished()

    asyncio.run(work())


class Waiting:
    """Keeps who decided which case."""

    def __init__(self) -> None:
        self.kept: dict[str, int] = {}
        self.twice: list[str] = []
        self.words: list[str] = []

    def open(self, member: Member) -> None:
        pass

    def call(self, attempt: Attempt) -> Call:
        given = (attempt.case, 0.1 + int(attempt.case) % 5 / 10)
        return Call(number=attempt.number, address=attempt.host, function=wait, arguments=given)

    def begun(self, attempt: Attempt) -> None:
        pass

    def read(self, attempt: Attempt, value: object) -> int:
        if not isinstance(value, tuple) or value[0] != attempt.case:
            raise TypeError("no answer about this case")
        return int(value[1])

    def keep(self, attempt: Attempt, answer: int) -> None:
        self.twice += [attempt.case] if attempt.case in self.kept else []
        self.kept[attempt.case] = answer

    def lost(self, words: str) -> None:
        self.words.append(words)

    def tick(self) -> None:
        pass

    def stopped(self) -> bool:
        return False


class Hosts:
    """Workers that are killed and stopped; each that goes is followed by one of another name."""

    def __init__(self, address: str, seed: int) -> None:
        self._address = address
        self._draw = random.Random(seed)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["distributed", "vexlab.cluster.coordinator"])
        self.alive: list[ForkServerProcess] = []
        self.events = 0
        self._number = 0
        self._over = threading.Event()

    def start(self) -> None:
        self._number += 1
        process = self._context.Process(target=serve, args=(self._address, f"host-{self._number}"))
        process.start()
        self.alive.append(process)

    def trouble(self, work: Waiting) -> None:
        """Do something bad each time some cases were decided, till there were ``EVENTS``."""
        seen = 0
        while self.events < EVENTS and not self._over.wait(0.05):
            if len(work.kept) - seen < CASES // (EVENTS + 10):
                continue
            seen = len(work.kept)
            victim = self.alive.pop(self._draw.randrange(len(self.alive)))
            assert victim.pid is not None
            if self._draw.random() < 0.2:  # it hangs, and comes back when it is long given up
                os.kill(victim.pid, signal.SIGSTOP)
                threading.Timer(40, os.kill, (victim.pid, signal.SIGCONT)).start()
            else:
                victim.kill()
            self.events += 1
            self.start()

    def end(self) -> None:
        self._over.set()
        for process in self.alive:
            process.kill()


def _run(engine: Engine, hosts: Hosts) -> tuple[Dispatch, Waiting]:
    work = Waiting()
    dispatch = Dispatch((Work(case=str(number), expected_s=0.3) for number in range(CASES)), limit_s=30)
    for _ in range(HOSTS):
        hosts.start()
    trouble = threading.Thread(target=hosts.trouble, args=(work,))
    trouble.start()
    Coordinator(engine, dispatch, work, wait_s=120).run()
    hosts.end()
    trouble.join()
    return dispatch, work


@pytest.mark.parametrize("seed", [1])
def test_fifty_events_cost_no_verdict(seed: int) -> None:
    with connect(Cluster(listen="tcp://127.0.0.1:0")) as engine:
        hosts = Hosts(engine.address, seed)
        try:
            dispatch, work = _run(engine, hosts)
        finally:
            hosts.end()
    assert dispatch.done
    assert hosts.events >= EVENTS
    assert not work.twice
    assert sorted(work.kept, key=int) == [
        str(number) for number in range(CASES) if str(number) not in dispatch.given_up
    ]
    assert len(work.kept) + len(dispatch.given_up) == CASES
    assert len(dispatch.given_up) <= 2, "three losses of one case are rare"

"""N verdicts of N cases while workers are killed, hang and answer with garbage: a real engine, cases that only wait."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import threading
from multiprocessing.context import ForkServerProcess

import pytest

pytest.importorskip("distributed", reason="the extra `fleet` is not installed")

from tests.infra.waiting import Told, Waiting, run
from vexlab.cluster.engine import LOOPBACK, MACHINES, Engine, connect
from vexlab.cluster.place import Cluster

pytestmark = [pytest.mark.infra, pytest.mark.long]
CASES, EVENTS, HOSTS = 400, 50, 4


def serve(address: str, name: str) -> None:
    """Be a worker."""
    from distributed import Worker

    async def work() -> None:
        worker = await Worker(
            address, name=name, nthreads=4, resources={MACHINES: 2}, memory_limit=0, dashboard_address=LOOPBACK
        )
        await worker.finished()

    asyncio.run(work())


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


def _run(engine: Engine, hosts: Hosts) -> Told:
    work = Waiting()
    for _ in range(HOSTS):
        hosts.start()
    trouble = threading.Thread(target=hosts.trouble, args=(work,))
    trouble.start()
    told = run(engine, CASES, work)
    hosts.end()
    trouble.join()
    return told


@pytest.mark.parametrize("seed", [1])
def test_fifty_events_cost_no_verdict(seed: int) -> None:
    with connect(Cluster(listen="tcp://127.0.0.1:0")) as engine:
        hosts = Hosts(engine.address, seed)
        try:
            told = _run(engine, hosts)
        finally:
            hosts.end()
    assert hosts.events >= EVENTS
    told.check(CASES)

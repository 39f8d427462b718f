"""How far one coordinator carries: the engine and the coordinator are the real ones, the cases only wait.

Each synthetic case takes as long as one of vexlab's recorded cases, scaled; its answer is as large as a usual one. The
slots are threads of a few worker processes, so that a thousand fit onto two cores.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import ExitStack

import psutil
from distributed import LocalCluster

from bench.row import Row
from vexlab.cluster.coordinator import Coordinator
from vexlab.cluster.dispatch import Attempt, Dispatch, Work
from vexlab.cluster.engine import LOOPBACK, MACHINES, Call, Engine, Member, connect
from vexlab.cluster.place import Cluster
from vexlab.plugin.durations import table

PROCESSES, SLOTS = 4, 1000
ANSWER = 2000  # bytes: a passed case's result and evidence, packed
LARGE = 1_000_000
SEED = 20261128
_MEAN_S = 4.0
_SATURATED_S, _SATURATED = 30.0, 100


def wait(seconds: float) -> bytes:
    """What a worker runs in place of a case."""
    time.sleep(seconds)
    return bytes(ANSWER)


class Waiting:
    """The coordinator's work: nothing but time. Stops after ``most_s`` seconds where that is given."""

    def __init__(self, seconds: dict[str, float], most_s: float = 0.0) -> None:
        self._seconds = seconds
        self._most_s = most_s
        self._begun_at = 0.0  # the plan is made before
        self.kept: set[str] = set()
        self.cpu_s = 0.0
        self.most_running = 0
        self.running = 0

    def open(self, member: Member) -> None:
        """Nothing is to be made ready."""

    def call(self, attempt: Attempt) -> Call:
        return Call(
            number=attempt.number, address=attempt.host, function=wait, arguments=(self._seconds[attempt.case],)
        )

    def begun(self, attempt: Attempt) -> None:
        self.running += 1
        self.most_running = max(self.most_running, self.running)

    def read(self, attempt: Attempt, value: object) -> bytes:
        if not isinstance(value, bytes):
            raise TypeError("no answer")
        return value

    def keep(self, attempt: Attempt, answer: bytes) -> None:
        assert attempt.case not in self.kept
        self.kept.add(attempt.case)
        self.running -= 1

    def lost(self, words: str) -> None:
        raise AssertionError(words)

    def tick(self) -> None:
        """Nothing is left by other threads."""

    def stopped(self) -> bool:
        self._begun_at = self._begun_at or time.monotonic()
        return bool(self._most_s) and time.monotonic() - self._begun_at > self._most_s


def _durations(count: int, mean: float) -> list[float]:
    draw = random.Random(SEED)
    recorded: Sequence[float] = sorted(table().values())
    scale = mean / (sum(recorded) / len(recorded))
    return [scale * draw.choice(recorded) for _ in range(count)]


def _run(engine: Engine, seconds: list[float], most_s: float = 0.0) -> tuple[float, Waiting]:
    """Return how long the cases took, and what came of them."""
    durations = {f"c{number}": each for number, each in enumerate(seconds)}
    work = Waiting(durations, most_s)
    dispatch = Dispatch((Work(case=case, expected_s=each) for case, each in durations.items()), limit_s=3600)
    coordinator = Coordinator(engine, dispatch, work, wait_s=60)
    begin, cpu = time.monotonic(), time.process_time()
    coordinator.run()
    took = time.monotonic() - begin
    work.cpu_s = time.process_time() - cpu
    assert work.stopped() or len(work.kept) == len(seconds), "N verdicts of N cases"
    return took, work


def cluster() -> list[Row]:
    """Measure a thousand slots: how soon cases are handed out, what that takes of memory, how long a run is."""
    with ExitStack() as stack:
        hosts = stack.enter_context(
            LocalCluster(
                n_workers=PROCESSES,
                threads_per_worker=SLOTS // PROCESSES,
                resources={MACHINES: SLOTS // PROCESSES},
                memory_limit=0,
                dashboard_address=LOOPBACK,
                silence_logs=50,
            )
        )
        engine = stack.enter_context(connect(Cluster(address=hosts.scheduler_address)))
        many, full = _run(engine, _durations(LARGE, _MEAN_S / _SATURATED), _SATURATED_S)
        memory = psutil.Process().memory_info().rss / (1 << 30)
        rate = len(full.kept) / many
        seconds = _durations(10_000, _MEAN_S)
        took, _ = _run(engine, seconds)
    bound = max(sum(seconds) / SLOTS, *seconds)
    return [
        Row(f"{SLOTS} slots: cases handed out and kept", f"{rate:.0f}/s", "at least 300/s", rate >= 300),
        Row("CPU time of coordinator and scheduler", f"{1000 * full.cpu_s / len(full.kept):.1f} ms a case"),
        Row("cases under way at most, of 1,000,000", str(full.most_running), f"{SLOTS}", full.most_running <= SLOTS),
        Row("memory of coordinator and scheduler", f"{memory:.2f} GiB", "at most 2 GiB", memory <= 2),
        Row(
            f"10,000 cases of {_MEAN_S:g} s: makespan over the bound ({bound:.1f} s)",
            f"{took / bound:.2f}",
            "at most 1.1",
            took / bound <= 1.1,
        ),
    ]

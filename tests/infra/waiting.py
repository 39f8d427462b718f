"""Cases that only wait, run by the real engine: what the chaos tests count.

``python -m tests.infra.waiting ADDRESS CASES`` is the coordinator with the scheduler at ADDRESS. It prints a line for
each case that is decided, and at the end a document of what became of all.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from vexlab.cluster.coordinator import Coordinator
from vexlab.cluster.dispatch import Attempt, Dispatch
from vexlab.cluster.dispatch import Work as Planned
from vexlab.cluster.engine import Call, Engine, Member, connect
from vexlab.cluster.place import Cluster

GARBAGE = 0.02  # of all answers
FOLDER = "VEXLAB_TEST_EVIDENCE"  # environment variable of a worker: where its cases write
_EVIDENCE = 64 << 10  # bytes that a case writes, as a real one writes evidence


def wait(case: str, seconds: float) -> object:
    """Run in a worker."""
    time.sleep(seconds)
    if folder := os.environ.get(FOLDER):
        file = Path(folder) / case
        try:
            file.write_bytes(b"x" * _EVIDENCE)
        finally:
            file.unlink(missing_ok=True)
    return "garbage" if random.random() < GARBAGE else (case, time.time())


class Waiting:
    """Keeps which case is decided, and by how many seconds its host's clock was ahead of the one here."""

    def __init__(self, *, loud: bool = False) -> None:
        self.kept: dict[str, float] = {}
        self.twice: list[str] = []
        self.words: list[str] = []
        self._loud = loud

    def open(self, member: Member) -> None:
        pass

    def call(self, attempt: Attempt) -> Call:
        given = (attempt.case, 0.1 + int(attempt.case) % 5 / 10)
        return Call(number=attempt.number, address=attempt.host, function=wait, arguments=given)

    def begun(self, attempt: Attempt) -> None:
        pass

    def read(self, attempt: Attempt, value: object) -> float:
        if not isinstance(value, tuple) or value[0] != attempt.case:
            raise TypeError("no answer about this case")
        return float(value[1]) - time.time()

    def keep(self, attempt: Attempt, answer: float) -> None:
        self.twice += [attempt.case] if attempt.case in self.kept else []
        self.kept[attempt.case] = answer
        self._say(f"kept {attempt.case}")

    def lost(self, words: str) -> None:
        self.words.append(words)
        self._say(f"lost {words}")

    def tick(self) -> None:
        pass

    def stopped(self) -> bool:
        return False

    def _say(self, words: str) -> None:
        if self._loud:
            sys.stdout.write(f"{words}\n")
            sys.stdout.flush()


@dataclass(frozen=True)
class Told:
    """What became of the cases; ``done`` is whether each was decided or given up.

    ``skew_s`` is how wrong the wrongest clock was of a host that decided a case.
    """

    done: bool
    kept: list[str]
    twice: list[str]
    given_up: dict[str, str]
    words: list[str]
    skew_s: float

    def check(self, cases: int) -> None:
        """Nothing is lost, nothing counted twice."""
        assert self.done, self.words
        assert not self.twice
        assert len(set(self.kept)) == len(self.kept)
        assert {*self.kept, *self.given_up} == {str(number) for number in range(cases)}
        assert len(self.kept) + len(self.given_up) == cases
        assert len(self.given_up) <= 2, f"three losses of one case are rare: {self.given_up}"


def run(engine: Engine, cases: int, work: Waiting) -> Told:
    """Run ``cases`` cases on whatever hosts come."""
    dispatch = Dispatch((Planned(case=str(number), expected_s=0.3) for number in range(cases)), limit_s=30)
    Coordinator(engine, dispatch, work, wait_s=120).run()
    skew = max(map(abs, work.kept.values()), default=0.0)
    return Told(dispatch.done, list(work.kept), work.twice, dict(dispatch.given_up), work.words, skew)


def main(address: str, cases: str) -> None:
    """Be the coordinator."""
    with connect(Cluster(listen=address)) as engine:
        sys.stdout.write(f"{json.dumps(asdict(run(engine, int(cases), Waiting(loud=True))))}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A process of a host's in which cases run, one after the other: a pytest session that is told which is next.

It collects once, as the processes of pytest-xdist do, and answers over a pipe. ``python -m`` never starts it:
``multiprocessing`` does, with ``main`` as the new process' function.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection

import msgspec
import pytest

from vexlab.plugin.live import EVENT
from vexlab.plugin.planned import planned
from vexlab.plugin.selection import expected_of
from vexlab.plugin.verdict import RESULT

_LAST_WORDS = 4  # lines of a collector's report


@dataclass(frozen=True, slots=True)
class Ready:
    """The session has collected: digests of the cases' code and expected seconds, by id; ``errors`` of files."""

    digests: Mapping[str, str]
    expected: Mapping[str, float]
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """An event that the running case told, encoded."""

    line: str


@dataclass(frozen=True, slots=True)
class Judged:
    """The running case's result, as JSON."""

    result: bytes


@dataclass(frozen=True, slots=True)
class Over:
    """The case that was asked for has ended, its fixtures, too."""


Message = Ready | Told | Judged | Over


def main(pipe: Connection, arguments: Sequence[str], environment: Mapping[str, str], workers: int) -> None:
    """Run the session; ``workers`` is how many processes run cases in all."""
    os.environ.update(environment)
    pytest.main(list(arguments), plugins=[Slot(pipe, workers)])


class Slot:
    """The plugin that takes the place of pytest's loop over the cases."""

    def __init__(self, pipe: Connection, workers: int) -> None:
        self._pipe = pipe
        self._workers = workers
        self._errors: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Make this a worker for ``vexlab.plugin``, by the name under which pytest-xdist's are known."""
        name = f"gw{os.getpid()}"
        os.environ["PYTEST_XDIST_WORKER"] = name
        config.workerinput = {"workerid": name, "workercount": self._workers}  # type: ignore[attr-defined]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep a file that cannot be read as tests."""
        if report.failed:
            words = [line.removeprefix("E").strip() for line in report.longreprtext.strip().splitlines()]
            self._errors.append(f"a file cannot be collected: {' · '.join(words[-_LAST_WORDS:])}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run what is asked for till nobody asks any more."""
        items = {str(planned(item).key): item for item in session.items}
        digests = {case: planned(item).digest for case, item in items.items()}
        expected = {case: expected_of(item) for case, item in items.items()}
        self._pipe.send(Ready(digests, expected, tuple(self._errors)))
        while (case := self._asked()) is not None:
            item = items[case]
            # Everything is torn down after each case: which one comes next is not known, nor whether one does.
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            self._pipe.send(Over())
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pass on what a case tells, and its result."""
        if (line := getattr(report, EVENT, None)) is not None:
            self._pipe.send(Told(str(line)))
        elif (data := getattr(report, RESULT, None)) is not None:
            self._pipe.send(Judged(msgspec.json.encode(data)))

    def _asked(self) -> str | None:
        try:
            asked: str | None = self._pipe.recv()
        except (EOFError, OSError):
            return None
        return asked

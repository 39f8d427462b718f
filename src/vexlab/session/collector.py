"""The hook into a pytest session through which finished cases reach the store and the screen.

The cases run in worker processes, so nothing that a case does to its process can end the run or its verdict.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from vexlab.model.case import PLAN, CaseResult, Plan
from vexlab.model.event import CaseHalted, CaseStep, Event, FindingSeen, MachineChanged, WorkerEvent, decode

# Written by vexlab.plugin.verdict; a name, so that this layer need not import that one's pytest hooks.
RESULT = "vexlab_case"
EVENT = "vexlab_event"  # by vexlab.plugin.live: an event, as ``encode`` writes it
_PHASES = ("setup", "call", "teardown")
_DIED = "the process that ran it died; the process belongs to vexlab, so a case must not end it"


class Worker(Protocol):
    """What pytest-xdist tells of a worker process: its execnet gateway."""

    gateway: object


class Child(Protocol):
    """A process that can be ended."""

    def kill(self) -> None:
        """End it at once."""


def _unheard(_event: WorkerEvent) -> None:
    """Take note of nothing."""


class Collector:
    """Calls ``planned``, ``started`` with a node id, and ``finished`` with a result; keeps what went wrong besides.

    ``told`` is called with what a worker tells while a case runs.

    ``folder`` is where the workers leave the plan. ``running`` are the nodes that began and have not ended, ``died``
    those whose process died. ``uncollected`` tells of a file out of which no cases could be had.
    """

    def __init__(
        self,
        folder: Path,
        planned: Callable[[Plan], None],
        started: Callable[[str], None],
        finished: Callable[[CaseResult], None],
        told: Callable[[WorkerEvent], None] = _unheard,
    ) -> None:
        self._folder = folder
        self._planned = planned
        self._started = started
        self._finished = finished
        self._told = told
        self._workers: list[Child] = []
        self.errors: list[str] = []
        self.uncollected = False
        self.plan = Plan()
        self.running: set[str] = set()
        self.died: dict[str, str] = {}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Worker) -> None:
        """Learn the process of a worker."""
        child = getattr(getattr(node.gateway, "_io", None), "popen", None)  # execnet has no public name for it
        if child is not None:
            self._workers.append(child)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Worker, error: object | None) -> None:  # noqa: ARG002
        """Keep why a worker went before it had any case."""
        if error and not self.plan.cases:
            self.errors.append(f"a worker process died before it knew its cases: {error}")

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """Learn which cases there are: each worker has left the same plan."""
        self.take_plan()

    def take_plan(self) -> None:
        """Read the plan that a process has left which collected the cases."""
        if self.plan.cases or self.plan.faults:
            return
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            self.plan = msgspec.json.decode((self._folder / PLAN).read_bytes(), type=Plan)
            self._planned(self.plan)

    def pytest_keyboard_interrupt(self) -> None:
        """End the workers at once; their machines and folders go with them."""
        for child in self._workers:
            child.kill()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep a file that cannot be read as tests."""
        if report.failed:
            words = [line.removeprefix("E").strip() for line in report.longreprtext.strip().splitlines()]
            self.uncollected = True
            self.errors.append(f"a file cannot be collected: {' · '.join(words[-4:])}")

    def pytest_internalerror(self, excrepr: object) -> None:
        """Keep an error of pytest's or of a plugin's."""
        self.errors.append(str(excrepr).strip().splitlines()[-1])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Pass on that a case begins."""
        self.running.add(nodeid)
        self._started(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pass on a case's result, which comes with the report of its last phase, and what it tells before."""
        if (line := getattr(report, EVENT, None)) is not None:
            self.take_event(str(line))
            return
        data = getattr(report, RESULT, None)
        if data is not None:
            self.take_result(msgspec.convert(data, CaseResult))
        elif report.when not in _PHASES:  # xdist's report of a case whose worker died
            self.running.discard(report.nodeid)
            self.died[report.nodeid] = _DIED

    def take_result(self, result: CaseResult) -> None:
        """Pass on a case's result."""
        self.running.discard(result.node)
        self._finished(result)

    def take_event(self, line: str) -> None:
        """Pass on an event of a running case, as ``encode`` wrote it; what is none is dropped."""
        with contextlib.suppress(ValueError):  # of a worker that another version of vexlab started, perhaps
            event: Event = decode(line.encode())
            if isinstance(event, (MachineChanged, CaseStep, CaseHalted, FindingSeen)):
                self._told(event)

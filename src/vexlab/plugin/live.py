"""What a case tells while it runs: its machines, its steps, what the kernel said. It travels as a report of pytest's.

pytest-xdist carries every report of a case from a worker to the main process, with all of its attributes, in order
and at once; ``vexlab.session.collector`` makes an event of it there. Outside of a worker nobody is told.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from vexlab.model.event import CaseHalted, CaseStep, FindingSeen, MachineChanged, MachineState, WorkerEvent, encode
from vexlab.model.verdict import Finding
from vexlab.plugin.options import is_worker
from vexlab.vm.machine import Machine

EVENT = "vexlab_event"  # report attribute, which vexlab.session.collector reads
_WHEN = "event"  # none of pytest's phases
_STEP_S = 0.1  # a case of ten thousand steps must not spend its time on telling them
_COMMAND_S = 1.0
_WORDS_MOST = 300
_TEXT_MOST = 4_000  # of a finding: the whole comes with the result


class Teller:
    """Tells what happens in the case ``item``; without one, or outside of a worker, nobody."""

    def __init__(self, item: pytest.Item | None = None) -> None:
        self._item = item if item is not None and is_worker(item.config) else None
        self._said = 0.0
        self._seen: set[str] = set()

    def started(self, machine: Machine, kernel: str) -> None:
        """Tell that a machine of the case is there."""
        if self._item:
            _tell(
                self._item,
                MachineChanged(
                    node=self._item.nodeid,
                    machine=_name(machine),
                    state=MachineState.STARTED,
                    pid=machine.pid,
                    kernel=kernel,
                    memory=machine.spec.memory,
                    cpus=machine.spec.cpus,
                    console=str(machine.files.console_log),
                ),
            )

    def gone(self, machine: Machine) -> None:
        """Tell that the case has done with a machine."""
        if self._item:
            _tell(self._item, MachineChanged(node=self._item.nodeid, machine=_name(machine), state=MachineState.GONE))

    def step(self, words: str) -> None:
        """Tell which step the case has come to, unless the last one was told a moment ago."""
        now = time.monotonic()
        if self._item and now - self._said >= _STEP_S:
            self._said = now
            _tell(self._item, CaseStep(node=self._item.nodeid, words=words[:_WORDS_MOST]))

    def halted(self, event: CaseHalted) -> bool:
        """Tell that the case waits; return whether there is anybody to hear it."""
        if self._item:
            _tell(self._item, replace(event, node=self._item.nodeid))
        return self._item is not None

    def findings(self, findings: Iterable[Finding]) -> None:
        """Tell those of ``findings`` that were not told yet; one that grew is not told again."""
        if not self._item:
            return
        for each in findings:
            if each.title not in self._seen:
                self._seen.add(each.title)
                _tell(self._item, FindingSeen(node=self._item.nodeid, finding=_short(each)))


class CommandWatch:
    """Tells, while an answer is awaited, which command the guest works on, once it has taken a second."""

    def __init__(self, machine: Machine, step: Callable[[str], None]) -> None:
        self._machine = machine
        self._before = machine.watch
        self._step = step
        self._told = 0.0  # when the command began that was told last

    def __call__(self, text: str) -> None:
        """Do what ``watch`` did before, and look at the clock."""
        if self._before:
            self._before(text)
        begun = self._machine.asked_at
        if begun != self._told and self._machine.clock() - begun >= _COMMAND_S:
            self._told = begun
            self._step(self._machine.last_command)


def _tell(item: pytest.Item, event: WorkerEvent) -> None:
    report = pytest.TestReport(
        nodeid=item.nodeid,
        location=item.location,
        keywords={},
        outcome="passed",
        longrepr=None,
        when=_WHEN,  # type: ignore[arg-type] # none of the three phases, as xdist's own "???"
    )
    setattr(report, EVENT, encode(event).decode())
    item.ihook.pytest_runtest_logreport(report=report)


def _name(machine: Machine) -> str:
    return f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.{machine.files.folder.name}"


def _short(finding: Finding) -> Finding:
    return Finding(
        title=finding.title,
        type=finding.type,
        severity=finding.severity,
        frame=finding.frame,
        text=finding.text[:_TEXT_MOST],
        fingerprint=finding.fingerprint,
        source=finding.source,
    )

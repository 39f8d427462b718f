"""What is written down while a case runs: findings, metrics, evidence. One recorder for each case."""

from __future__ import annotations

import contextlib
import re
import time
from pathlib import Path
from typing import TypeGuard

import pytest

from vexlab.classify import classify
from vexlab.classify.hang import hang, lost, silent
from vexlab.errors import EmulatorDied, GuestTimeout, InfraError, MachineError, MachineLost
from vexlab.lab import Order
from vexlab.model.report import Report, Severity
from vexlab.model.verdict import Finding
from vexlab.observe.postmortem import PostMortem, examine
from vexlab.observe.taint import bad_taints
from vexlab.plugin.options import run_folder
from vexlab.vm.machine import Machine

_TEXT_MOST = 20_000
_RECORDER = pytest.StashKey["Recorder"]()


class Recorder:
    """Collects what one case's machine says; ``folder`` holds its evidence, ``failed`` tells a bad end.

    ``during`` is what the case was doing when the kernel spoke, where it says so. ``lab_error`` is an error of the lab
    itself, which says nothing about the module.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.findings: list[Finding] = []
        self.metrics: dict[str, float] = {}
        self.started = time.time()
        self.began = time.perf_counter()
        self.cpu_began = time.process_time()
        self.order: Order | None = None
        self.failed = False
        self.during = ""
        self.lab_error = ""
        self._machine: Machine | None = None
        self._examined = False
        self._lost = False
        self._extra: list[Finding] = []
        self._post_mortem: PostMortem | None = None

    def attach(self, machine: Machine, order: Order) -> None:
        """Begin to watch the case's machine."""
        self.order = order
        self._machine = machine

    def observe(self, error: BaseException | None) -> None:
        """Bring ``findings`` up to date after a phase of the case ended, well or with ``error``."""
        self.failed = self.failed or error is not None
        if is_the_labs(error):
            self.lab_error = error.message
        if self._machine is None:
            return
        self._lost = self._lost or isinstance(error, MachineLost)
        if isinstance(error, GuestTimeout) and not self._examined:
            self._examine_hang(error)
        self._read(self._machine)
        if isinstance(error, MachineLost) and not self.findings and not self.lab_error:
            self._extra.append(lost(str(error)))
            self.findings = list(self._extra)
        if self.findings and not self._examined:
            self._examine(0)

    def detach(self) -> None:
        """Read the machine's last words and keep the evidence, before its folder goes."""
        if self._machine is None:
            return
        self._read(self._machine)
        self.folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            (self.folder / "console.log").write_text(self._machine.console.text())
        if self._post_mortem:
            text = f"{self._post_mortem.backtraces}\n{self._post_mortem.registers}"
            (self.folder / "postmortem.txt").write_text(text)
        self._machine = None

    def _read(self, machine: Machine) -> None:
        """Classify the whole console, less what our own questions made the kernel print."""
        modules = (self.order.target.module,) if self.order else ()
        text = machine.console.text(0, self._asked_at if self._examined else None)
        found = [_finding(report) for report in classify(text, target_modules=modules)]
        if not found and not self._examined and not self._lost:
            found = self._taints(machine)
        self.findings = found + self._extra

    def _taints(self, machine: Machine) -> list[Finding]:
        """Ask the kernel whether it is tainted: a crash the log does not show still leaves its mark."""
        with contextlib.suppress(MachineError):
            value = machine.ash("cat /proc/sys/kernel/tainted", timeout=5).text
            text = f"/proc/sys/kernel/tainted is {value}"
            return [
                Finding(title=f"kernel tainted: {meaning}", type="TAINT", severity=severity, text=text)
                for meaning, severity in bad_taints(int(value))
            ]
        return []

    def _examine_hang(self, error: GuestTimeout) -> None:
        seconds = float(match[1]) if (match := re.search(r"within ([\d.]+) s", str(error))) else 0.0
        modules = (self.order.target.module,) if self.order else ()
        post_mortem = self._examine(error.pid)
        found = hang(error.command, seconds, post_mortem.backtraces, target_modules=modules)
        if found is None and not post_mortem.backtraces.strip():
            found = silent(error.command, seconds, "", post_mortem.registers)
        if found:
            self._extra.append(found)

    def _examine(self, pid: int) -> PostMortem:
        assert self._machine is not None
        self._examined = True
        self._asked_at = self._machine.console.size
        self._post_mortem = examine(self._machine, pid)
        return self._post_mortem


def is_the_labs(error: BaseException | None) -> TypeGuard[InfraError]:
    """Whether ``error`` says nothing about the module: the lab or its host is at fault, not what ran in the guest."""
    if isinstance(error, EmulatorDied):
        return True
    return isinstance(error, InfraError) and not isinstance(error, (GuestTimeout, MachineLost))


def recorder_of(item: pytest.Item) -> Recorder:
    """Return the case's recorder, made at first use."""
    if _RECORDER not in item.stash:
        from vexlab.plugin.marks import marks_of

        name = re.sub(r"[^A-Za-z0-9._\[\]-]", "_", marks_of(item).id)[:120]
        item.stash[_RECORDER] = Recorder(run_folder(item.config) / "cases" / name)
    return item.stash[_RECORDER]


def renew(item: pytest.Item) -> Recorder:
    """Forget what was recorded of the case and return its new, empty recorder."""
    del item.stash[_RECORDER]
    return recorder_of(item)


def _finding(report: Report) -> Finding:
    return Finding(
        title=report.title,
        type=report.type,
        severity=report.severity if not report.suppressed else Severity.WARNING,
        frame=report.frame,
        text=report.text[:_TEXT_MOST],
    )

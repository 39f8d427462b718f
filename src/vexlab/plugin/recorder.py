"""What is written down while a case runs: findings, metrics, evidence. One recorder for each attempt at a case."""

from __future__ import annotations

import hashlib
import re
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeGuard

import pytest

from vexlab.errors import CaseDeadline, EmulatorDied, GuestTimeout, InfraError, MachineLost
from vexlab.guest.klog import explained
from vexlab.kernels.exports import load_hints
from vexlab.lab import Order
from vexlab.model.metric import Metric, measured
from vexlab.model.subresult import SubResult
from vexlab.model.verdict import Finding
from vexlab.plugin.counting import CaseCounting, counting_of
from vexlab.plugin.halt import Halt, wanted
from vexlab.plugin.hangs import HangWatch, hangs_folder
from vexlab.plugin.live import CommandWatch, Teller
from vexlab.plugin.marks import marks_of
from vexlab.plugin.memory import examine_memory
from vexlab.plugin.options import run_folder, settings_of, the_lab
from vexlab.plugin.tracing import CaseTracing, tracing_of
from vexlab.plugin.watched import WatchedMachine
from vexlab.vm.machine import Machine

_NAME_MOST = 120
_ODD = re.compile(r"[^A-Za-z0-9._\[\]-]")
_RECORDER = pytest.StashKey["Recorder"]()


class Recorder:
    """Collects what one case's machines say; ``folder`` holds its evidence, ``failed`` tells a bad end.

    ``step`` is what the case was doing when the kernel spoke, where it says so. ``lab_error`` is an error of the lab
    itself, which says nothing about the module. ``echo`` tells that the case ended by nothing but the machine's death.
    ``attempts`` are the lab's errors that ended earlier attempts. ``overdue`` says that the case was told that its time
    is over, whether or not it listened. ``looked`` tells that it rests on something that happened: it had a machine, a
    build of the module, or a profile probed in a kernel. ``hangs`` is the folder in which the run's cases note hangs.
    """

    def __init__(
        self,
        folder: Path,
        settle_s: float,
        hangs: Path,
        attempts: tuple[str, ...] = (),
        *,
        tell: Teller | None = None,
    ) -> None:
        self.tell = tell or Teller()
        self.folder = folder
        self._hangs = hangs
        self.attempts = attempts
        self.metrics: dict[str, Metric] = {}
        self.subresults: dict[str, SubResult] = {}
        self.started = time.time()
        self.began = time.perf_counter()
        self.cpu_began = time.process_time()
        self.order: Order | None = None
        self.failed = False
        self.step = ""
        self.lab_error = ""
        self.overdue = ""
        self.echo = False
        self.looked = False
        self.settle_s = settle_s
        self.examine_memory: Callable[[Machine, Order, Path], str] | None = None
        self.tracing: CaseTracing | None = None
        self.counting: CaseCounting | None = None
        self.halt: Callable[[int, Machine, Order], Halt | None] = lambda _number, _machine, _order: None
        self._ran = False
        self._machines: list[WatchedMachine] = []
        self._aside: dict[int, str] = {}
        self._attached = False

    @property
    def findings(self) -> list[Finding]:
        """Everything that was found in any of the case's machines."""
        return list(dict.fromkeys(finding for each in self._machines for finding in each.findings))

    @property
    def machines_used(self) -> int:
        """How many machines the case had so far."""
        return len(self._machines)

    @property
    def numbered(self) -> tuple[tuple[int, WatchedMachine, str], ...]:
        """Those of the case's machines whose consoles are kept: number, and the folder, in the case's own, of that."""
        folders = {len(self._machines): "", **self._aside} if self._machines else {}
        return tuple((number, self._machines[number - 1], folder) for number, folder in sorted(folders.items()))

    @property
    def machines(self) -> tuple[tuple[WatchedMachine, str], ...]:
        """As ``numbered``, without the numbers."""
        return tuple((watched, folder) for _, watched, folder in self.numbered)

    @property
    def ran(self) -> bool:
        """Whether the case itself was begun: its set-up has come to its end."""
        return self._ran

    @property
    def ended_well(self) -> bool:
        """Whether the case itself has come to its end, and nothing went wrong: not where it was interrupted."""
        return self._ran and not self.failed

    def attach(self, machine: Machine, order: Order) -> None:
        """Begin to watch a machine of the case's; the last one attached is the one that it works with."""
        self.order = order
        self.looked = True
        watched = WatchedMachine(machine, order)
        machine.watch = CommandWatch(machine, self.tell.step)
        machine.watch = HangWatch(machine, watched.stuck_in, self._hangs)
        watched.examine_memory = self.examine_memory
        self._machines.append(watched)
        self._attached = True
        if self.tracing:
            self.tracing.attach(machine, order)
        if self.counting:
            self.counting.attach(machine, order)
        machine.transcript.before = self.halt(len(self._machines), machine, order)
        self.tell.started(machine, order.kernel.name)

    def at(self, step: str) -> None:
        """Note which of its steps the case has come to."""
        self.step = step
        self.tell.step(step)

    def observe(self, error: BaseException | None, when: str = "") -> None:
        """Look at the machine after a step of the case ended, well or with ``error``; ``when`` names pytest's phase."""
        self.failed = self.failed or error is not None
        if error is not None and not isinstance(error, pytest.skip.Exception):
            self.echo = isinstance(error, MachineLost)
        self._ran = self._ran or when == "call"
        if is_the_labs(error) and not isinstance(error, CaseDeadline):
            self.lab_error = error.message
        if self._attached:
            self._machines[-1].heard(error)
        else:  # a fixture of the case's may still have used a machine after our last look at it
            for watched in self._machines:
                if watched.machine.alive:
                    watched.read()
        self.tell.findings(self.findings)

    def explained(self, words: str) -> str:
        """Return ``words``, and what the filesystem said on the console where an error's cause can only be there."""
        if not self._attached or self.order is None:
            return words
        target = self.order.target
        if remark := self._machines[-1].remark:
            words = f"{words}; {remark}"
        console = self._machines[-1].machine.console.text()
        hints = load_hints(words, console, self.order.kernel)
        return "\n".join([explained(words, console, target.module, target.fstype), *hints])

    def put_aside(self) -> None:
        """Keep the evidence of a machine that ended, before the case goes on with another one."""
        if not self._attached:
            return
        watched = self._machines[-1]
        self._attached = False
        name = self._aside[len(self._machines)] = f"machine-{len(self._machines)}"
        try:
            watched.keep(self.folder / name)
        except OSError as error:
            raise evidence_lost(error) from error
        watched.machine.kill()
        self.tell.gone(watched.machine)

    def detach(self) -> None:
        """Have a last look at the machine and keep the evidence, before its folder goes."""
        if not self._attached:
            return
        watched = self._machines[-1]
        try:
            if self.tracing:
                self.tracing.detach(usable=not watched.ended and watched.machine.alive)
                self.metrics.update({each.name: each for each in self.tracing.write(self.folder)})
            if (self._ran or self.failed) and not self.lab_error:
                watched.last_look(self.settle_s)
            else:
                watched.read()
            if self.counting:
                self.counting.read(watched)
        finally:
            self._attached = False
            self.metrics |= {name: measured(name, round(value, 3)) for name, value in watched.metrics.items()}
            self.tell.findings(self.findings)
            self.tell.gone(watched.machine)
            try:
                watched.keep(self.folder)
                if self.counting:
                    self.counting.write(self.folder)
            except OSError as error:
                raise evidence_lost(error) from error


def evidence_lost(error: OSError) -> InfraError:
    """Return the error of evidence that cannot be written."""
    hint = "free some space, or choose another folder with --results"
    return InfraError(f"the evidence cannot be kept: {error}", hint=hint)


def is_the_labs(error: BaseException | None) -> TypeGuard[InfraError]:
    """Whether ``error`` says nothing about the module: the lab or its host is at fault, not what ran in the guest."""
    if isinstance(error, EmulatorDied):
        return True
    return isinstance(error, InfraError) and not isinstance(error, (GuestTimeout, MachineLost))


def recorder_of(item: pytest.Item) -> Recorder:
    """Return the case's recorder, made at first use."""
    if _RECORDER not in item.stash:
        marks = marks_of(item)
        folder = run_folder(item.config) / "cases" / folder_name(marks.id)
        return _new(item, folder, settings_of(item.config).run.settle(marks.level))
    return item.stash[_RECORDER]


def _new(item: pytest.Item, folder: Path, settle_s: float, attempts: tuple[str, ...] = ()) -> Recorder:
    """Give the case a new, empty recorder, and return it."""
    recorder = Recorder(folder, settle_s, hangs_folder(item.config), attempts, tell=Teller(item))
    recorder.examine_memory = partial(examine_memory, item.config)
    recorder.tracing = tracing_of(item.config)
    recorder.counting = counting_of(item.config)
    recorder.halt = partial(_halt, item.config, recorder.tell)
    item.stash[_RECORDER] = recorder
    return recorder


def _halt(config: pytest.Config, tell: Teller, ordinal: int, machine: Machine, order: Order) -> Halt | None:
    """Return what halts the case in its machine ``ordinal``, ``None`` where nobody asked for it there."""
    which, number = wanted()
    if not number or ordinal != which:
        return None
    return Halt(
        machine=machine, order=order, number=number, tell=tell, vmlinux=the_lab(config).kernels.debug(order.kernel)
    )


def folder_name(case: str) -> str:
    """Return the name of a case's folder: no two cases have the same, whatever characters their ids are made of."""
    name = _ODD.sub("_", case)[:_NAME_MOST]
    return name if name == case else f"{name}-{hashlib.sha256(case.encode()).hexdigest()[:10]}"


def renew(item: pytest.Item) -> Recorder:
    """Begin another attempt: put what was recorded of the last one aside and return a new, empty recorder."""
    last = item.stash[_RECORDER]
    attempts = (*last.attempts, last.lab_error)
    if last.folder.exists():
        aside = last.folder.with_name(f".{last.folder.name}")
        last.folder.rename(aside)
        last.folder.mkdir()
        aside.rename(last.folder / f"attempt-{len(attempts)}")
    return _new(item, last.folder, last.settle_s, attempts)


def forget_recorder(item: pytest.Item) -> None:
    """Begin the case again as if it had not run: what was recorded and kept of it goes."""
    last = item.stash[_RECORDER]
    shutil.rmtree(last.folder, ignore_errors=True)
    _new(item, last.folder, last.settle_s)

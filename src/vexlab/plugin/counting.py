"""What a case's machines counted, where the run asks for it: lines of the module that ran, inputs of the filesystem.

It is read when a machine is let go, and kept as evidence. What counters of lines mean is told later, on the host
(``vexlab.coverage``); a case waits for nothing but the reading.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from vexlab.errors import InfraError, MachineError
from vexlab.guest.inputs import begin, rare_file, read_inputs
from vexlab.lab import Order
from vexlab.model import inputs as model
from vexlab.model.coverage import CASE_FILE, RUN_FOLDER, UNREAD
from vexlab.observe.gcov import read_counters
from vexlab.plugin.options import request_of, run_folder
from vexlab.plugin.watched import WatchedMachine
from vexlab.targets.counted import COUNTERS_END, known_counters, noted
from vexlab.vm.machine import Machine

log = logging.getLogger(__name__)


@dataclass(slots=True)
class CaseCounting:
    """What the machines of one case counted.

    ``notes`` is the run's folder of what is needed to understand counters of lines, ``None`` where no lines are
    counted; ``inputs`` tells whether inputs are. ``rare`` is the list of what random workloads are to draw more of.
    """

    notes: Path | None = None
    inputs: bool = False
    rare: Path | None = None
    _machines: list[tuple[str, Mapping[str, bytes]]] = field(default_factory=list)
    _asked: list[model.Inputs] = field(default_factory=list)

    def attach(self, machine: Machine, order: Order) -> None:
        """Begin with a fresh machine."""
        if self.rare:  # what is drawn depends on it, so whoever replays the case needs it, too
            machine.push(self.rare.read_bytes(), rare_file())
        with contextlib.suppress(MachineError), machine.transcript.paused():  # what is wrong with it, others see
            if self.inputs and not begin(machine, order.target.fstype):
                log.warning("the guest cannot count what is asked of its filesystem")

    def read(self, watched: WatchedMachine) -> None:
        """Read what a machine counted that is about to go; one that does not answer gives nothing."""
        if self.inputs and not watched.ended:
            self._asked.append(watched.ask(read_inputs) or {})
        if self.notes is None:
            return
        kernel = kernel_folder(watched.order.kernel.name)
        objects = noted(self.notes / kernel)
        if not objects:  # a module that this run did not build to count, as a domain may have
            return
        seen = None if watched.ended else watched.ask(read_counters)
        found = known_counters(seen or {}, objects)
        if not found:
            log.warning("a machine with kernel %s gave no counters", watched.order.kernel.name)
        self._machines.append((kernel, found))

    def write(self, folder: Path) -> None:
        """Write what was counted so far to ``folder``; raises ``OSError``."""
        folder.mkdir(parents=True, exist_ok=True)
        if asked := model.together(self._asked):
            (folder / model.CASE_FILE).write_bytes(msgspec.json.encode(asked))
        if not self._machines:
            return
        with zipfile.ZipFile(folder / CASE_FILE, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, (kernel, found) in enumerate(self._machines, 1):
                for name, data in found.items():
                    archive.writestr(f"{number}/{kernel}/{name}{COUNTERS_END}", data)
                if not found:
                    archive.writestr(f"{number}/{kernel}/{UNREAD}", b"")


def counting_of(config: pytest.Config) -> CaseCounting | None:
    """Return what a case's recorder counts with, ``None`` where the run asks for nothing."""
    request = request_of(config)
    if not (request.coverage or request.inputs or request.rare):
        return None
    return CaseCounting(
        notes=run_folder(config) / RUN_FOLDER if request.coverage else None,
        inputs=request.inputs,
        rare=Path(request.rare) if request.rare else None,
    )


def keep_counted(counted: Mapping[str, Path], folder: Path) -> None:
    """Copy gcov's notes and the sources of each kernel's module to the run's ``folder``, so that they stay with it."""
    for kernel, notes in counted.items():
        try:
            shutil.copytree(notes, folder / RUN_FOLDER / kernel_folder(kernel), dirs_exist_ok=True)
        except OSError as error:
            raise InfraError(f"what coverage needs cannot be kept in {folder}: {error}") from error


def kernel_folder(kernel: str) -> str:
    """Return a kernel's name as that of a folder: it may be a path."""
    return kernel.strip("/").replace("/", "_")

"""The machines of a probe: one at a time, a fresh one after each that broke. The module is loaded to mount it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from vexlab.errors import MachineError, TargetFailure
from vexlab.guest.block import device_of
from vexlab.guest.klog import first_error, last_own_line
from vexlab.guest.module import FOLDER, GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.lab import Lab, Order
from vexlab.model.machine import CommandResult
from vexlab.model.report import Report, Severity
from vexlab.probe.lines import reports
from vexlab.vm.machine import Machine

PROGRAM = f"{FOLDER}/bin/fsprobe"
STEP_S = 30.0
_DISK = "scratch"


class Bench:
    """The machine at hand. ``loads`` tells whether the module is one that must be loaded first.

    ``started`` is told of each machine, ``ending`` is called before one is let go.

    Use it as a context manager.
    """

    def __init__(
        self,
        lab: Lab,
        order: Order,
        *,
        loads: bool,
        started: Callable[[Machine], None] = lambda _: None,
        ending: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_start = started
        self._on_end = ending
        self.order = order
        self.target = order.target
        self._lab = lab
        self._loads = loads
        self._machine: Machine | None = None
        self._made = False
        self._mounted = False
        self._loaded = False
        self._device = ""
        self._heard = 0  # of the console, in characters

    @property
    def machine(self) -> Machine:
        """The machine, started where there is none."""
        return self._machine or self._start(None)

    @property
    def filesystem(self) -> GuestFilesystem:
        """The verbs for the target on the machine's disk."""
        if not self._device:
            self._device = device_of(self.machine, _DISK)
        return self.on(self._device)

    def on(self, device: str) -> GuestFilesystem:
        """Return the verbs for the target on another device."""
        return GuestFilesystem(self.machine, self.target, device)

    def made(self) -> GuestFilesystem:
        """Return the filesystem made and not mounted; raise ``TargetFailure`` where that fails."""
        filesystem = self.filesystem
        self.unmounted()
        if not self._made:
            demand(filesystem.mkfs(timeout=STEP_S), "mkfs")
            self._made = True
        return filesystem

    def mounted(self, *options: str) -> GuestFilesystem:
        """Return the filesystem made and mounted; raise ``TargetFailure`` where that fails."""
        demand(self.try_mount(*options), "mount")
        filesystem = self.filesystem
        filesystem.prove()
        return filesystem

    def try_mount(self, *options: str) -> CommandResult:
        """Mount what was made, and return how that ended."""
        filesystem = self.made()
        self.load()
        result = filesystem.mount(*options, timeout=STEP_S)
        self._mounted = result.ok
        return result

    def load(self) -> None:
        """Load the module where that is still to be done; raise ``TargetFailure`` where it fails."""
        if self._loads and not self._loaded:
            demand(GuestModule(self.machine, self.target).load(), "loading the module")
        self._loaded = True

    def unmounted(self) -> None:
        """Unmount it where it is mounted; raise ``TargetFailure`` where that fails."""
        if self._mounted:
            demand(self.filesystem.unmount(timeout=STEP_S), "unmount")
            self._mounted = False

    def unmake(self) -> None:
        """Let the next use begin with an empty filesystem, made over what there is."""
        self.unmounted()
        self._made = False

    def remake(self) -> None:
        """Let the next use begin with an empty filesystem, on a disk that holds nothing else.

        Not every mkfs clears what it makes a filesystem over: mkfs.bfs leaves the entries of the old root directory.
        The case ``mkfs_again`` is about that; what is asked here must not be misled by it.
        """
        self.unmounted()
        self.drop()

    def cut_power(self) -> None:
        """End the machine as a power cut would, and go on with a fresh one on its disk."""
        dead = self.machine
        self._on_end()
        dead.kill()
        files = {disk.serial: dead.files.disk(disk) for disk in dead.spec.disks if not disk.readonly}
        self._machine = None
        try:
            self._start(files)
            self._made = True
        finally:
            dead.close()

    def console(self) -> str:
        """Return what the machine's kernel printed so far; ``""`` without a machine."""
        return self._machine.console.text() if self._machine and self._machine.console.size else ""

    def complaints(self) -> tuple[Report, ...]:
        """Return what the kernel has complained of since this was last asked."""
        console = self.console()
        start, self._heard = self._heard, len(console)
        return reports(console[start:], module=self.target.module)

    def words(self) -> str:
        """Return the filesystem's own first words of an error, else its last words, or ``""``."""
        of = (self.console(), self.target.module, self.target.fstype)
        return first_error(*of) or last_own_line(*of)

    def drop(self) -> None:
        """Let the machine go: the next use starts a fresh one."""
        if self._machine is not None:
            self._on_end()
            self._machine.close()
        self._machine = None
        self._device = ""
        self._made = self._mounted = False

    def _start(self, disks: Mapping[str, Path] | None) -> Machine:
        self._made = self._mounted = self._loaded = False
        self._device = ""
        self._heard = 0
        self._machine = self._lab.machine(self.order, disks=disks)
        self._on_start(self._machine)
        return self._machine

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(MachineError):
            self.drop()


def demand(result: CommandResult, what: str) -> None:
    """Raise ``TargetFailure`` where a command failed."""
    if not result.ok:
        raise TargetFailure(f"{what}: {result}")


def is_spent(found: tuple[Report, ...]) -> bool:
    """Whether a machine is no good any more after these complaints."""
    return any(report.severity is not Severity.WARNING for report in found)

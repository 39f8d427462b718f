"""Whether a program of syzkaller's shows a crash again, in fresh machines of vexlab's, run by its own execprog.

A machine that is restored takes half a second where one of syz-manager's boots for a minute under emulation.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from vexlab.errors import EmulatorDied, GuestTimeout, InfraError, MachineError, MachineLost, TargetFailure
from vexlab.fuzz.crash import Crash, same
from vexlab.fuzz.syzkaller import EXECPROG, EXECUTOR
from vexlab.fuzz.syzlang import KEPT, KEPT_FILES
from vexlab.guest.mount import GuestFilesystem
from vexlab.lab import Lab, Order
from vexlab.model.verdict import Finding
from vexlab.plugin.watched import WatchedMachine
from vexlab.probe.bench import Bench
from vexlab.targets.in_tree import why_not_loadable
from vexlab.vm.machine import Machine

log = logging.getLogger(__name__)

FOLDER = "/tmp/syz"  # noqa: S108 - in the guest
MEMORY = 512  # MiB of machines in which execprog runs: it has 50 MB, in the guest's memory
_BEGINS = "executing program 0:\n"
_FIRST_S, _EACH_S = 180.0, 6.0  # to start, which took a minute on a busy host without KVM, and for each repetition
_MOST_S = 600.0
_SETTLE_S = 0.5
_FAILURES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """The two programs of the user's syzkaller that run a program in a guest."""

    execprog: Path
    executor: Path

    @classmethod
    def of(cls, place: Path) -> Runner:
        """Return those of the installation in ``place``."""
        return cls(execprog=place / EXECPROG, executor=place / EXECUTOR)


def prepare(filesystem: GuestFilesystem, runner: Runner) -> None:
    """Bring the two programs into a machine, with the loop devices that they mount images by.

    ``filesystem`` is mounted: it is what guests keep mounted for all programs.
    """
    machine = filesystem.machine
    machine.exec(["mkdir", "-p", FOLDER, KEPT])
    machine.exec(["mount", "--bind", filesystem.mountpoint, KEPT])
    machine.exec(["touch", *KEPT_FILES])
    machine.exec(["/sbin/modprobe", "-q", "loop"])
    machine.push(runner.execprog, f"{FOLDER}/syz-execprog", mode=0o755)
    machine.push(runner.executor, f"{FOLDER}/syz-executor", mode=0o755)


def run(machine: Machine, program: str, *, times: int) -> None:
    """Run ``program`` so often; raises ``GuestTimeout`` and ``MachineLost`` as a machine does, else ``InfraError``."""
    machine.push(program.encode(), f"{FOLDER}/program")
    limit = min(_MOST_S, _FIRST_S + times * _EACH_S)
    command = ["timeout", "-s", "KILL", f"{limit:.0f}", *execprog_argv(times)]
    done = machine.exec(["env", "-C", FOLDER, *command], timeout=limit + _FIRST_S)
    if "executed programs" not in done.said and "executing program" not in done.said:
        raise InfraError(f"syz-execprog ran nothing: {done}")


def execprog_argv(times: int) -> list[str]:
    """Return the command that runs the file `program` so often. Its time is that of emulation."""
    return ["./syz-execprog", "-executor=./syz-executor", "-procs=1", f"-repeat={times}", "-cover=0",
            "-sandbox=none", "-slowdown=10", "program"]  # fmt: skip


class SyzPrograms:
    """Programs of syzkaller's, as ``vexlab.fuzz.tries.Retry`` has it. Use it as a context manager."""

    def __init__(self, lab: Lab, order: Order, runner: Runner) -> None:
        self._lab, self._order, self._runner = lab, order, runner
        self._loads = not why_not_loadable(order.kernel, order.target)
        self._stack = ExitStack()
        self._watched: WatchedMachine | None = None

    def parts(self, text: str) -> list[str]:
        """Return the programs in ``text`` where there are several, the calls of a single one."""
        programs = [each for each in text.split(_BEGINS) if each.strip()]
        if len(programs) > 1:
            return programs
        calls = text.replace(_BEGINS, "").splitlines()
        return [line for line in calls if line.strip() and not line.startswith("#")]

    def text(self, parts: Sequence[str]) -> str:
        """Return programs, or the program of calls."""
        if any("\n" in part for part in parts):
            return "".join(f"{_BEGINS}{part}" for part in parts)
        return "".join(f"{part}\n" for part in parts)

    def simplify(self, parts: list[str], shows: Callable[[Sequence[str]], bool]) -> list[str]:
        """Return the calls as they are: their arguments are syzkaller's to make simpler."""
        del shows
        return parts

    def shows(self, crash: Crash, text: str, *, times: int) -> bool:
        """Whether the crash comes of the program, with ``late`` ones when the module is unloaded."""
        for _ in range(_FAILURES):
            try:
                return any(same(crash, finding) for finding in self._tried(text, times, late=crash.late))
            except (InfraError, TargetFailure) as error:
                log.warning("the program is tried again in another machine: %s", error)
                self.fresh()
        return False

    def _tried(self, text: str, times: int, *, late: bool) -> tuple[Finding, ...]:
        watched = self._watched or self._start()
        error: MachineError | None = None
        try:
            run(watched.machine, text, times=times)
        except EmulatorDied as died:
            raise InfraError(f"the machine was ended from outside: {died.message}") from died
        except (GuestTimeout, MachineLost) as lost:
            error = lost
        watched.heard(error)
        if late and not watched.findings:
            with contextlib.suppress(MachineError):
                watched.last_look(_SETTLE_S)
        found = tuple(watched.findings)
        if found or error or late:
            self.fresh()
        return found

    def _start(self) -> WatchedMachine:
        bench = self._stack.enter_context(Bench(self._lab, self._order, loads=self._loads, started=self._watch))
        bench.mounted()
        prepare(bench.filesystem, self._runner)
        if self._watched is None:
            raise InfraError("there was no machine")
        return self._watched

    def _watch(self, machine: Machine) -> None:
        self._watched = WatchedMachine(machine, self._order)

    def fresh(self) -> None:
        """Let the machine go."""
        self._watched = None
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.fresh()

"""What can still be learned of a machine that hangs or died, without its help wherever possible.

System requests go over the serial line as a break and a letter (Documentation/admin-guide/sysrq.rst), so they work
while user space is dead; where the kernel does not even take interrupts, an NMI is sent.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import socket
import sys
import termios
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vexlab.deadline import Deadline
from vexlab.errors import GuestTimeout, MachineError
from vexlab.vm.machine import Machine
from vexlab.workloads import script

_QUIET_S = 0.3
_ANSWER_S = 3.0
_TAKEN_S = 0.001
_AGENT_S = 2.0
_LOOK_S = 10.0  # of a guest that answers: the programs of a larger system may have to be read from its disk first
_STARVED_S = 60.0  # on a host that gives the machine next to nothing
_BETWEEN_S = 1.0  # two looks at a task that is stuck see the same

_STACKS = script("task_stacks.sh")


_PROGRESS = script("task_progress.sh")


@dataclass(frozen=True, slots=True, kw_only=True)
class PostMortem:
    """``backtraces`` is what the kernel printed on request, ``registers`` QEMU's view of every CPU."""

    backtraces: str
    registers: str

    def __str__(self) -> str:
        return f"{self.backtraces}\n{self.registers}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoLooks:
    """A machine looked at twice, a moment apart. ``moving`` are the tasks that did something meanwhile, by pid.

    ``answers`` tells whether the guest's agent did.
    """

    first: PostMortem
    second: PostMortem
    moving: frozenset[int]
    answers: bool


def look_twice(machine: Machine, pid: int, pids_in: Callable[[str], Iterable[int]]) -> TwoLooks:
    """As ``examine``, twice: what is stuck is where it was, what is only slow has moved.

    ``pids_in`` reads out of backtraces whose they are.
    """
    machine.watch = None
    answers = _answers(machine)
    first = examine(machine, pid if answers else 0)
    pids = sorted({*pids_in(first.backtraces), *([pid] if pid else [])})
    before = _progress_of(machine, pids) if answers else {}
    time.sleep(_BETWEEN_S)
    after = _progress_of(machine, pids) if before else {}
    silent = not first.backtraces.strip()  # and so it would be again
    second = first if silent else examine(machine, pid if answers else 0)
    moving = frozenset(each for each in before if after.get(each, "") != before[each])
    return TwoLooks(first=first, second=second, moving=moving, answers=answers and _answers(machine))


def _answers(machine: Machine) -> bool:
    """Whether the guest's agent does, once the machine has had the host's CPUs for so long."""
    clock, begun, latest = machine.clock.unbounded, machine.clock.unbounded(), time.monotonic() + _STARVED_S
    while True:
        try:
            machine.ping(_AGENT_S)
        except GuestTimeout:
            if clock() - begun >= _AGENT_S or time.monotonic() >= latest:
                return False
        except MachineError:
            return False
        else:
            return True


def _progress_of(machine: Machine, pids: Iterable[int]) -> dict[int, str]:
    """Return what each task has done so far; empty where the guest does not answer."""
    with contextlib.suppress(MachineError):
        lines = machine.ash(_PROGRESS, *map(str, pids), timeout=_LOOK_S).text.splitlines()
        words = [line.partition(" ") for line in lines]
        return {int(pid): did for pid, _, did in words if pid.isdecimal()}
    return {}


def examine(machine: Machine, pid: int = 0) -> PostMortem:
    """Ask a stuck machine for backtraces of all CPUs and blocked tasks, and QEMU for the registers.

    ``pid`` is the guest's process that did not return; its own stack is asked of the agent first, for a task that
    waits interruptibly is not listed as blocked. Whatever cannot be had is left empty: a machine may be beyond
    answering anything.
    """
    start = machine.console.size
    registers = ""
    stacks = _stacks_of(machine, pid) if pid else ""
    with contextlib.suppress(MachineError, OSError):
        registers = machine.qmp.hmp("info registers -a")
        for key in "lw":
            _system_request(machine, key)
            _wait_quiet(machine)
        if machine.console.size == start:
            machine.qmp.command("inject-nmi")
            _wait_quiet(machine)
    return PostMortem(backtraces=stacks + machine.console.text(start), registers=registers)


def _stacks_of(machine: Machine, pid: int) -> str:
    machine.watch = None
    with contextlib.suppress(MachineError):
        result = machine.ash(_STACKS, str(pid), timeout=_LOOK_S)
        return result.text + "\n"
    return ""


def instruction_pointers(registers: str) -> tuple[int, ...]:
    """Return each CPU's instruction pointer out of ``info registers -a``."""
    return tuple(int(match, 16) for match in re.findall(r"\bRIP=([0-9a-f]+)", registers))  # RIP=ffffffff81c0a3fe


def _system_request(machine: Machine, key: str) -> None:
    """Press a key on the console while the guest stands still.

    A byte that the socket of a reader has no room for (some 280 bytes), or that a reader left behind, QEMU logs at each
    of its tries (qemu_chr_write_buffer in chardev/char.c): a guest that prints while we are connected has letters twice
    in its console's log. So nobody is connected while it runs.
    """
    machine.qmp.command("stop")
    try:
        machine.qmp.command("chardev-send-break", {"id": "console"})
        with socket.socket(socket.AF_UNIX) as serial:
            serial.connect(str(machine.files.console))
            serial.sendall(key.encode())
            _wait_taken(serial)
        machine.qmp.command("query-status")  # once its main loop has answered, QEMU has seen us leave
    finally:
        machine.qmp.command("cont")


def _wait_taken(serial: socket.socket) -> None:
    """Wait until QEMU has read what was sent."""
    for _ in Deadline.after(_ANSWER_S).poll(_TAKEN_S, _TAKEN_S):
        if not int.from_bytes(fcntl.ioctl(serial, termios.TIOCOUTQ, bytes(4)), sys.byteorder):
            return


def _wait_quiet(machine: Machine) -> None:
    """Wait until the console has said nothing for a moment."""
    deadline, last = machine.deadline(_ANSWER_S), -1
    for _ in deadline.poll(_QUIET_S, _QUIET_S):
        if machine.console.size == last:
            return
        last = machine.console.size

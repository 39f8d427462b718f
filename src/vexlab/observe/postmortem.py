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
from dataclasses import dataclass

from vexlab.deadline import Deadline
from vexlab.errors import MachineError
from vexlab.vm.machine import Machine

_QUIET_S = 0.3
_ANSWER_S = 3.0
_TAKEN_S = 0.001
_AGENT_S = 2.0

# The kernel stacks (proc(5)) of a process and of its children, each under a heading of ours. A task that runs is left
# to the backtrace of its CPU: the kernel unwinds it from where it last slept, into frames that are gone.
_STACKS = """
for pid in "$1" $(pgrep -P "$1"); do
    grep -q "^State:[[:space:]]*R" "/proc/$pid/status" && continue
    read -r name <"/proc/$pid/comm" && echo "== stack of $pid ($name)" && cat "/proc/$pid/stack"
done
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostMortem:
    """``backtraces`` is what the kernel printed on request, ``registers`` QEMU's view of every CPU."""

    backtraces: str
    registers: str


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
        result = machine.ash(_STACKS, str(pid), timeout=_AGENT_S)
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
    deadline, last = Deadline.after(_ANSWER_S), -1
    for _ in deadline.poll(_QUIET_S, _QUIET_S):
        if machine.console.size == last:
            return
        last = machine.console.size

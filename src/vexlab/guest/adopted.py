"""A booted machine of a user's image made ready for cases, and what of our evidence cannot be had there.

The scripts are those in ``images/guest/own``. The image's own system runs on; nothing of it is ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vexlab.deadline import Deadline
from vexlab.errors import GuestTimeout, MachineError
from vexlab.images.builder import GUEST
from vexlab.vm.adopted import BUSYBOX
from vexlab.vm.machine import Machine
from vexlab.workloads import script

_OWN = GUEST / "own"
_PREPARE_S, _ASK_S, _STATE_S = 600.0, 60.0, 120.0
_CONSOLE_S = 10.0
_STATE = script("system_state.sh")
_UP = ("running", "degraded")
_WORD = "vexlab: this line is on the console"

# What the words of `checks.sh` mean: the part of our evidence that is not to be had.
MEANINGS: Mapping[str, str] = {
    "sysrq": "backtraces on request of a machine that hangs (sysrq)",
    "hung-tasks": "the kernel's hung-task detector",
    "soft-lockups": "the kernel's soft-lockup detector",
    "symbols": "taint flags and log read from memory, without the guest's help",
    "slabinfo": "growth of slab caches (/proc/slabinfo)",
    "slub-debug": "SLUB's checks of each object (slub_debug)",
    "debugfs": "files of debugfs",
    "tracefs": "tracing (tracefs)",
    "kernel-log": "the kernel's log from inside (dmesg)",
    "stacks": "the stack of a task (/proc/PID/stack)",
    "buffers": "buffers kept after unmount (buffer_head): the image's own filesystems have some, too",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacks:
    """What is not as in vexlab's own images: ``observers`` that see nothing, in words, and the taint flags.

    ``supplied`` are the programs that are vexlab's, ``release`` what the kernel says it is.
    """

    observers: tuple[str, ...] = ()
    supplied: tuple[str, ...] = ()
    taint: int = 0
    release: str = ""


def sources() -> str:
    """Return what a machine of a user's image is made by; a change makes another one."""
    return "".join((_OWN / name).read_text() for name in ("prepare.sh", "checks.sh"))


def wait_up(machine: Machine, seconds: float) -> None:
    """Wait until the image's system has come up; raise ``GuestTimeout``."""
    state = ""
    for _ in Deadline.after(seconds).poll(1.0, 3.0):
        said = machine.exec([BUSYBOX, "sh", "-c", _STATE], timeout=_STATE_S).text.split()
        state = said[0] if said else ""
        if state in _UP:
            return
    raise GuestTimeout(f"the image's system is still `{state or 'unknown'}` after {seconds:g} s")


def prepare(machine: Machine) -> Lacks:
    """Give the machine what vexlab's own images have, and try what can be seen of its kernel.

    Raises ``MachineError`` where the console stays silent: nothing could be judged without it.
    """
    prepared = machine.exec([BUSYBOX, "sh", "-c", (_OWN / "prepare.sh").read_text()], timeout=_PREPARE_S)
    if not prepared.ok:
        raise MachineError(f"the image cannot be prepared: {prepared}")
    _prove_console(machine)
    checked = machine.ash((_OWN / "checks.sh").read_text(), timeout=_ASK_S)
    words = checked.text.splitlines()
    facts = dict(word.split(" ", 1) for word in words if " " in word)
    if "taint" not in facts:
        raise MachineError(f"it cannot be told what works in the image: {checked}")
    return Lacks(
        observers=tuple(MEANINGS[word] for word in dict.fromkeys(words) if word in MEANINGS),
        supplied=tuple(prepared.text.split()),
        taint=int(facts["taint"]),
        release=facts.get("release", ""),
    )


def _prove_console(machine: Machine) -> None:
    """Let the kernel print a line and wait until the host has it."""
    machine.exec([BUSYBOX, "sh", "-c", f'echo "<4>{_WORD}" >/dev/kmsg'], timeout=_ASK_S)
    for _ in machine.deadline(_CONSOLE_S).poll(0.05, 0.5):
        if _WORD in machine.console.text():
            return
    raise MachineError(
        "the kernel of the image prints nothing on the serial console, and without that there is no verdict",
        hint="its kernel needs CONFIG_SERIAL_8250_CONSOLE",
    )

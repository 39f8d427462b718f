"""How much processor time a booted kernel takes for what a small shell program asks of it."""

from __future__ import annotations

import re

from vexlab.errors import MachineError
from vexlab.vm.machine import Machine
from vexlab.workloads import script

_TIME = script("time_calls.sh")
_TIMEOUT_S = 60.0
_TIMES_RUN = 3
_TIMES = re.compile(r"(\d+)m(\d+\.\d+)s (\d+)m(\d+\.\d+)s")  # of the shell itself: user space, kernel


def processor_seconds(machine: Machine) -> float:
    """Return the processor time that the program takes, user space and kernel together, in seconds: the least of three.

    What a busy host keeps from a machine counts as processor time there.

    Raises ``MachineError`` where the guest answers otherwise.
    """
    return min(_once(machine) for _ in range(_TIMES_RUN))


def _once(machine: Machine) -> float:
    result = machine.ash(_TIME, timeout=_TIMEOUT_S)
    text = result.stdout.decode(errors="replace")
    found = _TIMES.match(text)
    if result.status or not found:
        raise MachineError(f"the guest does not tell its processor time: {text[:80]!r}")
    minutes, seconds, in_kernel_minutes, in_kernel = map(float, found.groups())
    return 60 * (minutes + in_kernel_minutes) + seconds + in_kernel

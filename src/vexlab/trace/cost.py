"""What a probe costs the guest, measured in that guest: a system call that does nothing, with and without a probe."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from vexlab.errors import MachineError
from vexlab.trace.probes import Probe
from vexlab.trace.program import Plan
from vexlab.vm.machine import Machine

_LOOP_S = 60.0
# The least of some rounds: what disturbs a round only makes it longer.
_LOOP = """
import os, time
def once(n=2000, call=os.getppid):
    begin = time.perf_counter_ns()
    for _ in range(n):
        call()
    return (time.perf_counter_ns() - begin) / n
print(int(min(once() for _ in range(5))))
"""


class Costs:
    """Measures what probes on functions cost: call ``before``, attach a program that is ``calibrated``, call ``after``.

    Where ``plan`` has no probe on a function there is nothing to measure, and it does nothing.
    """

    def __init__(self, machine: Machine, plan: Plan) -> None:
        self._machine = machine
        self._before = 0
        self._after = 0
        self._wanted = plan.calibrated

    def before(self) -> None:
        """Measure the call without a probe."""
        self._before = self._loop()

    def after(self) -> None:
        """Measure the call with the probe."""
        self._after = self._loop()

    def each(self, probes: Sequence[Probe]) -> dict[str, int]:
        """Return ns for each call by the name of its probe; only of probes on functions it is known."""
        cost = max(self._after - self._before, 0) if self._before and self._after else 0
        return {probe.name: cost for probe in probes if probe.kind == "function" and cost}

    def _loop(self) -> int:
        if not self._wanted:
            return 0
        with contextlib.suppress(MachineError, ValueError):
            return int(self._machine.exec(["python3", "-c", _LOOP], timeout=_LOOP_S).text)
        return 0

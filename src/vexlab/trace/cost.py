"""What a probe costs the guest, measured in that guest: a system call that does nothing, with and without a probe."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from vexlab.errors import MachineError
from vexlab.trace.probes import Probe
from vexlab.trace.program import Plan
from vexlab.vm.machine import Machine
from vexlab.workloads import script

_LOOP_S = 60.0
_LOOP = "call_cost.py"


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
            return parse_cost(self._machine.exec(["python3", "-c", script(_LOOP)], timeout=_LOOP_S).text)
        return 0


def parse_cost(text: str) -> int:
    """Return the nanoseconds that the program printed; raise ``ValueError`` where it is no positive number."""
    cost = int(text)
    if cost <= 0:
        raise ValueError(f"a call takes {cost} ns")
    return cost

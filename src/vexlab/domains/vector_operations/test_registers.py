"""The registers of floating point belong to the caller: a kernel that computes with them must save and restore them."""

from __future__ import annotations

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.program import run_program
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import SCRIPTS

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

_PROGRAM = SCRIPTS / "vector_registers.py"


def test_fpu_registers(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """A process that makes a vector call finds in its floating-point registers what it had put there."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    outcome = run_program(mounted.machine, _PROGRAM, mounted.mountpoint, timeout=60)
    assert not outcome.wrong, str(outcome)
    metrics.record("calls_count", outcome.counts["calls"])

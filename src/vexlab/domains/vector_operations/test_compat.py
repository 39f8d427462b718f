"""The calls of VexFS made by a 32-bit program, as a 64-bit kernel sees one: through int 0x80."""

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
    pytest.mark.needs("IA32_EMULATION", mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

_PROGRAM = SCRIPTS / "vector_compat.py"


@pytest.mark.usefixtures("post_checks")
def test_compat_kinds(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """On every kind of file each call says the same to a 32-bit program as to a 64-bit one, and changes nothing."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    outcome = run_program(mounted.machine, _PROGRAM, "kinds", mounted.mountpoint, timeout=60)
    assert not outcome.wrong, str(outcome)
    metrics.record("calls_count", outcome.counts["calls"])


def test_compat_calls(mounted: GuestFilesystem, target: Target) -> None:
    """Every call answers a 32-bit program as it does a 64-bit one: the error, what is returned, and what is stored."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    outcome = run_program(mounted.machine, _PROGRAM, "calls", mounted.mountpoint, timeout=60)
    assert not outcome.wrong, str(outcome)

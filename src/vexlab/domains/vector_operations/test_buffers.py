"""An answer takes no more room than the caller offers: what lies behind it in the caller's memory stays as it is."""

from __future__ import annotations

from pathlib import Path

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

_DIM, _META, _STORED = 5, 40, 3

_BOUNDS = SCRIPTS / "vector_bounds.py"
_EDGES = SCRIPTS / "vector_edges.py"


@pytest.mark.usefixtures("post_checks")
def test_buffer_edges(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """Every buffer may end where the memory ends; with one byte less a call says EFAULT; what it refuses it leaves."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    _run(mounted, _EDGES, metrics)


@pytest.mark.usefixtures("post_checks")
def test_buffer_bounds(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """No call writes more than it says: of metadata, vectors, results and ids, whatever room the caller offers."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    _run(mounted, _BOUNDS, metrics)


def _run(mounted: GuestFilesystem, program: Path, metrics: Metrics) -> None:
    words = (f"{mounted.mountpoint}/collection", str(_DIM), str(_META), str(_STORED))
    outcome = run_program(mounted.machine, program, *words, timeout=60)
    assert not outcome.wrong, str(outcome)
    metrics.record("calls_count", outcome.counts["calls"])

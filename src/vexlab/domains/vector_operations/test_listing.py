"""Listing a collection page by page: with every room, from every start, whatever was deleted, each id exactly once."""

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
]

_PROGRAM = SCRIPTS / "vector_listing.py"
_COUNT = 1500


@pytest.mark.usefixtures("post_checks")
def test_listing(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """Page by page each live id is listed once, in order, however long the pages and whatever lies between."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    outcome = run_program(mounted.machine, _PROGRAM, mounted.mountpoint, str(_COUNT), timeout=240)
    assert not outcome.wrong, str(outcome)
    metrics.record("calls_count", outcome.counts["calls"])

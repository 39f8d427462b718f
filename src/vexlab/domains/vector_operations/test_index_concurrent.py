"""Searching by index while vectors are added and deleted, and the index itself is made anew and taken away."""

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

_SECONDS = 20
_WAIT_S = 200.0

_PROGRAM = SCRIPTS / "index_concurrent.py"


@pytest.mark.usefixtures("indexed", "post_checks")
def test_index_concurrent(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """While the index is made anew, each search finds the vectors that are there, and none that was deleted before."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    words = (f"{mounted.mountpoint}/meanwhile", str(_SECONDS))
    outcome = run_program(mounted.machine, _PROGRAM, *words, timeout=_WAIT_S)
    assert not outcome.wrong, f"while the index is made anew: {outcome}"
    for name in ("add", "delete", "few", "many", "search"):
        assert metrics.record(f"{name}_count", outcome.counts[name]), f"no {name} came to its end"
    metrics.record("without_count", outcome.counts["without"])

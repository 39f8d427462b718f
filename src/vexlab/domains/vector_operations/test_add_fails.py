"""An add that fails in its middle, for whatever reason, has added nothing: no vector, no id, no byte, no block."""

from __future__ import annotations

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.program import run_program
from vexlab.model.machine import Disk
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import SCRIPTS

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.vm(disks=(Disk(serial="scratch", size=64),)),
]

_PROGRAM = SCRIPTS / "vector_failed_adds.py"


@pytest.mark.usefixtures("post_checks")
def test_add_fails(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """An add that fails or is killed in its middle adds nothing and takes no room, and the next one works."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    outcome = run_program(mounted.machine, _PROGRAM, f"{mounted.mountpoint}/adds", timeout=150)
    assert not outcome.wrong, str(outcome)
    metrics.record("ways_count", outcome.counts["ways"])

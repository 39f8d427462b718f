"""Adding vectors with none to three blocks free: all are added or none, whichever allocation fails."""

from __future__ import annotations

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
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

_PROGRAM = SCRIPTS / "vector_last_blocks.py"


# The smallest device that serves, in the guest's memory: it is soon full, and a sync of it is cheap.
_LOOP = "modprobe loop && truncate -s {0}M /tmp/image && losetup --find --show /tmp/image"


def test_last_blocks(filesystem: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """With none to three blocks free an add is done whole or changes nothing: no vector, no size, no block."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    machine = filesystem.machine
    device = machine.shell(_LOOP.format(target.min_disk))
    assert device.ok, f"there is no loop device: {device}"
    small = filesystem.on(device.text)
    made = small.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    mounted = small.mount()
    assert mounted.ok, f"mount failed: {mounted}"
    small.prove()
    post_checks = PostChecks(small)
    outcome = run_program(machine, _PROGRAM, small.mountpoint, timeout=120)
    assert not outcome.wrong, str(outcome)
    metrics.record("done_count", outcome.counts["done"])
    assert metrics.record("refused_count", outcome.counts["refused"]), "with no block free every add succeeded"
    post_checks.kept()
    post_checks.given_back()
    post_checks.let_go()

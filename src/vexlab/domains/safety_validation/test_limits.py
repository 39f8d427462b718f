"""Scenario 6, its last phase: no descriptor, block, inode or memory left. The right error, nothing lost, room again."""

from __future__ import annotations

import pytest

from vexlab.domains.declared import needs_freed_blocks
from vexlab.domains.safety_validation.machines import disks
from vexlab.guest.essentials import LIMITS, found
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.scenario(6),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
]

_SCRIPT = "/tmp/limits.py"


_OF_INODES = pytest.param("inodes", marks=pytest.mark.needs(capabilities="statfs_inodes"))


@pytest.mark.parametrize("resource", ["descriptors", "file_size", "blocks", _OF_INODES, "memory"])
def test_limit(mounted: GuestFilesystem, post_checks: PostChecks, metrics: Metrics, resource: str) -> None:
    """With the resource used up operations fail with the error that says so, nothing is lost, and it works again."""
    machine = mounted.machine
    if resource == "blocks":
        needs_freed_blocks(mounted)
    post_checks.fill(1, 80)
    machine.push(LIMITS, _SCRIPT)
    result = machine.exec(["python3", _SCRIPT, resource, mounted.mountpoint], timeout=240)
    assert not result.signal, f"the program was killed: {result}"
    told = found(result.text)
    if told.skipped:
        pytest.skip(told.skipped)
    assert result.ok, f"the program did not come to its end: {result}"
    assert not told.wrong, "; ".join(told.wrong[:8])
    metrics.record("limit_s", result.duration, better="none")
    post_checks.filled(1)
    post_checks.again()
    post_checks.filled(1)

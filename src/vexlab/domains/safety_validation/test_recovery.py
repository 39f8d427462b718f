"""After the worst it goes on: users killed in the middle of their work, a machine lost and taken up again."""

from __future__ import annotations

import contextlib

import pytest

from vexlab.domains.safety_validation.machines import disks
from vexlab.errors import MachineError
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
]

_KILLED = script("kill_users.sh")


def test_users_killed(mounted: GuestFilesystem, post_checks: PostChecks) -> None:
    """Ten users killed in the middle of their work hold nothing: it unmounts, is consistent, and all is free again."""
    post_checks.fill(1, 80)
    result = mounted.machine.shell(_KILLED, mounted.mountpoint, timeout=120)
    assert result.ok, f"the users cannot be killed: {result}"
    post_checks.filled(1)


def test_machine_restored(mounted: GuestFilesystem, post_checks: PostChecks) -> None:
    """A machine lost in the middle of its work and taken up again from a snapshot works as if nothing had happened."""
    machine = mounted.machine
    post_checks.fill(1, 80)
    machine.snapshot("before")
    point = mounted.mountpoint
    work = f"cp -r {point}/tree1 {point}/copy" if mounted.can("mkdir") else f"cat {point}/* >{point}/copy"
    with contextlib.suppress(MachineError):  # with every process the agent goes, and nothing can be asked any more
        machine.shell(f"{work}; kill -9 -1", timeout=20)
        pytest.fail("the machine still answers")
    machine.restore("before")
    post_checks.filled(1)
    post_checks.fill(2, 40)
    post_checks.filled(2)

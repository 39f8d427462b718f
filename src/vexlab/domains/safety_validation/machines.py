"""The shape of machine that most cases of this domain share, a snapshot of it is made once; and its end."""

from __future__ import annotations

import pytest

from vexlab.errors import TargetFailure
from vexlab.guest.block import device_of
from vexlab.guest.crash import no_journal
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.machine import Disk
from vexlab.model.target import Target
from vexlab.plugin.fixtures import PowerCycle

IMAGES = 10
_SMALL_MIB = 64


def disks(target: Target) -> tuple[Disk, ...]:
    """Return the disks: a small empty one, and one that holds ten images of the smallest size side by side."""
    return (
        Disk(serial="scratch", size=max(target.min_disk, _SMALL_MIB)),
        Disk(serial="room", size=target.min_disk * IMAGES),
    )


def begin(filesystem: GuestFilesystem) -> None:
    """Make and mount a filesystem that is to recover from a power cut; skip the case where it does not promise to."""
    if reason := no_journal(filesystem.target):
        pytest.skip(f"{filesystem.target.name} does not promise to recover: {reason}")
    made = filesystem.mkfs()
    if not made.ok:
        raise TargetFailure(f"mkfs failed: {made}")
    mounted = filesystem.mount()
    if not mounted.ok:
        raise TargetFailure(f"mount failed: {mounted}")
    filesystem.prove()


def without_power(filesystem: GuestFilesystem, power_cycle: PowerCycle) -> GuestFilesystem:
    """Cut the power, and return the filesystem as the machine that follows finds it, not mounted."""
    fresh = power_cycle(filesystem.machine)
    return filesystem.on(device_of(fresh, "scratch"), machine=fresh)

"""The shape of machine that most cases of this domain share, a snapshot of it is made once; and its end."""

from __future__ import annotations

from vexlab.guest.block import device_of
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.machine import Disk
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Successor

IMAGES = 10
_SMALL_MIB = 64


def disks(target: Target) -> tuple[Disk, ...]:
    """Return the disks: a small empty one, and one that holds ten images of the smallest size side by side."""
    return (
        Disk(serial="scratch", size=max(target.min_disk, _SMALL_MIB)),
        Disk(serial="room", size=target.min_disk * IMAGES),
    )


def without_power(filesystem: GuestFilesystem, successor: Successor) -> GuestFilesystem:
    """Cut the power, and return the filesystem as the machine that follows finds it, not mounted."""
    fresh = successor(filesystem.machine)
    return GuestFilesystem(fresh, filesystem.target, device_of(fresh, "scratch"), filesystem.mountpoint)

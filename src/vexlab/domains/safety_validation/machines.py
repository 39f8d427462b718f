"""The shape of machine that most cases of this domain share: a snapshot of it is made once."""

from __future__ import annotations

from vexlab.model.machine import Disk
from vexlab.model.target import Target

IMAGES = 10
_SMALL_MIB = 64


def disks(target: Target) -> tuple[Disk, ...]:
    """Return the disks: a small empty one, and one that holds ten images of the smallest size side by side."""
    return (
        Disk(serial="scratch", size=max(target.min_disk, _SMALL_MIB)),
        Disk(serial="room", size=target.min_disk * IMAGES),
    )

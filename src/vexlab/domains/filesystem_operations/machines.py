"""The shape of machine that most cases of this domain share: a snapshot of it is made once."""

from __future__ import annotations

from vexlab.model.machine import Disk
from vexlab.model.target import Target

_SMALL_MIB = 64
_WIDE_MIB = 4 << 10
_LARGE_MIB = 20 << 10


def disks(target: Target) -> tuple[Disk, ...]:
    """Return the disks: the empty one, the smallest that serves, 100 MiB, large sectors, one for ext4, two large."""
    return (
        Disk(serial="scratch", size=200 if target.min_disk <= 200 else target.min_disk),
        Disk(serial="tiny", size=target.min_disk),
        Disk(serial="small", size=max(target.min_disk, _SMALL_MIB)),
        Disk(serial="plain", size=100),
        Disk(serial="sectors", size=max(target.min_disk, _SMALL_MIB), sector=4096),
        Disk(serial="reference", size=256),
        Disk(serial="wide", size=_WIDE_MIB),
        Disk(serial="large", size=_LARGE_MIB),
    )

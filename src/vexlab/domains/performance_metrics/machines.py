"""The shape of machine that all cases of this domain share: a snapshot of it is made once."""

from __future__ import annotations

from vexlab.model.machine import Disk
from vexlab.model.target import Target

# From 512 MiB on mke2fs makes blocks of 4 KiB (mke2fs.conf(5)). More memory than the cases make dirty, so that no
# writer is held back.
_DISK_MIB = 512
MACHINE_MIB = 512


def disks(target: Target) -> tuple[Disk, ...]:
    """Return the disks: two of one size, for the target and for the reference."""
    size = max(target.min_disk, _DISK_MIB)
    return (Disk(serial="scratch", size=size), Disk(serial="reference", size=size))


SHAPE = {"disks": disks, "recipe": "tools", "memory": MACHINE_MIB}

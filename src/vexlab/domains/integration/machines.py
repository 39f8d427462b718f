"""The shape of machine that all cases of this domain share: a snapshot of it is made once."""

from __future__ import annotations

import pytest

from vexlab.model.machine import Disk
from vexlab.model.target import Target

_ROOM_MIB = 400  # a database, a repository or fio's files, with their copies
_SECOND_MIB = 128


def disks(target: Target) -> tuple[Disk, ...]:
    """Return the disks: the one that most cases use, and another to mount beside it."""
    return (
        Disk(serial="scratch", size=max(target.min_disk, _ROOM_MIB)),
        Disk(serial="second", size=max(target.min_disk, _SECOND_MIB)),
    )


MACHINE = pytest.mark.vm(recipe="tools", memory=384, disks=disks)

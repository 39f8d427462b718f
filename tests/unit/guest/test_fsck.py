"""A check of a filesystem that failed is told by what is wrong, not by how far the checker came."""

from __future__ import annotations

import pytest

from vexlab.guest.fsck import complained, complaint
from vexlab.model.machine import CommandResult

VEXFS = """\
Inode 8255: 3 links by its count, 2 in fact
/dev/vdc: has errors, 0 files, 1 directories, 9 of 90 blocks used"""
E2FSCK = """\
Pass 1: Checking inodes, blocks, and sizes
Pass 2: Checking directory structure
Pass 4: Checking reference counts
Inode 13 ref count is 3, should be 2.  Fix? no

/dev/vdc: ********** WARNING: Filesystem still has errors **********"""
XFS_REPAIR = """\
Phase 1 - find and verify superblock...
Phase 2 - using internal log
        - zero log...
would have reset inode 131 nlinks from 1 to 2
No modify flag set, skipping filesystem flush and exiting."""
FSCK_FAT = """\
fsck.fat 4.2 (2021-01-31)
There are differences between boot sector and its backup."""


@pytest.mark.parametrize(
    ("printed", "first"),
    [
        (VEXFS, "Inode 8255: 3 links by its count, 2 in fact"),
        (E2FSCK, "Inode 13 ref count is 3, should be 2. Fix? no"),
        (XFS_REPAIR, "would have reset inode 131 nlinks from 1 to 2"),
        (FSCK_FAT, "There are differences between boot sector and its backup."),
        ("Pass 1: Checking inodes", ""),
        ("", ""),
        ("x" * 1000, "x" * 157 + "..."),
    ],
)
def test_the_first_complaint(printed: str, first: str) -> None:
    assert complaint(printed) == first


def test_words_hold_the_cause_and_the_end() -> None:
    printed = b"Inode 12 has no name\n/dev/vdc: has errors, 0 files\n"
    checked = CommandResult(
        argv=("fsck.vexfs", "-n", "/dev/vdc"), status=4, signal=0, stdout=printed, stderr=b"", duration=0.1
    )
    assert complained(checked) == f"Inode 12 has no name; {checked}"
    alone = CommandResult(argv=("fsck",), status=8, signal=0, stdout=b"", stderr=b"no such device\n", duration=0.1)
    assert complained(alone) == str(alone)

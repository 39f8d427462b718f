"""What POSIX and Linux promise of each operation, family by family: one fresh machine and one command for each."""

from __future__ import annotations

import pytest

from vexlab.domains.filesystem_operations.families import (
    FAMILIES,
    Say,
    run_family,
    run_kept,
)
from vexlab.errors import MachineError
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.plugin.fixtures import Another, Metrics, SubResults

pytestmark = [pytest.mark.domain("filesystem_operations"), pytest.mark.level(1), pytest.mark.needs(mkfs=True)]

_QUICK = ("io", "rename")
_AT_ONCE = ("race", "lock", "readdir", "append", "mmap")  # with threads or processes that must really run at once
# Files of others: whatever a check does, these must stay as they are.
_BYSTANDERS = """
mkdir {0}/bystanders {0}/work && fstree fill 20 60 {0}/bystanders >/tmp/bystanders.manifest
"""

_MOVES = (
    "rename.directory_moves",
    "rename.directory_replaces_empty",
    "rename.exchange_across_depths",
    "rename.exchange_directories",
    "rename.exchange_empty_directories",
    "rename.exchange_file_and_directory",
    "rename.exchange_with_others",
    "rename.over_empty_elsewhere",
    "rename.rotation",
)


def _case(family: str) -> object:
    marks = [pytest.mark.quick] if family in _QUICK else []
    marks.append(pytest.mark.single_thread_tcg(yes=family not in _AT_ONCE))
    return pytest.param(family, marks=marks, id=family)


def _folder(mounted: GuestFilesystem, *, flat: bool) -> str:
    """Make the files of others; return where the checks are to run: where there are no folders, in the root, alone."""
    if flat:
        return mounted.mountpoint
    made = mounted.machine.ash(_BYSTANDERS.format(mounted.mountpoint))
    assert made.ok, f"the files of others cannot be made: {made}"
    return f"{mounted.mountpoint}/work"


@pytest.mark.parametrize("family", [_case(family) for family in FAMILIES])
def test_family(
    mounted: GuestFilesystem,
    another: Another,
    post_checks: PostChecks,
    family: str,
    metrics: Metrics,
    subresults: SubResults,
    step: Say,
) -> None:
    """Every check of the family passes or is refused as declared, and the files of others are not touched."""
    flat = not mounted.can("mkdir", "rmdir")

    def fresh(error: MachineError) -> tuple[GuestFilesystem, str]:
        other = another(error)
        post_checks.follow(other)
        return other, _folder(other, flat=flat)

    run_family(mounted, family, _folder(mounted, flat=flat), metrics, subresults, step, fresh=fresh)
    if flat:
        return
    post_checks.compare("/tmp/bystanders.manifest", f"{post_checks.filesystem.mountpoint}/bystanders")


@pytest.mark.single_thread_tcg
@pytest.mark.usefixtures("post_checks")
def test_moved_directories(mounted: GuestFilesystem, metrics: Metrics, subresults: SubResults, step: Say) -> None:
    """Directories that were moved and exchanged are consistent on the disk, and the same after unmount and mount."""
    run_kept(mounted, _MOVES, mounted.mountpoint, metrics, subresults, step)

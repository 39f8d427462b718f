"""What filesystems at their beginning get wrong: each alone on an empty filesystem, with no other work before it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vexlab.domains.declared import needs_freed_blocks
from vexlab.domains.filesystem_operations.machines import disks
from vexlab.errors import TargetFailure
from vexlab.guest.block import device_of
from vexlab.guest.essentials import CHECKS, ESSENTIALS, found
from vexlab.guest.fsck import complained
from vexlab.guest.klog import explained
from vexlab.guest.mount import GuestFilesystem

pytestmark = [
    pytest.mark.domain("filesystem_operations"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
    pytest.mark.single_thread_tcg,
]

_SCRIPT = "/tmp/essentials.py"
_STEP_S = 120.0
_SHOWN = 6
_OVERWRITE = "overwrite_when_full"  # in [refuses]
# Where not on the usual device: on a small one, which is soon full, and on one of 4 GiB, where far out is far out.
_DEVICES = {"truncate_full": "tiny", "far_sizes": "wide"}


def _case(check: str) -> object:
    return pytest.param(check, marks=pytest.mark.needs(capabilities=CHECKS[check]))


@pytest.mark.parametrize("check", map(_case, CHECKS))
def test_essential(filesystem: GuestFilesystem, step: Callable[[str], None], check: str) -> None:
    """Appending, writing nothing, cutting, freeing, a full device and far sizes: each has its effect and no other."""
    if check == "truncate_full":
        needs_freed_blocks(filesystem)
    if check in _DEVICES:
        filesystem = filesystem.on(device_of(filesystem.machine, _DEVICES[check]))
    machine = filesystem.machine
    for does, words in ((filesystem.mkfs, "mkfs failed"), (filesystem.mount, "mount failed")):
        done = does()
        assert done.ok, f"{words}: {done}"
    filesystem.prove()
    machine.push(ESSENTIALS, _SCRIPT)
    step(f"in the check {check}")
    when_full = "refuses" if _OVERWRITE in dict(filesystem.target.refuses) else "writes"
    result = machine.exec(["python3", _SCRIPT, check, filesystem.mountpoint, when_full], timeout=_STEP_S)
    told = found(result.text)
    if told.skipped:
        pytest.skip(told.skipped)
    if not result.ok or told.wrong:
        said = "; ".join(told.wrong[:_SHOWN]) or f"the check did not come to its end: {result}"
        target = filesystem.target
        raise TargetFailure(explained(said, machine.console.text(), target.module, target.fstype))
    step("")
    unmounted = filesystem.unmount()
    assert unmounted.ok, f"it does not unmount: {unmounted}"
    if filesystem.target.fsck:
        checked = filesystem.fsck()
        assert checked.ok, f"it is not consistent: {complained(checked)}"

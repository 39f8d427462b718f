"""The machine's power is cut after blocks have changed hands: each file has its own data, before and after."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.domains.declared import needs_freed_blocks
from vexlab.domains.safety_validation.machines import begin, disks, without_power
from vexlab.guest.fsck import complained
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.program import put
from vexlab.model.machine import CommandResult
from vexlab.plugin.fixtures import PowerCycle
from vexlab.workloads import SCRIPTS

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
]

_STEP_S = 120.0

_REUSE = SCRIPTS / "reuse_blocks.py"
_REUSED = SCRIPTS / "read_reused.py"
_ROOM = 3 << 20
_LEAST_REUSED = _ROOM - (512 << 10)  # the folders take more than what may be missing
_RELEASE = SCRIPTS / "release_blocks.py"
_RELEASED = SCRIPTS / "read_released.py"
_RELEASED_SIZE = 2 << 20


def _run(filesystem: GuestFilesystem, program: Path, *words: str) -> CommandResult:
    argv = ["python3", put(filesystem.machine, program), filesystem.mountpoint, *words]
    return filesystem.machine.exec(argv, timeout=_STEP_S)


def _may_skip(written: CommandResult) -> None:
    """Skip the case where its script says that it cannot be done, and why."""
    if written.text.startswith("skip: "):
        pytest.skip(written.text.removeprefix("skip: "))


@pytest.mark.needs(capabilities="mkdir rmdir unlink")
def test_reused_blocks(filesystem: GuestFilesystem, power_cycle: PowerCycle) -> None:
    """A file that took the blocks of folders, and was synced, holds its data after a power cut, not their names."""
    needs_freed_blocks(filesystem)
    begin(filesystem)
    written = _run(filesystem, _REUSE, str(_ROOM))
    assert written.ok, f"blocks cannot be used again: {written.error_text.strip().rpartition(chr(10))[2]}"
    _may_skip(written)
    filesystem = without_power(filesystem, power_cycle)
    mounted = filesystem.mount()
    assert mounted.ok, f"after a power cut it does not mount: {mounted}"
    filesystem.prove()
    told = _run(filesystem, _REUSED)
    assert told.ok, f"the file cannot be read after the power cut: {told}"
    assert int(written.text) > _LEAST_REUSED, f"the file got {written.text} bytes: too few to be where the folders were"
    assert told.text == written.text, f"{written.text} bytes were synced; after the power cut: {told.text}"
    assert filesystem.unmount().ok
    if filesystem.target.fsck:
        checked = filesystem.fsck()
        assert checked.ok, f"it is not consistent after recovery: {complained(checked)}"


@pytest.mark.needs(capabilities="unlink")
def test_freed_blocks(filesystem: GuestFilesystem, power_cycle: PowerCycle) -> None:
    """A file whose removal the power cut undoes has its own data, whoever wanted its blocks in the meantime."""
    needs_freed_blocks(filesystem)
    begin(filesystem)
    written = _run(filesystem, _RELEASE, str(_RELEASED_SIZE))
    assert written.ok, f"files cannot be removed and written: {written.error_text.strip().rpartition(chr(10))[2]}"
    _may_skip(written)
    filesystem = without_power(filesystem, power_cycle)
    mounted = filesystem.mount()
    assert mounted.ok, f"after a power cut it does not mount: {mounted}"
    filesystem.prove()
    told = _run(filesystem, _RELEASED, str(_RELEASED_SIZE))
    assert told.ok, f"the files cannot be read after the power cut: {told}"
    assert not told.text, f"after the power cut files have the data of others: {told.text}"
    assert filesystem.unmount().ok

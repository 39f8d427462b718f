"""The machine's power is cut after blocks have changed hands: each file has its own data, before and after."""

from __future__ import annotations

import pytest

from vexlab.domains.safety_validation.machines import begin, disks, without_power
from vexlab.guest.fsck import complained
from vexlab.guest.mount import GuestFilesystem
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
_REUSED = r"""
cd {0} && python3 - <<'END'
from room import Large
line = b"of a file\n" * 25 + b"12345\n"
data = b"".join(open(path, "rb").read() for path in Large("reused", 1 << 50).find().paths())
wrong = [at for at in range(0, len(data), 4096) if data[at:at + 4096] != (line * 16)[:len(data) - at]]
print(len(data), *(["wrong", len(wrong), "first", wrong[0], data[wrong[0]:wrong[0] + 40]] if wrong else []))
END
"""
_ROOM = 3 << 20
_LEAST_REUSED = _ROOM - (512 << 10)  # the folders take more than what may be missing
_RELEASE = SCRIPTS / "release_blocks.py"
_RELEASED = r"""
cd {0} && python3 - <<'END'
import os
from room import Large
for name in ("removed", "cut", "replaced", "full"):
    for path in Large(name, 1 << 50 if name == "full" else {1}).find().paths():
        size = os.path.getsize(path)
        own = f"{{name:15}}\n".encode() * 256
        with open(path, "rb") as file:
            for at in range(0, size, 4096):
                data = file.read(4096)
                if name == "replaced" and size == 4096 and data.startswith(b"short"):
                    own = data[:16] * 256
                if data != own[:size - at]:
                    print(f"{{path}}, at {{at}} of {{size}}: {{data[:40]}}")
                    break
END
"""
_RELEASED_SIZE = 2 << 20


def _may_skip(written: CommandResult) -> None:
    """Skip the case where its script says that it cannot be done, and why."""
    if written.text.startswith("skip: "):
        pytest.skip(written.text.removeprefix("skip: "))


@pytest.mark.needs(capabilities="mkdir rmdir unlink")
def test_reused_blocks(filesystem: GuestFilesystem, power_cycle: PowerCycle) -> None:
    """A file that took the blocks of folders, and was synced, holds its data after a power cut, not their names."""
    begin(filesystem)
    filesystem.machine.push(_REUSE, "/tmp/reuse.py")
    written = filesystem.machine.exec(["python3", "/tmp/reuse.py", filesystem.mountpoint, str(_ROOM)], timeout=_STEP_S)
    assert written.ok, f"blocks cannot be used again: {written.error_text.strip().rpartition(chr(10))[2]}"
    _may_skip(written)
    filesystem = without_power(filesystem, power_cycle)
    mounted = filesystem.mount()
    assert mounted.ok, f"after a power cut it does not mount: {mounted}"
    filesystem.prove()
    told = filesystem.machine.shell(_REUSED.format(filesystem.mountpoint), timeout=_STEP_S)
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
    begin(filesystem)
    filesystem.machine.push(_RELEASE, "/tmp/release.py")
    argv = ["python3", "/tmp/release.py", filesystem.mountpoint, str(_RELEASED_SIZE)]
    written = filesystem.machine.exec(argv, timeout=_STEP_S)
    assert written.ok, f"files cannot be removed and written: {written.error_text.strip().rpartition(chr(10))[2]}"
    _may_skip(written)
    filesystem = without_power(filesystem, power_cycle)
    mounted = filesystem.mount()
    assert mounted.ok, f"after a power cut it does not mount: {mounted}"
    filesystem.prove()
    told = filesystem.machine.shell(_RELEASED.format(filesystem.mountpoint, _RELEASED_SIZE), timeout=_STEP_S)
    assert told.ok, f"the files cannot be read after the power cut: {told}"
    assert not told.text, f"after the power cut files have the data of others: {told.text}"
    assert filesystem.unmount().ok

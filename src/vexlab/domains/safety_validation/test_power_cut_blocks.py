"""The machine's power is cut after blocks have changed hands: each file has its own data, before and after."""

from __future__ import annotations

import pytest

from vexlab.domains.safety_validation.machines import begin, disks, without_power
from vexlab.guest.mount import GuestFilesystem
from vexlab.plugin.fixtures import PowerCycle

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
]

_STEP_S = 120.0

# All but some room is taken. Folders take of it, go, and a file gets all their blocks, each step on the disk before the
# next: whoever replays a journal must not put names into the file. Prints the file's size. The room is a file's that
# goes, since not every filesystem can say beforehand what is free (Btrfs's statfs(2) guesses; there folders and files
# share no blocks anyway).
_REUSE = r"""
import errno, glob, os, shutil, sys

ROOM = int(sys.argv[2])
os.chdir(sys.argv[1])

def put(name, line, most):
    # writes `most` bytes, or until nothing more can be written
    size = 0
    with open(name, "wb", buffering=0) as file:
        try:
            while size < most:
                size += file.write(line * (4096 // len(line)))
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        os.fsync(file.fileno())
    return size

def perhaps(change, *value):
    # changes an attribute of the folder and each file, or of half of them where it is removed
    names = ["few", *glob.glob("few/*name")]
    for name in names[::1 if value else 2]:
        try:
            change(name, "user.long", *value)
        except OSError:
            pass

put("room", b"nothing but room\n" * 15 + b"\n", ROOM)
put("full", b"nothing but room\n" * 15 + b"\n", 1 << 50)
os.unlink("room")
os.sync()
for turn in range(3):
    if turn:
        os.unlink("reused")
        os.sync()
    for folder in range(20):
        os.makedirs(f"folders/{folder}")
        for name in range(60):
            os.symlink("somewhere", f"folders/{folder}/{name:02}{'name' * 50}")
    shutil.rmtree("folders")
    os.sync()
    # So little that the journal still holds it all when the power is cut: what is large makes it write to the places.
    os.mkdir("few")
    for name in range(20):
        open(f"few/{name:02}{'name' * 50}", "w").close()
        os.symlink("target" * 100, f"few/link{name}")
    put("few/mapped", b"x" * 4096, 200_000)
    perhaps(os.setxattr, b"attribute" * 30)
    os.sync()
    perhaps(os.removexattr)
    os.sync()
    shutil.rmtree("few")
    os.sync()
    size = put("reused", b"of a file\n" * 25 + b"12345\n", 1 << 50)
    os.fsync(os.open(".", os.O_RDONLY))
print(size)
"""
_REUSED = r"""
cd {0} && python3 - <<'END'
line = b"of a file\n" * 25 + b"12345\n"
data = open("reused", "rb").read()
wrong = [at for at in range(0, len(data), 4096) if data[at:at + 4096] != (line * 16)[:len(data) - at]]
print(len(data), *(["wrong", len(wrong), "first", wrong[0], data[wrong[0]:wrong[0] + 40]] if wrong else []))
END
"""
_ROOM = 3 << 20
_LEAST_REUSED = _ROOM - (512 << 10)  # the folders take more than what may be missing
# Nearly all room is taken. Three files go, each its own way, and before that can be on the disk (sync_file_range(2)
# writes data and commits nothing) another file's data is: were the power cut now, the three would be back.
_RELEASE = r"""
import ctypes, errno, os, sys

SIZE = int(sys.argv[2])
WAIT_AND_WRITE = 7
os.chdir(sys.argv[1])

def put(name, most):
    with open(name, "wb", buffering=0) as file:
        try:
            for _ in range(most // 4096):
                file.write(f"{name:15}\n".encode() * 256)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        if name == "late":
            ctypes.CDLL(None, use_errno=True).sync_file_range(
                file.fileno(), ctypes.c_long(0), ctypes.c_long(0), WAIT_AND_WRITE)
        return file.tell()

for name in ("removed", "cut", "replaced"):
    assert put(name, SIZE) == SIZE, name
put("short", 4096)
put("full", 1 << 50)
os.sync()
os.unlink("removed")
os.truncate("cut", 0)
os.replace("short", "replaced")
print(put("late", 3 * SIZE), flush=True)
"""
_RELEASED = r"""
cd {0} && python3 - <<'END'
import os
for name in ("removed", "cut", "replaced", "full"):
    if not os.path.exists(name):
        continue
    size = os.path.getsize(name)
    own = f"{{'short' if name == 'replaced' and size == 4096 else name:15}}\n".encode() * 256
    with open(name, "rb") as file:
        for at in range(0, size, 4096):
            data = file.read(4096)
            if data != own[:size - at]:
                print(f"{{name}}, at {{at}} of {{size}}: {{data[:40]}}")
                break
END
"""
_RELEASED_SIZE = 2 << 20


def test_reused_blocks(filesystem: GuestFilesystem, power_cycle: PowerCycle) -> None:
    """A file that took the blocks of folders, and was synced, holds its data after a power cut, not their names."""
    begin(filesystem)
    filesystem.machine.push(_REUSE.encode(), "/tmp/reuse.py")
    written = filesystem.machine.exec(["python3", "/tmp/reuse.py", filesystem.mountpoint, str(_ROOM)], timeout=_STEP_S)
    assert written.ok, f"blocks cannot be used again: {written.error_text.strip().rpartition(chr(10))[2]}"
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
        assert checked.ok, f"it is not consistent after recovery: {checked}"


def test_freed_blocks(filesystem: GuestFilesystem, power_cycle: PowerCycle) -> None:
    """A file whose removal the power cut undoes has its own data, whoever wanted its blocks in the meantime."""
    begin(filesystem)
    filesystem.machine.push(_RELEASE.encode(), "/tmp/release.py")
    argv = ["python3", "/tmp/release.py", filesystem.mountpoint, str(_RELEASED_SIZE)]
    written = filesystem.machine.exec(argv, timeout=_STEP_S)
    assert written.ok, f"files cannot be removed and written: {written.error_text.strip().rpartition(chr(10))[2]}"
    filesystem = without_power(filesystem, power_cycle)
    mounted = filesystem.mount()
    assert mounted.ok, f"after a power cut it does not mount: {mounted}"
    filesystem.prove()
    told = filesystem.machine.shell(_RELEASED.format(filesystem.mountpoint), timeout=_STEP_S)
    assert told.ok, f"the files cannot be read after the power cut: {told}"
    assert not told.text, f"after the power cut files have the data of others: {told.text}"
    assert filesystem.unmount().ok

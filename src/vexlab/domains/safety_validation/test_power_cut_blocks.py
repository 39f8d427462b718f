"""The machine's power is cut after blocks have changed hands: each file has its own data, before and after."""

from __future__ import annotations

import pytest

from vexlab.domains.safety_validation.machines import begin, disks, without_power
from vexlab.guest.fsck import complained
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.machine import CommandResult
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
from capable import can, entries, within
from room import Large

ROOM = int(sys.argv[2])
os.chdir(sys.argv[1])
MOST = 1 << 50
# Where a folder takes few names there are more folders.
NAMES = entries(60, 202)
FOLDERS = within("dir_entries", 20 * 60 // NAMES)

def put(name, line, most):
    # writes `most` bytes, or until nothing more can be written
    large = Large(name, most)
    try:
        while large.size < most:
            large.write(line * (4096 // len(line)))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    large.sync()
    return large

def name_it(path):
    # a name that takes room in its folder: of a link where there are any
    folder, _, name = path.rpartition("/")
    path = f"{folder}/{name[:within('name_max', 255)]}"
    if can("symlink"):
        os.symlink("somewhere", path)
    else:
        os.close(os.open(path, os.O_CREAT))

def perhaps(change, *value):
    # changes an attribute of the folder and each file, or of half of them where it is removed
    names = ["few", *glob.glob("few/*name")]
    for name in names[::1 if value else 2]:
        try:
            change(name, "user.long", *value)
        except OSError:
            pass

if not Large("full", MOST).fills():
    sys.exit(print("skip: as many files as there may be, each as large as it may be, do not fill the device") or 0)
room = put("room", b"nothing but room\n" * 15 + b"\n", ROOM)
put("full", b"nothing but room\n" * 15 + b"\n", MOST)
room.remove()
os.sync()
for turn in range(3):
    if turn:
        reused.remove()
        os.sync()
    for folder in range(FOLDERS):
        os.makedirs(f"folders/{folder}")
        for name in range(NAMES):
            name_it(f"folders/{folder}/{name:02}{'name' * 50}")
    shutil.rmtree("folders")
    os.sync()
    # So little that the journal still holds it all when the power is cut: what is large makes it write to the places.
    os.mkdir("few")
    for name in range(min(20, NAMES // 2)):
        open(f"few/{name:02}{'name' * 50}"[:4 + within("name_max", 255)], "w").close()
        if can("symlink"):
            os.symlink(("target" * 100)[:within("symlink_max", 600)], f"few/link{name}")
    put("few/mapped", b"x" * 4096, 200_000)
    if can("xattr"):
        perhaps(os.setxattr, (b"attribute" * 30)[:within("xattr_value_max", 270)])
        os.sync()
        perhaps(os.removexattr)
    os.sync()
    shutil.rmtree("few")
    os.sync()
    reused = put("reused", b"of a file\n" * 25 + b"12345\n", MOST)
    if can("fsync"):
        os.fsync(os.open(".", os.O_RDONLY))
    else:
        os.sync()
print(reused.size)
"""
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
# Nearly all room is taken. Three files go, each its own way, and before that can be on the disk (sync_file_range(2)
# writes data and commits nothing) another file's data is: were the power cut now, the three would be back.
_RELEASE = r"""
import ctypes, errno, os, sys
from capable import can
from room import Large

SIZE = int(sys.argv[2])
WAIT_AND_WRITE = 7
os.chdir(sys.argv[1])

def written(path):
    fd = os.open(path, os.O_RDWR)
    ctypes.CDLL(None, use_errno=True).sync_file_range(fd, ctypes.c_long(0), ctypes.c_long(0), WAIT_AND_WRITE)
    os.close(fd)

def put(name, most):
    large = Large(name, most)
    try:
        for _ in range(most // 4096):
            large.write(f"{name:15}\n".encode() * 256)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    large.close()
    if name == "late":
        for path in large.paths():
            written(path)
    return large

if not Large("full", 1 << 50).fills():
    sys.exit(print("skip: as many files as there may be, each as large as it may be, do not fill the device") or 0)
removed, cut, replaced = (put(name, SIZE) for name in ("removed", "cut", "replaced"))
for large in (removed, cut, replaced):
    assert large.size == SIZE, large.name
over = can("rename", "rename_over")
if over:
    shorts = [put(f"short{number}", 4096) for number, _ in enumerate(replaced.paths())]
put("full", 1 << 50)
os.sync()
removed.remove()
if can("truncate_down"):
    for path in cut.paths():
        os.truncate(path, 0)
else:
    cut.remove()
if over:
    for short, path in zip(shorts, replaced.paths()):
        os.replace(short.name, path)
else:
    replaced.remove()
print(put("late", 3 * SIZE).size, flush=True)
"""
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
    filesystem.machine.push(_REUSE.encode(), "/tmp/reuse.py")
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
    filesystem.machine.push(_RELEASE.encode(), "/tmp/release.py")
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

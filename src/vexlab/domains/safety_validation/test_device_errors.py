"""A device that fails: who waits for his data is told so, nothing wrong is read, and all that was kept comes back.

Device-mapper's `flakey` and `error` (Documentation/admin-guide/device-mapper) stand under the filesystem in a device
that is exchanged while it is mounted.
"""

from __future__ import annotations

import json

import pytest

from vexlab.domains.safety_validation.machines import disks
from vexlab.guest.crash import no_journal
from vexlab.guest.fsck import complained
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.program import put
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine
from vexlab.workloads import SCRIPTS, script

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.needs("DM_FLAKEY", mkfs=True),
    pytest.mark.vm(disks=disks),
    pytest.mark.single_thread_tcg,
]

_NAME = "vexlab-fails"
_DEVICE = f"/dev/mapper/{_NAME}"
_STEP_S = 90.0
_NEW_NAME = "fsync of a folder with a new name"
_KEPT = "/tmp/kept.manifest"
_SOUND = "linear {device} 0"
# For an hour after no sound second at all: reading works, every write fails.
_NO_WRITES = "flakey {device} 0 0 3600 1 error_writes"
_NOTHING = "error"

_LOCATE = SCRIPTS / "locate_writes.py"

_WRITER = (SCRIPTS / "write_failing.sh", SCRIPTS / "failing_writes.py")  # and what it runs


_READER = SCRIPTS / "compare_files.py"


_NOT_WRITTEN = script("files_not_written.sh")


def _table(machine: Machine, filesystem: GuestFilesystem, target: str) -> str:
    size = machine.exec(["blockdev", "--getsz", filesystem.device]).text.strip()
    return f"echo '0 {size} {target.replace('{device}', filesystem.device)}'"


def _exchange(table: str) -> str:
    """Return the commands that put what ``table`` prints under what is mounted, without freezing it or its writes."""
    return (
        f"{table} >/tmp/table && dmsetup suspend --nolockfs --noflush {_NAME} && dmsetup load {_NAME} /tmp/table "
        f"&& dmsetup resume {_NAME} || exit"
    )


def _on_top(filesystem: GuestFilesystem) -> GuestFilesystem:
    """Return the filesystem made and mounted on a device that can be exchanged, with a tree in it that is on disk."""
    machine = filesystem.machine
    made = machine.shell(
        f"modprobe dm_flakey && {_table(machine, filesystem, _SOUND)} | dmsetup create {_NAME} && dmsetup mknodes",
        timeout=_STEP_S,
    )
    assert made.ok, f"the device that is to fail cannot be made: {made}"
    top = filesystem.on(_DEVICE)
    assert top.mkfs().ok
    assert top.mount().ok
    make = f"mkdir {_kept(top)} && " if top.can("mkdir") else ""
    filled = machine.shell(f"{make}fstree fill 3 150 {_kept(top)} >{_KEPT} && sync", timeout=_STEP_S)
    assert filled.ok, f"the tree cannot be made: {filled}"
    return top


def _kept(top: GuestFilesystem) -> str:
    """Return the folder of the tree: the only one, where no other can be made."""
    return f"{top.mountpoint}/kept" if top.can("mkdir") else top.mountpoint


def _back(top: GuestFilesystem, filesystem: GuestFilesystem) -> None:
    """Assert that with a sound device it unmounts, mounts, holds the tree, and is consistent."""
    machine = top.machine
    sound = machine.shell(_exchange(_table(machine, filesystem, _SOUND)), timeout=_STEP_S)
    assert sound.ok, f"the device cannot be made sound again: {sound}"
    if top.entry():
        unmounted = top.unmount(timeout=_STEP_S)
        assert unmounted.ok, f"after the device's errors it does not unmount: {unmounted}"
    mounted = top.mount()
    assert mounted.ok, f"with the device sound again it does not mount: {mounted}"
    top.prove()
    others = [] if top.can("mkdir") else ["--own", "s3."]
    kept = machine.exec(["fstree", "verify", *others, _KEPT, _kept(top)], timeout=_STEP_S)
    assert kept.ok, f"what was on the disk before its errors is not as it was: {kept.text[:600]}"
    more = "mkdir later && seq 999 >later/file" if top.can("mkdir") else "seq 999 >later"
    used = machine.shell(f"cd {top.mountpoint} && {more} && sync", timeout=_STEP_S)
    assert used.ok, f"it cannot be written to again: {used}"
    assert top.unmount().ok
    if top.target.fsck and not no_journal(top.target):  # who needs fsck after a crash may need it after errors, too
        checked = top.fsck()
        assert checked.ok, f"it is not consistent: {complained(checked)}"
    removed = machine.exec(["dmsetup", "remove", "--retry", _NAME], timeout=_STEP_S)
    assert removed.ok, f"the device is still in use: {removed}"


@pytest.mark.parametrize("where", ["everywhere", "data"])
def test_write_errors(filesystem: GuestFilesystem, metrics: Metrics, where: str) -> None:
    """While a device fails, each way to wait for data says so; with the device sound again all is there."""
    machine, top = filesystem.machine, _on_top(filesystem)
    device = filesystem.device
    located = f"dd if={device} bs=1M iflag=direct status=none | python3 {put(machine, _LOCATE)} {device}"
    table = located if where == "data" else _table(machine, filesystem, _NO_WRITES)
    argv = ["bash", put(machine, *_WRITER), top.mountpoint, where, _exchange(table)]
    done = machine.exec(argv, timeout=_STEP_S)
    assert done.ok, f"the writer did not come to its end: {done}"
    rows = {row["name"]: row["got"] for row in map(json.loads, done.text.splitlines())}
    metrics.record("ways_count", len(rows))
    name = rows.pop(_NEW_NAME)
    assert rows, "there is no way to wait for data"
    silent = [way for way, got in rows.items() if got == "OK"]
    elsewhere = where == "data" and len(silent) == len(rows)
    assert not silent or elsewhere, f"no data could be written, and no error from: {', '.join(silent)}"
    if where == "data":
        assert name == "OK", f"only some files' data cannot be written, and a new name cannot be made: {name}"
    else:
        assert name != "OK", f"nothing could be written, and no error from: {_NEW_NAME}"
    if elsewhere:  # what is not on the disk yet comes too late
        assert machine.shell(_exchange(_table(machine, filesystem, _NOTHING)), timeout=_STEP_S).ok
        top.unmount(timeout=_STEP_S)
    _back(top, filesystem)
    if elsewhere:
        assert filesystem.mount().ok
        lost = machine.shell(_NOT_WRITTEN, filesystem.mountpoint, timeout=_STEP_S)
        assert lost.ok, f"the files cannot be read: {lost}"
        assert not lost.text, f"no data could be written, no error was told, and the files are as before: {lost.text}"
        pytest.skip("what is changed is written elsewhere, where the device is sound: a log, or copies on write")


def test_read_errors(filesystem: GuestFilesystem, metrics: Metrics) -> None:
    """While nothing can be read it says errors and no wrong bytes, and unmounts; with the device sound all is there."""
    machine, top = filesystem.machine, _on_top(filesystem)
    reader = ["python3", put(machine, _READER), top.mountpoint, "/tmp/notes.json"]
    noted = machine.exec(reader, timeout=_STEP_S)
    assert noted.ok, f"the sound device cannot be read: {noted}"
    assert top.unmount().ok
    assert top.mount().ok
    assert machine.exec(["ls", "-lR", top.mountpoint], timeout=_STEP_S).ok  # names are in memory now, and no data
    assert machine.shell(_exchange(_table(machine, filesystem, _NOTHING)), timeout=_STEP_S).ok
    read = machine.exec(reader, timeout=_STEP_S)
    assert read.ok, f"the reader did not come to its end: {read}"
    told = json.loads(read.text)
    metrics.record("unreadable_count", told["failed"])
    assert not told["wrong"], f"the device gives nothing, and wrong bytes were read from {told['wrong'][0]}"
    assert told["failed"], (
        f"the device gives nothing, no error is told, and {told['read']} of {told['noted']} files read"
    )
    unmounted = top.unmount(timeout=_STEP_S)
    assert unmounted.ok, f"it does not unmount while the device fails: {unmounted}"
    assert not top.mount().ok, "it mounts from a device that gives nothing"
    _back(top, filesystem)

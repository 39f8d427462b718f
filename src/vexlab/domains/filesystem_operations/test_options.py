"""The filesystem's own mount options, and the numbers it shows of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import pytest

from vexlab.domains.filesystem_operations.machines import disks
from vexlab.guest.block import device_of
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.files import BUSYBOX
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("filesystem_operations"),
    pytest.mark.level(1),
    pytest.mark.vm(disks=disks),
    pytest.mark.single_thread_tcg,
]

_NONSENSE = "vexlab-no-such-value"
_STATFS = "stat -f -c '%b %f %c %d' {0}"
_FOLDERS, _FILES = 3, 50
_NOUGHT = (("errors", 0), ("pending", 0))  # of a sound filesystem after sync

# Of each file the times that are kept, in the words of stat(1); and in seconds, of which so many may be one.
_KEPT_TIMES = (("atime", "%x", "%X"), ("mtime", "%y", "%Y"), ("ctime", "%z", "%Z"))
_COARSE = "awk '{{ for (i = 2; i <= NF; i++) $i -= $i % {0}; print }}'"
_CHANGE_TIMES = script("change_times.sh")
# An inode leaves memory when its pages have: the first time the last to hold it lets go, the second it is evicted.
_EVICT = "echo 3 >/proc/sys/vm/drop_caches && sync && echo 3 >/proc/sys/vm/drop_caches"

_READ_MEANWHILE = script("read_statistics.sh")


def _shown(filesystem: GuestFilesystem, name: str) -> list[str]:
    """Return what the mount shows of the option ``name``: nothing, or ``["name=value"]``."""
    entry = filesystem.entry()
    assert entry, "it is not mounted"
    return [word for word in entry.options.split(",") if word.partition("=")[0] == name]


def _remount(filesystem: GuestFilesystem, *options: str) -> bool:
    words = ",".join(("remount", *filesystem.target.mount_options, *options))
    argv = [BUSYBOX, "mount", "-o", words, filesystem.device, filesystem.mountpoint]
    return filesystem.machine.exec(argv, timeout=60).ok


@pytest.mark.needs(mkfs=True, options=True)
def test_mount_options(filesystem: GuestFilesystem) -> None:
    """Each declared value of a mount option is taken, shown and changed by a remount; no other value is."""
    assert filesystem.mkfs().ok
    for name, values in filesystem.target.options:
        shown = {value: _mounted_with(filesystem, name, value) for value in values}
        hidden = [value for value in values if not shown[value]]
        assert len(hidden) <= 1, f"mounted with {name}={' or '.join(hidden)} it does not show which"
        if filesystem.can("remount_rw"):
            _remounted_with(filesystem, name, values, shown)
        for wrong in (f"{name}={_NONSENSE}", name):
            assert not filesystem.mount(wrong).ok, f"{wrong} is not refused"


@pytest.mark.needs(mkfs=True)
def test_lazytime(filesystem: GuestFilesystem) -> None:
    """Mounted with lazytime it writes times when it likes, but at the latest when an inode leaves memory."""
    machine, target, point = filesystem.machine, filesystem.target, filesystem.mountpoint
    grain = _grain(filesystem)
    tell = _tell_times(filesystem, grain)
    options = ",".join((*target.mount_options, "lazytime", "strictatime"))  # busybox's mount does not know lazytime
    assert filesystem.mkfs().ok
    for leaving in (_EVICT, "true"):
        mounted = machine.exec(["mount", "-i", "-o", options, "-t", target.fstype, filesystem.device, point])
        assert mounted.ok, f"it does not mount with lazytime: {mounted}"
        filesystem.prove()
        assert _shown(filesystem, "lazytime"), "mounted with lazytime it shows none"
        changed = machine.shell(_CHANGE_TIMES, point, str(grain), tell, timeout=60 + grain)
        assert changed.ok, f"reading and writing do not change the times: {changed}"
        told = machine.shell(f"{leaving} && {tell}", timeout=60)
        assert told.text == changed.text, f"with lazytime the times were {changed.text}, read anew {told.text}"
        assert filesystem.unmount().ok
        assert filesystem.mount().ok
        told = machine.shell(tell, timeout=60)
        assert told.text == changed.text, f"with lazytime the times were {changed.text}, mounted again {told.text}"
        assert filesystem.unmount().ok


def _remounted_with(
    filesystem: GuestFilesystem, name: str, values: Sequence[str], shown: Mapping[str, list[str]]
) -> None:
    """Assert that remounts keep the option's value, change it to each other declared one, and to none else."""
    for value in values:
        assert filesystem.mount(f"{name}={value}").ok
        assert _remount(filesystem), f"no remount that leaves {name}={value} as it is"
        words = _shown(filesystem, name)
        assert words == shown[value], f"mounted with {name}={value}, remounted without {name}, it shows {words}"
        for other in (*values, value):
            assert _remount(filesystem, f"{name}={other}"), f"no remount from {name}={value} to {other}"
            words = _shown(filesystem, name)
            assert words == shown[other], f"remounted with {name}={other} it shows {words}"
        for wrong in (f"{name}={_NONSENSE}", f"{name}={value}{_NONSENSE}", f"{_NONSENSE}=1"):
            assert not _remount(filesystem, wrong), f"a remount with {wrong} is not refused"
            words = _shown(filesystem, name)
            assert words == shown[value], f"after the refused remount with {wrong} it shows {words}"
        assert filesystem.unmount().ok


def _grain(filesystem: GuestFilesystem) -> int:
    """Return the whole seconds in which it keeps times; 1 where they are finer."""
    limit = filesystem.profile.limit("time_granularity") if filesystem.profile else None
    return max(-(-(limit or 1) // 1_000_000_000), 1)


def _tell_times(filesystem: GuestFilesystem, grain: int) -> str:
    """Return the command that prints the times of all files, as exactly as the filesystem keeps them."""
    words = " ".join(whole if grain > 1 else exact for name, exact, whole in _KEPT_TIMES if filesystem.can(name))
    command = f"stat -c '%n {words}' {filesystem.mountpoint}/*"
    return f"{command} | {_COARSE.format(grain)}" if grain > 1 else command


def _mounted_with(filesystem: GuestFilesystem, name: str, value: str) -> list[str]:
    mounted = filesystem.mount(f"{name}={value}")
    assert mounted.ok, f"{name}={value} is refused: {mounted}"
    filesystem.prove()
    words = _shown(filesystem, name)
    assert words in ([], [f"{name}={value}"]), f"mounted with {name}={value} it shows {words}"
    assert filesystem.unmount().ok
    return words


def _numbers(filesystem: GuestFilesystem) -> dict[str, int]:
    name = PurePosixPath(filesystem.device).name
    numbers = {}
    for key, file in filesystem.target.statistics:
        read = filesystem.machine.exec(["cat", file.replace("{name}", name)], timeout=30)
        assert read.ok, f"{key} cannot be read: {read}"
        assert read.text.strip().isdecimal(), f"{key} shows no number: {read.text[:100]!r}"
        numbers[key] = int(read.text)
    return numbers


def _agree(filesystem: GuestFilesystem) -> dict[str, int]:
    """Assert that the numbers are what statfs says, and return them."""
    synced = filesystem.machine.shell("sync; sync", timeout=60)
    assert synced.ok, str(synced)
    told = filesystem.machine.shell(_STATFS.format(filesystem.mountpoint), timeout=30)
    blocks, free, inodes, free_inodes = map(int, told.text.split())
    numbers = _numbers(filesystem)
    for key, expected in (("free_blocks", free), ("inodes", inodes), ("free_inodes", free_inodes), *_NOUGHT):
        assert numbers.get(key, expected) == expected, f"{key} shows {numbers[key]}, not {expected}"
    assert numbers.get("blocks", blocks) >= blocks, f"blocks shows {numbers['blocks']}, and statfs has {blocks}"
    return numbers


@pytest.mark.needs(mkfs=True, statistics=True, capabilities="create unlink")
def test_statistics(mounted: GuestFilesystem, post_checks: PostChecks) -> None:
    """The numbers it shows are those of statfs and of what was done, each device's its own, and go with the mount."""
    other = mounted.on(device_of(mounted.machine, "small"), "/mnt/other")
    assert mounted.machine.exec(["mkdir", "-p", other.mountpoint]).ok
    assert other.mkfs().ok
    assert other.mount().ok
    before, beside = _agree(mounted), _agree(other)
    files = mounted.within("dir_entries", 2 * _FILES) // 2
    long = mounted.within("file_size", 48888)
    work = f"touch $(seq -f f%g {files}) && seq 9999 | head -c {long} >f1"
    folders = _FOLDERS if mounted.can("mkdir", "rmdir") else 0
    work = f"cd {mounted.mountpoint} && {f'mkdir $(seq -f d%g {folders}) && ' if folders else ''}{work}"
    assert mounted.machine.shell(work, timeout=60).ok
    after = _agree(mounted)
    for key, change in (("directories", folders), ("free_inodes", -folders - files), ("mounts", 0), ("blocks", 0)):
        assert after.get(key, 0) == before.get(key, -change) + change, (
            f"{key}: {before.get(key)}, then {after.get(key)}"
        )
    post_checks.again()
    anew = _agree(mounted)
    for key in ("directories", "free_inodes", "free_blocks"):
        assert anew.get(key) == after.get(key), f"{key}: {after.get(key)}, and mounted anew {anew.get(key)}"
    assert _agree(other) == beside, "what was done to one device changed the numbers of the other"
    remove = "rmdir d* && rm f*" if folders else "rm f*"
    assert mounted.machine.shell(f"cd {mounted.mountpoint} && {remove}", timeout=60).ok
    gone = _agree(mounted)
    for key in ("directories", "free_inodes"):
        assert gone.get(key) == before.get(key), f"{key}: {before.get(key)}, and when all is removed {gone.get(key)}"
    post_checks.again()
    again = _agree(mounted)
    assert again.get("mounts", 1) > before.get("mounts", 0), f"mounts stays at {again.get('mounts')}"
    assert other.unmount().ok
    name = PurePosixPath(other.device).name
    left = [file.replace("{name}", name) for _, file in mounted.target.statistics]
    assert not mounted.machine.shell(f"ls -d {' '.join(left)} 2>/dev/null", timeout=30).text, "files stay after unmount"
    _agree(mounted)


@pytest.mark.needs(mkfs=True, statistics=True)
@pytest.mark.single_thread_tcg(yes=False)
def test_statistics_concurrent(filesystem: GuestFilesystem, metrics: Metrics) -> None:
    """Its numbers are read without end while it is mounted and unmounted forty times, and nothing gets in the way."""
    assert filesystem.mkfs().ok
    name = PurePosixPath(filesystem.device).name
    files = [PurePosixPath(file.replace("{name}", name)) for _, file in filesystem.target.statistics]
    options = ("-o", ",".join(filesystem.target.mount_options)) if filesystem.target.mount_options else ()
    folders = " ".join(sorted({f"{file.parent}/*" for file in files}))
    words = (folders, filesystem.device, filesystem.mountpoint, "-t", filesystem.target.fstype, *options)
    done = filesystem.machine.shell(_READ_MEANWHILE, *words, timeout=180)
    assert done.ok, str(done)
    assert not done.text, done.text
    metrics.record("cycles_s", done.duration)
    assert filesystem.mount().ok
    _agree(filesystem)

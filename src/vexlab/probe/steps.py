"""What is probed from outside: mkfs, mounts, devices, power cuts. A table of steps; each answers for one capability.

To add one, write a function that takes the bench and returns a ``Capability``, and add a line to ``STEPS``. A machine
that dies or hangs in it, and what its kernel says, are taken care of around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from vexlab.errors import TargetFailure
from vexlab.guest.block import sectors_written
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.capabilities import CAPABILITIES
from vexlab.model.machine import CommandResult, errno_name
from vexlab.model.profile import Capability, State, unknown
from vexlab.probe.bench import PROGRAM, STEP_S, Bench, demand
from vexlab.workloads import script

SMALLEST = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)  # MiB
_ODD_BYTES = 3 * 512  # over a whole number of blocks of 4 KiB
_NONSENSE = "vexlab_nonsense"
_MODPROBE_LOOP = "[ -e /dev/loop-control ] || exec modprobe loop"
# touch: /mnt/test/x: Read-only file system
_TOUCH = 'echo x >"$1/$2"'
_SYNC = "sync"
_FREED = script("count_freed.sh")
_FREED_FILES, _FREED_BYTES = 32, 16384  # small enough for a directory of one block, and files of direct blocks
_FREED_S = 5  # as long as the post checks wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """``ask`` finds out the capability ``name``; what ``needs`` names must work for it."""

    name: str
    ask: Callable[[Bench], Capability]
    needs: tuple[str, ...] = ("mount",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    whole: bool
    wrong: str
    file: str


def works(name: str, *, limit: int | None = None, errno: str = "", detail: str = "") -> Capability:
    """Return a capability that works."""
    return Capability(name=name, state=State.WORKS, limit=limit, errno=errno, detail=detail)


def broken(name: str, detail: str, trigger: str = "", *, deadly: bool = False) -> Capability:
    """Return a capability that is broken; ``deadly`` where the kernel crashed or hung."""
    return Capability(name=name, state=State.BROKEN, detail=detail, trigger=trigger, deadly=deadly)


def refused(name: str, detail: str, trigger: str = "", errno: str = "") -> Capability:
    """Return a capability that the filesystem has not got."""
    allowed = not errno or errno in CAPABILITIES[name].errnos
    return Capability(name=name, state=State.REFUSED, errno=errno, allowed=allowed, detail=detail, trigger=trigger)


def _mkfs(bench: Bench) -> Capability:
    result = bench.filesystem.mkfs(timeout=STEP_S)
    return works("mkfs") if result.ok else broken("mkfs", result.said, result.command)


def _fsck(bench: Bench) -> Capability:
    if not bench.target.fsck:
        return refused("fsck", "the target names none")
    result = bench.made().fsck(timeout=STEP_S)
    return works("fsck") if result.ok else broken("fsck", str(result), result.command)


def _mount(bench: Bench) -> Capability:
    bench.mounted()
    bench.unmounted()
    return works("mount")


def _unknown_options(bench: Bench) -> Capability:
    filesystem = bench.made()
    result = filesystem.mount(_NONSENSE, timeout=STEP_S)
    if not result.ok:
        return works("unknown_options")
    demand(filesystem.unmount(timeout=STEP_S), "unmount")
    return refused("unknown_options", "it mounts", result.command)


def _survives_unmount(bench: Bench) -> Capability:
    _put(bench.mounted())
    wrong = _remounted(bench.unmounted, bench)
    return broken("survives_unmount", wrong, "write, umount, mount, read") if wrong else works("survives_unmount")


def _remount_ro(bench: Bench) -> Capability:
    filesystem = bench.mounted()
    result = filesystem.mount("remount", "ro", timeout=STEP_S)
    if not result.ok:
        return refused("remount_ro", result.said, result.command, errno_name(result.said))
    made = _touch(filesystem, "ro")
    if made.ok or errno_name(made.said) != "EROFS":
        return broken("remount_ro", f"a file can be made then: {made}" if made.ok else made.said, result.command)
    return works("remount_ro")


def _remount_rw(bench: Bench) -> Capability:
    filesystem = bench.mounted()
    demand(filesystem.mount("remount", "ro", timeout=STEP_S), "remounting read-only")
    result = filesystem.mount("remount", "rw", timeout=STEP_S)
    if not result.ok:
        return refused("remount_rw", result.said, result.command, errno_name(result.said))
    made = _touch(filesystem, "rw")
    return works("remount_rw") if made.ok else broken("remount_rw", made.said, result.command)


def _readonly_mount(bench: Bench) -> Capability:
    filesystem = bench.made()
    before = sectors_written(bench.machine, filesystem.device)
    result = bench.try_mount("ro")
    if not result.ok:
        return refused("readonly_mount", result.said, result.command, errno_name(result.said))
    bench.machine.ash('ls -lR "$1"', filesystem.mountpoint)
    made = _touch(filesystem, "ro")
    if made.ok:
        return broken("readonly_mount", "a file can be made", "mount -o ro")
    bench.unmounted()
    written = sectors_written(bench.machine, filesystem.device) - before
    if written:
        return refused("readonly_mount", f"{written} sectors are written", "mount -o ro, umount")
    return works("readonly_mount")


def _survives_power_cut(bench: Bench) -> Capability:
    trigger = "write, sync, cut the power, mount, read"
    bench.remake()
    _put(bench.mounted())
    demand(bench.machine.ash(_SYNC, timeout=STEP_S), "sync")
    wrong = _remounted(bench.cut_power, bench)
    if wrong:
        bench.remake()  # it may not mount again
    return broken("survives_power_cut", wrong, trigger) if wrong else works("survives_power_cut")


def _freed_blocks(bench: Bench) -> Capability:
    """Whether blocks of removed files come back: half of them at least, for directories and inodes may keep some."""
    filesystem = bench.mounted()
    words = (filesystem.mountpoint, str(_FREED_FILES), str(_FREED_BYTES), str(_FREED_S))
    result = bench.machine.ash(_FREED, *words, timeout=STEP_S)
    demand(result, "making and removing files")
    numbers = result.text.split()
    if len(numbers) != 3 or not all(each.isdecimal() for each in numbers):
        raise TargetFailure(f"it cannot be told how many blocks are free: {result}")
    before, made, after = map(int, numbers)
    taken, gone = before - made, before - after
    if taken <= 0:  # a log may count its blocks by the segment
        return unknown("freed_blocks", f"{_FREED_FILES} files of {_FREED_BYTES} bytes take no blocks in statfs")
    if 2 * gone <= taken:
        return works("freed_blocks")
    wrong = f"{_FREED_FILES} files took {taken} blocks; they were removed, and {gone} are not free after {_FREED_S} s"
    return broken("freed_blocks", wrong, "write, sync, rm, sync, statfs")


def _odd_device(bench: Bench) -> Capability:
    result = _on_loop(bench, (bench.target.min_disk << 20) + _ODD_BYTES, 512)
    return _judged_device("odd_device", result)


def _sector_4096(bench: Bench) -> Capability:
    return _judged_device("sector_4096", _on_loop(bench, bench.target.min_disk << 20, 4096))


def _smallest_device(bench: Bench) -> Capability:
    last = ""
    for size in sorted({*SMALLEST, bench.target.min_disk}):
        result = _on_loop(bench, size << 20, 512)
        if result.ok:
            return works("smallest_device", limit=size, errno=errno_name(last), detail=last)
        last = f"{size} MiB: {result.said}"
    return Capability(name="smallest_device", state=State.UNKNOWN, detail=last)


def _judged_device(name: str, result: CommandResult) -> Capability:
    return works(name) if result.ok else refused(name, str(result), result.command)


def _on_loop(bench: Bench, size: int, sector: int) -> CommandResult:
    """Make, mount and unmount the target on a loop device; the first command that failed, else the last."""
    disk = bench.filesystem.device
    bench.unmake()
    bench.load()
    demand(bench.machine.ash(_MODPROBE_LOOP), "modprobe loop")
    made = bench.machine.exec([PROGRAM, "loop", disk, str(size), str(sector)])
    demand(made, "making a loop device")
    filesystem = bench.on(made.text.strip())
    # Not GuestFilesystem.mkfs, which takes a usage line for a wrong target.toml: mkfs.xfs prints one at a small device.
    argv = [word.replace("{device}", filesystem.device) for word in bench.target.mkfs]
    result = bench.machine.exec(argv, timeout=STEP_S)
    if result.ok:
        result = filesystem.mount(timeout=STEP_S)
    if result.ok:
        result = filesystem.unmount(timeout=STEP_S)
    bench.machine.exec([PROGRAM, "unloop", filesystem.device])
    return result


def _touch(filesystem: GuestFilesystem, name: str) -> CommandResult:
    return filesystem.machine.ash(_TOUCH, filesystem.mountpoint, name)


def _put(filesystem: GuestFilesystem) -> None:
    if wrong := _files(filesystem, "put"):
        raise TargetFailure(f"files cannot be made: {wrong}")


def _remounted(leave: Callable[[], None], bench: Bench) -> str:
    """Return what is wrong with the files once ``leave`` ended the mount and it is mounted again, or ``""``."""
    try:
        leave()
        filesystem = bench.mounted()
    except TargetFailure as failure:
        return str(failure)
    return _files(filesystem, "look")


def _files(filesystem: GuestFilesystem, verb: str) -> str:
    """Return what is wrong with the files of ``fsprobe put``, or ``""``."""
    result = filesystem.machine.exec([PROGRAM, verb, filesystem.mountpoint], timeout=STEP_S)
    try:
        said = msgspec.json.decode(result.stdout, type=_Files)
    except (msgspec.DecodeError, UnicodeError):
        return str(result)
    return "" if said.whole else f"{said.file}: {said.wrong}"


STEPS = (
    Step(name="mkfs", ask=_mkfs, needs=()),
    Step(name="fsck", ask=_fsck, needs=("mkfs",)),
    Step(name="mount", ask=_mount, needs=("mkfs",)),
    Step(name="unknown_options", ask=_unknown_options),
    Step(name="remount_ro", ask=_remount_ro),
    Step(name="remount_rw", ask=_remount_rw, needs=("mount", "remount_ro")),
    Step(name="readonly_mount", ask=_readonly_mount),
    Step(name="survives_unmount", ask=_survives_unmount),
    Step(name="freed_blocks", ask=_freed_blocks),
    Step(name="survives_power_cut", ask=_survives_power_cut),
    Step(name="odd_device", ask=_odd_device),
    Step(name="sector_4096", ask=_sector_4096),
    Step(name="smallest_device", ask=_smallest_device),
)

"""Frozen, the device is at rest: nothing is written, who would write waits, and a copy of it is whole."""

from __future__ import annotations

import pytest

from vexlab.domains.filesystem_operations.machines import disks
from vexlab.guest.block import device_of, sectors_written
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("filesystem_operations"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
    pytest.mark.single_thread_tcg,
]

_STEP_S = 60.0
_READ_ONLY = "frozen_read_only"  # in [refuses]: why a copy of the frozen device needs a device to write to

_FREEZE = script("hold_and_freeze.sh")
_OVERWRITE = script("overwrite_in_place.sh")
_AT_REST = script("read_everything.sh")
# What changes a filesystem, each by another call, with what it needs; done in a folder that holds what
# prepare_writers.sh made.
_WRITERS = {
    "making a file": ("touch made", ""),
    "making a folder": ("mkdir folder", "mkdir"),
    "making a link": ("ln other link", "link"),
    "making a symlink": ("ln -s other symlink", "symlink"),
    "writing": ("printf x | dd of=written conv=notrunc status=none", ""),
    "appending": ("echo more >>appended", "append"),
    "cutting": ("python3 -c 'import os; os.truncate(\"cut\", 5)'", "truncate_down"),
    "storing through a mapping": (
        """python3 -c 'import mmap
with open("mapped", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory: memory[0] = 120'""",
        "mmap_write",
    ),
    "renaming": ("mv old new", "rename"),
    "removing": ("rm gone", "unlink"),
    "removing a folder": ("rmdir emptied", "mkdir rmdir"),
    "changing a mode": ("chmod 600 changed", "chmod"),
    "changing times": ("touch -d 2001-01-01 dated", "utimes"),
    "setting an attribute": ("setfattr -n user.x -v y named", "xattr"),
}
_VECTOR_WRITERS = {
    "adding a vector": "vexctl add vectors 1 2 >/dev/null",
    "deleting a vector": "vexctl delete others 1 >/dev/null",
    "making a collection": "vexctl create collection --dim 2",
}
_PREPARE = script("prepare_writers.sh")
_WRITE = script("write_frozen.sh")
# Whoever has a removed file open last frees it, which is a change as well. Journals commit every 5 s.
_LET_GO = "kill $(cat /tmp/holder) && sleep 6"
_THAW = script("thaw.sh")


@pytest.fixture
def small(machine: Machine, filesystem: GuestFilesystem) -> GuestFilesystem:
    """Return a filesystem, not made yet, on a device that is soon copied."""
    return filesystem.on(device_of(machine, "small"))


@pytest.mark.needs(capabilities="freeze")
def test_frozen(small: GuestFilesystem, metrics: Metrics) -> None:
    """Frozen, it writes nothing and lets writers wait; a copy made meanwhile mounts and holds everything."""
    machine, point = small.machine, small.mountpoint
    assert small.mkfs().ok
    assert small.mount().ok
    small.prove()
    post_checks = PostChecks(small)
    post_checks.fill(9, 120)
    prepared = machine.shell(_PREPARE, point, timeout=_STEP_S)
    assert prepared.ok, f"what the writers are to change cannot be made: {prepared}"
    frozen = machine.shell(_FREEZE, point, timeout=_STEP_S)
    assert frozen.ok, f"it does not freeze: {frozen}"
    metrics.record("freeze_s", frozen.duration)
    copy = _copied_at_rest(small)
    _writers_wait(small, metrics)
    post_checks.filled(9)
    _let_go_at_rest(small)
    assert small.unmount().ok
    post_checks.consistent()
    if _READ_ONLY not in dict(copy.target.refuses):
        _whole_read_only(copy)
    _whole(copy)


def _writers_wait(small: GuestFilesystem, metrics: Metrics) -> None:
    """Begin every writer, thaw, and assert that each had to wait for it, and was done then."""
    machine, target = small.machine, small.target
    writers = {name: command for name, (command, needs) in _WRITERS.items() if small.can(*needs.split())}
    if target.vectors == "vexctl":
        writers |= _VECTOR_WRITERS
    machine.push(b"".join(command.encode() + b"\0" for command in writers.values()), "/tmp/commands")
    done = machine.shell(_WRITE, small.mountpoint, timeout=2 * _STEP_S)
    assert done.ok, f"it does not thaw: {done}"
    early, _, late = done.text.partition("thawed")
    waiting, *done_early = map(int, early.split())
    names = list(writers)
    metrics.record("writers_count", len(names))
    hasty = [names[number] for number in done_early]
    assert not hasty, f"done while it was frozen: {', '.join(hasty)}"
    assert waiting >= len(names), f"only {waiting} of {len(names)} writers came to wait for the thaw"
    missing = [name for number, name in enumerate(names) if str(number) not in late.split()]
    assert not missing, f"not done 20 s after the thaw: {', '.join(missing)}"


def _let_go_at_rest(small: GuestFilesystem) -> None:
    """Freeze once more, end who has a removed file open, and assert that its blocks are not freed before the thaw."""
    machine = small.machine
    frozen = machine.exec(["fsfreeze", "--freeze", small.mountpoint], timeout=_STEP_S)
    assert frozen.ok, f"it does not freeze a second time: {frozen}"
    before = sectors_written(machine, small.device)
    let_go = machine.shell(_LET_GO, timeout=_STEP_S)
    assert let_go.ok, f"nobody had the removed file open any more: {let_go}"
    written = sectors_written(machine, small.device) - before
    thawed = machine.shell(_THAW, small.mountpoint, timeout=_STEP_S)
    assert thawed.ok, str(thawed)
    assert not written, f"{written} sectors were written when a removed file was closed while nothing may be"


@pytest.mark.needs(capabilities="remount_ro")
def test_remounted_readonly(small: GuestFilesystem) -> None:
    """Remounted read-only, it writes nothing more; a copy made then mounts, also read-only, and holds everything."""
    assert small.mkfs().ok
    assert small.mount().ok
    small.prove()
    post_checks = PostChecks(small)
    post_checks.fill(9, 120)
    overwritten = small.machine.shell(_OVERWRITE, small.mountpoint, timeout=_STEP_S)
    assert overwritten.ok, str(overwritten)
    read_only = small.machine.exec(["busybox", "mount", "-o", "remount,ro", small.mountpoint], timeout=_STEP_S)
    assert read_only.ok, f"it cannot be remounted read-only: {read_only}"
    copy = _copied_at_rest(small)
    assert small.unmount().ok
    post_checks.consistent()
    _whole_read_only(copy)
    _whole(copy)
    assert copy.mount().ok
    sums = copy.machine.shell(f"sha1sum <{copy.mountpoint}/overwritten", timeout=_STEP_S)
    assert sums.text == overwritten.text, "what was overwritten before the remount is not in the copy"
    assert copy.unmount().ok


def _copied_at_rest(small: GuestFilesystem) -> GuestFilesystem:
    """Assert that nothing is written for some seconds, and return the filesystem on a copy of the device."""
    machine = small.machine
    before = sectors_written(machine, small.device)
    rest = machine.shell(_AT_REST, small.mountpoint, timeout=_STEP_S)
    assert rest.ok, rest.text
    written = sectors_written(machine, small.device) - before
    assert not written, f"{written} sectors were written while nothing may be"
    copy = small.on(device_of(machine, "scratch"))
    copied = machine.exec(
        ["dd", f"if={small.device}", f"of={copy.device}", "bs=1M", "iflag=direct", "oflag=direct"], timeout=120
    )
    assert copied.ok, str(copied)
    return copy


def _whole_read_only(copy: GuestFilesystem) -> None:
    """Assert that the copy of a device at rest mounts where nothing can be written, and holds the tree."""
    assert copy.machine.exec(["blockdev", "--setro", copy.device]).ok
    mounted = copy.mount("ro")
    assert mounted.ok, f"the copy does not mount from a device that is read-only: {mounted}"
    PostChecks(copy).filled(9)
    assert copy.unmount().ok
    assert copy.machine.exec(["blockdev", "--setrw", copy.device]).ok


def _whole(copy: GuestFilesystem) -> None:
    """Assert that the copy of a device at rest mounts, and holds the tree, also mounted anew."""
    mounted = copy.mount()
    assert mounted.ok, f"the copy of the device at rest does not mount: {mounted}"
    copy.prove()
    post_checks = PostChecks(copy)
    post_checks.filled(9)
    post_checks.again()
    post_checks.filled(9)
    assert copy.unmount().ok

"""Devices of every shape: tiny, of an odd size, with large sectors, behind a loop device, foreign, and full."""

from __future__ import annotations

import itertools

import pytest

from vexlab.domains.filesystem_operations.families import Say, run_family, run_kept
from vexlab.domains.filesystem_operations.machines import disks
from vexlab.guest.block import device_of, sectors_written
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.guest.program import put, run_program
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics, SubResults
from vexlab.vm.machine import Machine
from vexlab.workloads import SCRIPTS

pytestmark = [
    pytest.mark.domain("filesystem_operations"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
    pytest.mark.single_thread_tcg,
]

_LARGE_SECTORS = pytest.mark.needs(capabilities="sector_4096")
_USE_UP_S = 240.0
_OWN = 0.1  # of a large device: for maps, inodes and the journal
_LEFT = 0.06  # of all: for what a filesystem keeps for itself
_WHOLE = 1 << 30  # bytes of a file that takes a whole device
_MOST_INODES = 20_000  # that are worth the time
_AVAILABLE = "stat -f -c %a {0}"
_ODD_BYTES = 7 * 512 + 3 * 1024 * 1024  # over the smallest size: no whole number of blocks of 4 KiB

_FAR_FOLDER = (SCRIPTS / "far_folder.sh", SCRIPTS / "take_first.py")  # and what it runs
_SPREAD = SCRIPTS / "spread_files.py"
_TAKE_BLOCKS, _TAKE_INODES = SCRIPTS / "take_blocks.py", SCRIPTS / "take_inodes.py"
# A loop device of so many bytes on a file in the guest's memory.
_LOOP = """
modprobe loop && truncate -s {size} /tmp/image && losetup --find --show {options} /tmp/image
"""


def _on(filesystem: GuestFilesystem, device: str) -> GuestFilesystem:
    """Make and mount the target on another device."""
    other = filesystem.on(device)
    made = other.mkfs()
    assert made.ok, f"mkfs failed on {device}: {made}"
    mounted = other.mount()
    assert mounted.ok, f"mount failed on {device}: {mounted}"
    other.prove()
    return other


def _use(filesystem: GuestFilesystem, *, count: int = 120) -> None:
    """Fill, run the post checks, and see that the device was not used beyond its end."""
    post_checks = PostChecks(filesystem)
    post_checks.fill(3, count)
    post_checks.filled(3)
    post_checks.kept()
    post_checks.filled(3)
    post_checks.given_back()
    post_checks.let_go()


@pytest.mark.level(1)
@pytest.mark.parametrize("serial", ["tiny", "small", pytest.param("sectors", marks=_LARGE_SECTORS)])
def test_device(filesystem: GuestFilesystem, serial: str) -> None:
    """On the smallest device, on one of 64 MiB, and on one with sectors of 4096 bytes it works, and lasts."""
    _use(_on(filesystem, device_of(filesystem.machine, serial)), count=60 if serial == "tiny" else 120)


@pytest.mark.needs(capabilities="mkdir rmdir unlink")
def test_device_large(filesystem: GuestFilesystem, metrics: Metrics) -> None:
    """On a device of 20 GiB, of which files far apart use little, it works to its end, and lasts."""
    device = device_of(filesystem.machine, "large")
    size = int(filesystem.machine.exec(["blockdev", "--getsize64", device]).text)
    large = _on(filesystem, device)
    post_checks = PostChecks(large)
    counts = post_checks.counts()
    room = metrics.record("blocks_ratio", counts.blocks * counts.block_size / size, better="higher")
    assert 1 - _OWN < room <= 1, f"of {size} bytes statfs(2) tells {counts.blocks} blocks of {counts.block_size}"
    spread = run_program(filesystem.machine, _SPREAD, large.mountpoint, timeout=_USE_UP_S)
    metrics.record("highest_ratio", spread.counts["highest"] * counts.block_size / size)
    post_checks.kept()
    post_checks.given_back()
    post_checks.let_go()


@pytest.mark.level(1)
@pytest.mark.needs(capabilities="odd_device")
def test_device_odd(filesystem: GuestFilesystem, target: Target) -> None:
    """On a device whose size is no multiple of a block it works to the last whole block, and lasts."""
    size = (target.min_disk << 20) + _ODD_BYTES
    device = _loop(filesystem.machine, _backed(filesystem), size)
    assert filesystem.machine.exec(["blockdev", "--getsize64", device]).text == str(size), "the device has another size"
    _use(_on(filesystem, device))


@pytest.mark.level(1)
@_LARGE_SECTORS
def test_device_loop(filesystem: GuestFilesystem, target: Target) -> None:
    """On a loop device with sectors of 4096 bytes it works, and lasts."""
    device = _loop(filesystem.machine, _backed(filesystem), target.min_disk << 20, "--sector-size 4096")
    assert filesystem.machine.exec(["blockdev", "--getss", device]).text == "4096", "the sectors have another size"
    _use(_on(filesystem, device))


def _backed(filesystem: GuestFilesystem) -> str:
    """Return a folder on a trusted filesystem that takes a file as large as the smallest device."""
    device = filesystem.device
    script = f"mkfs.ext4 -q -F {device} && mkdir -p /mnt/backing && mount -t ext4 {device} /mnt/backing"
    backing = filesystem.machine.shell(f"modprobe ext4 2>/dev/null; {script}", timeout=60)
    assert backing.ok, f"ext4 for the backing file cannot be made: {backing}"
    return "/mnt/backing"


def _loop(machine: Machine, folder: str, size: int, options: str = "") -> str:
    result = machine.shell(_LOOP.format(size=size, options=options).replace("/tmp/image", f"{folder}/image"))
    assert result.ok, f"there is no loop device: {result}"
    return result.text


@pytest.mark.slow
def test_full(filesystem: GuestFilesystem, metrics: Metrics, subresults: SubResults, step: Say) -> None:
    """With no block or inode left every operation says ENOSPC, loses nothing, and removing makes room again."""
    small = _on(filesystem, device_of(filesystem.machine, "small"))
    post_checks = PostChecks(small)
    run_family(small, "full", small.mountpoint, metrics, subresults, step, timeout=600)
    post_checks.kept()
    post_checks.given_back()
    post_checks.let_go()


@pytest.mark.level(1)
def test_last_blocks(filesystem: GuestFilesystem, metrics: Metrics, subresults: SubResults, step: Say) -> None:
    """With none to three blocks free an operation is done or has changed nothing, in memory and on the disk."""
    small = _on(filesystem, device_of(filesystem.machine, "tiny"))
    post_checks = PostChecks(small)
    run_kept(small, ["full.last_blocks"], small.mountpoint, metrics, subresults, step)
    post_checks.kept()
    post_checks.given_back()
    post_checks.let_go()


@pytest.mark.level(1)
@pytest.mark.needs(capabilities="unlink")
def test_all_space_usable(filesystem: GuestFilesystem, metrics: Metrics) -> None:
    """What is free can be used from anywhere: the files of one folder take nearly the last block and inode."""
    # thousands of small files would take an emulated machine many minutes
    small = filesystem.within("file_size", _WHOLE) < _WHOLE
    mounted = _on(filesystem, device_of(filesystem.machine, "tiny" if small else "scratch"))
    post_checks = PostChecks(mounted)
    _use_all(mounted, post_checks, metrics)
    post_checks.run()


def _use_all(mounted: GuestFilesystem, post_checks: PostChecks, metrics: Metrics) -> None:
    machine, point = mounted.machine, mounted.mountpoint
    counts = post_checks.counts()
    folder = point
    if mounted.can("mkdir", "rmdir"):
        words = (point, str(counts.free * counts.block_size * 3 // 5))
        made = machine.exec(["bash", put(machine, *_FAR_FOLDER), *words], timeout=_USE_UP_S)
        assert made.ok, f"folders cannot be made: {made}"
        folder = f"{point}/{made.text}"
    taken = machine.exec(["python3", put(machine, _TAKE_BLOCKS), folder], timeout=_USE_UP_S)
    assert taken.ok, f"writing until nothing is free: {taken}"
    if taken.text.startswith("skip: "):
        pytest.skip(taken.text.removeprefix("skip: "))
    available, counts = int(machine.shell(_AVAILABLE.format(point)).text), post_checks.counts()
    left = metrics.record("blocks_left_ratio", available / counts.blocks, better="lower")
    assert left < _LEFT, f"{available} of {counts.blocks} blocks are left when a file in {folder} gets no more"
    assert machine.shell(f"rm -r {folder}/large* && sync", timeout=_USE_UP_S).ok
    if "fixed_inodes" in dict(mounted.target.refuses) or not 0 < counts.free_inodes < _MOST_INODES:
        return
    taken = machine.exec(["python3", put(machine, _TAKE_INODES), folder], timeout=_USE_UP_S)
    assert taken.ok, f"making files until no inode is free: {taken}"
    counts = post_checks.counts()
    left = metrics.record("inodes_left_ratio", counts.free_inodes / counts.inodes, better="lower")
    assert left < _LEFT, f"{counts.free_inodes} of {counts.inodes} inodes are left when {folder} gets no more files"
    assert machine.shell(f"rm -r {folder}/*", timeout=_USE_UP_S).ok


def test_two_devices(filesystem: GuestFilesystem) -> None:
    """Two mounted at once keep apart: each holds its own tree, and the module serves both to the end."""
    machine = filesystem.machine
    first = _on(filesystem, filesystem.device)
    second = filesystem.on(device_of(machine, "small"), "/mnt/second")
    assert machine.exec(["mkdir", "-p", second.mountpoint]).ok
    made = second.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    mounted = second.mount()
    assert mounted.ok, f"a second one does not mount: {mounted}"
    second.prove()
    told = machine.exec(["stat", "-f", "-c", "%i", first.mountpoint, second.mountpoint])
    assert told.ok, str(told)
    assert len(set(told.text.split())) == 2, f"both have the same number in statfs(2): {told.text}"
    both = (PostChecks(first), PostChecks(second))
    for seed, post_checks in itertools.product((1, 2), both):
        post_checks.fill(seed, 60)
    for post_checks in both:
        post_checks.again()
    for seed, post_checks in itertools.product((1, 2), both):
        post_checks.filled(seed)
    for post_checks in both:
        post_checks.given_back()
        post_checks.let_go()


@pytest.mark.level(1)
@pytest.mark.scenario(3)
@pytest.mark.parametrize("signature", ["ext4", "btrfs", "xfs", "swap", "vfat", "partitions", "random", "zeros"])
def test_foreign_device(machine: Machine, module: GuestModule, target: Target, signature: str) -> None:
    """The module refuses to mount 100 MB of something else, and leaves each of its bytes as it is."""
    if signature == target.fstype:
        pytest.skip(f"{signature} is the target itself")
    device = device_of(machine, "plain")
    made = machine.shell(_SIGNATURES[signature].replace("{0}", device), timeout=60)
    assert made.ok, f"{signature} cannot be made on {device}: {made}"
    loaded = module.load()
    assert loaded.ok, f"the module does not load: {loaded}"
    before = sectors_written(machine, device)
    filesystem = GuestFilesystem(machine, target, device)
    refused = filesystem.mount()
    assert not refused.ok, f"a device of {signature} was mounted as {target.fstype}"
    assert filesystem.entry() is None, "a refused mount left something mounted"
    assert not refused.signal, f"mount was killed: {refused}"
    after = sectors_written(machine, device)
    assert after == before, f"a refused mount wrote {after - before} sectors to the device of {signature}"
    unloaded = module.unload()
    assert unloaded.ok, f"the refused mount keeps the module in use: {unloaded}"


_BYTES = "dd of={0} bs=1 conv=notrunc status=none seek="
_SIGNATURES = {
    "ext4": "mkfs.ext4 -q -F {0}",
    "btrfs": "mkfs.btrfs -q -f -M {0}",
    "xfs": "printf XFSB >{0}",  # mkfs.xfs wants 300 MB; of a device of xfs this is what blkid looks at
    "swap": "mkswap {0}",
    "vfat": "mkfs.vfat {0}",
    # a partition of type 0x83 from sector 2048 on, and the signature of a DOS partition table
    "partitions": r"printf '\200\1\1\0\203\376\377\377\0\10\0\0\0\0\2\0' | " + f"{_BYTES}446 && "
    r"printf '\125\252' | " + f"{_BYTES}510",
    "random": "head -c 4194304 /dev/urandom >{0}",
    "zeros": "head -c 4194304 /dev/zero >{0}",
}

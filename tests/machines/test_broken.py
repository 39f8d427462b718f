"""VexFS with broken capabilities: each does what its catalogue says, in a machine of its own, by plain commands.

All are built into one module: each trigger meets its own only, and a build for each would take ten minutes.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from vexlab.errors import GuestTimeout, MachineLost
from vexlab.guest.block import device_of
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.lab import Lab, Order
from vexlab.observe.postmortem import examine
from vexlab.selfcheck.defects import load_defects
from vexlab.targets.load import find_target

pytestmark = [pytest.mark.machine, pytest.mark.long]

VEXFS = Path(__file__).parents[2] / "targets" / "vexfs"
BROKEN = tuple(defect.name for defect in load_defects(VEXFS / "broken.toml"))
_HANGS_S = 10.0
_CRASHES_S = 60.0  # that a program may take to get there; the wait ends soon after the kernel died

# What is run in the folder of the filesystem, and the patterns that the kernel's log then holds.
CRASHES: dict[str, tuple[str, tuple[str, ...]]] = {
    "symlink_oops": ("ln -s target link", ("NULL pointer dereference", r"RIP: \S+:vexfs_write_symlink")),
    "mmap_write_null": (
        "echo text >f; python3 -c 'import mmap, os; mmap.mmap(os.open(\"f\", os.O_RDWR), 0)[0] = 65'",
        ("NULL pointer dereference", "#PF: supervisor instruction fetch", "vexfs_page_mkwrite"),
    ),
    "xattr_oops": (
        "echo >f; setfattr -n user.a -v value f; getfattr -n user.a f",
        ("NULL pointer dereference", "#PF: supervisor write access", "vexfs_get_xattr"),
    ),
    "dio_oops": (
        "echo text >f; /bin/dd if=f of=/dev/null bs=4096 iflag=direct",
        ("NULL pointer dereference", "#PF: supervisor instruction fetch", "generic_file_read_iter"),
    ),
    "special_warns": ("mkfifo f", (r"WARNING: .* inc_nlink", "vexfs_mknod")),
}
# What is run before, what then hangs, and the function of the kernel or the module that it hangs in.
HANGS: dict[str, tuple[str, str, str]] = {
    "rmdir_lock_lost": ("mkdir a b; rmdir a", "rmdir b", "vexfs_rmdir"),
    "fsync_hangs": ("sync", "dd if=/dev/zero of=f bs=512 count=1 conv=fsync", "vexfs_fsync"),
    "freeze_lock_lost": ("/sbin/fsfreeze -f .; /sbin/fsfreeze -u .", "touch f", "start_this_handle"),
}
# What is run, and what it prints.
WRONG: dict[str, tuple[str, str]] = {
    "link_wrong_errno": ("echo >f; ln f g 2>&1 || true", "ln: g: Unknown error 524"),
    "truncate_up_garbage": ("printf old >f; truncate -s 1000000 f; head -c 3 f | tr '\\0' 0", "000"),
    "rename_over_loses_target": ("echo 1 >f; echo 2 >g; mv f g; ls -A", ""),
    "readdir_loops": (
        "for i in $(seq 300); do >a-name-of-some-length-$i; done; "
        "python3 -c 'import itertools, os; print(len([*itertools.islice(os.scandir(\".\"), 5000)]))'",
        "5000",
    ),
    "statfs_zero": ("/bin/stat -f -c '%b %f' .", "0 0"),
    "tmpfile_leaks": (
        "python3 -c 'import os; print(os.fstat(os.open(\".\", os.O_TMPFILE | os.O_RDWR)).st_nlink)'; "
        "cd /; sync; umount /mnt/test; fsck.vexfs -n $DEVICE | grep -c 'has no name'",
        "1\n1",
    ),
    "chown_ignored": ("echo >f; chown 1000:1000 f && stat -c '%u %g' f", "0 0"),
    "fallocate_does_nothing": ("printf text >f; fallocate -l 100000 f && stat -c %s f", "4"),
    "seek_data_lost": (
        "echo >f; python3 -c 'import os; os.lseek(os.open(\"f\", 0), 0, os.SEEK_DATA)' 2>&1 | tail -n 1",
        "OSError: [Errno 6] No such device or address",
    ),
}


@pytest.fixture(scope="module")
def broken(lab: Lab) -> Order:
    target, kernel = find_target(str(VEXFS), build_args=("W=1", f"DEFECT={','.join(BROKEN)}")), lab.kernels.get("6.1")
    artifact = lab.artifact(target, kernel)
    assert artifact.warnings == ()
    return Order(target=target, kernel=kernel, artifact=artifact)


@contextmanager
def _mounted(lab: Lab, order: Order) -> Iterator[GuestFilesystem]:
    with lab.machine(order) as machine:
        loaded = GuestModule(machine, order.target).load()
        assert loaded.ok, loaded
        filesystem = GuestFilesystem(machine, order.target, device_of(machine, "scratch"))
        assert filesystem.mkfs().ok
        assert machine.ash('mkdir -p "$1"', filesystem.mountpoint).ok
        assert filesystem.mount().ok
        filesystem.prove()
        yield filesystem


def _in(filesystem: GuestFilesystem, script: str) -> str:
    return f"cd {filesystem.mountpoint} && DEVICE={filesystem.device} && {{ {script}\n}}"


def test_each_is_tried() -> None:
    assert sorted([*CRASHES, *HANGS, *WRONG, "mount_livelock"]) == sorted(BROKEN)


@pytest.mark.parametrize("name", CRASHES)
def test_the_kernel_complains(lab: Lab, broken: Order, name: str) -> None:
    script, said = CRASHES[name]
    with _mounted(lab, broken) as filesystem:
        assert "BUG: " not in filesystem.machine.console.text()
        with contextlib.suppress(MachineLost, GuestTimeout):
            filesystem.machine.ash(_in(filesystem, script), timeout=_CRASHES_S)
        console = filesystem.machine.console.text()
    for pattern in said:
        assert re.search(pattern, console), f"{pattern} is not in\n{console[-5000:]}"


@pytest.mark.parametrize("name", HANGS)
def test_it_hangs(lab: Lab, broken: Order, name: str) -> None:
    before, hanging, function = HANGS[name]
    with _mounted(lab, broken) as filesystem:
        machine = filesystem.machine
        ready = machine.ash(_in(filesystem, before), timeout=_HANGS_S)
        assert ready.ok, ready
        with pytest.raises(GuestTimeout) as caught:
            machine.ash(_in(filesystem, hanging), timeout=_HANGS_S)
        assert function in examine(machine, caught.value.pid).backtraces


def test_a_mount_that_spins(lab: Lab, broken: Order) -> None:
    """A device of whole blocks mounts; one of a sector more does not, and its mount runs all the time."""
    with _mounted(lab, broken) as filesystem:
        machine = filesystem.machine
        assert filesystem.unmount().ok
        odd = f"modprobe dm_mod; echo 0 65537 linear {filesystem.device} 0 | dmsetup create odd && dmsetup mknodes"
        made = machine.shell(f"{odd} && mkfs.vexfs -q -f /dev/mapper/odd")
        assert made.ok, made
        with pytest.raises(GuestTimeout) as caught:
            machine.ash('mount -t vexfs /dev/mapper/odd "$1"', filesystem.mountpoint, timeout=_HANGS_S)
        assert "vexfs_read_super" in examine(machine, caught.value.pid).backtraces


@pytest.mark.parametrize("name", WRONG)
def test_it_does_something_else(lab: Lab, broken: Order, name: str) -> None:
    script, printed = WRONG[name]
    with _mounted(lab, broken) as filesystem:
        done = filesystem.machine.ash(_in(filesystem, script), timeout=60)
        assert done.ok, done
        assert done.text == printed

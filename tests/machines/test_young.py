"""VexFS without capabilities: what a word leaves out is refused with its errno, and all that is left works."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vexlab.guest.block import device_of
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.lab import Lab, Order
from vexlab.model.target import Target
from vexlab.targets.load import find_target
from vexlab.vm.machine import Machine

pytestmark = [pytest.mark.machine, pytest.mark.long]

HERE = Path(__file__).parent
VEXFS = HERE.parents[1] / "targets" / "vexfs"
NAMED = ("first_week", "teaching", "read_mostly", "flat_store", "second_month")
STRICT = ("W=1",)
_TRY_S = 120.0
_TAINT_DIE, _TAINT_WARN = 1 << 7, 1 << 9  # Documentation/admin-guide/tainted-kernels.rst

# What each word of YOUNG does to the operations of young_guest.py. Where two speak of one operation, the later line
# holds: the VFS, or an earlier check, is asked first.
REFUSED: dict[str, dict[str, str]] = {
    "no_fsck": {},
    "no_truncate_up": {"truncate_up": "EPERM", "truncate_far": "EPERM"},
    "small_files": {"truncate_far": "EFBIG", "large": "EFBIG"},
    "small_dirs": {"many_names": "ENOSPC"},
    "short_names": {"name_33": "ENAMETOOLONG", "name_255": "ENAMETOOLONG", "name_max": "32"},
    "few_links": {"many_links": "EMLINK"},
    "no_link": {"link": "EPERM"},
    "short_symlinks": {"long_symlink": "ENAMETOOLONG"},
    "no_symlink": {"symlink": "EPERM", "long_symlink": "EPERM"},
    "no_special": {"device": "EPERM", "fifo": "EPERM", "socket": "EPERM"},
    "no_tmpfile": {"tmpfile": "EOPNOTSUPP"},
    "no_xattr": {"xattr": "EOPNOTSUPP"},
    "no_unlink": {"unlink": "EPERM"},
    "no_rmdir": {"rmdir": "EPERM"},
    "flat": {"mkdir": "EPERM"},
    "no_rename_over": {"rename_over": "EEXIST"},
    "no_rename_dir": {"rename_dir": "EPERM"},
    "no_rename_flags": {"noreplace": "EINVAL", "exchange": "EINVAL"},
    "no_rename": dict.fromkeys(("rename", "rename_over", "rename_dir", "noreplace", "exchange"), "EPERM"),
    "no_mmap_write": {"mmap_write": "EINVAL"},
    "no_mmap": {"mmap": "ENODEV", "mmap_write": "ENODEV"},
    "no_splice": {"sendfile": "EINVAL"},
    "no_fsync": dict.fromkeys(("fsync", "fdatasync", "fsync_dir", "write_sync"), "EINVAL"),
    "no_ioctl": {"own_ioctl": "ENOTTY"},
    "no_chown": {"chown": "EPERM"},
    "no_chmod": {"chmod": "EPERM"},
    "no_freeze": {"freeze": "EOPNOTSUPP"},
    "no_remount": {"remount": "EINVAL"},
    "coarse_times": {"fine_times": "1000000000.000000000"},
    "no_btime": {"birth": "no"},
    "no_statfs_inodes": {"inodes": "no"},
}


def _order(lab: Lab, target: Target) -> Order:
    kernel = lab.kernels.get("6.1")
    artifact = lab.artifact(target, kernel)
    assert artifact.warnings == ()
    return Order(target=target, kernel=kernel, artifact=artifact)


def _young(name: str) -> Target:
    return find_target(str(VEXFS / "young" / f"{name}.toml"), build_args=STRICT)


def _words(target: Target) -> set[str]:
    given = next(argument for argument in target.build.args if argument.startswith("YOUNG="))
    return set(given.removeprefix("YOUNG=").split(","))


def _mounted(machine: Machine, target: Target, *options: str) -> GuestFilesystem:
    loaded = GuestModule(machine, target).load()
    assert loaded.ok, loaded
    filesystem = GuestFilesystem(machine, target, device_of(machine, "scratch"))
    made = filesystem.mkfs()
    assert made.ok, made
    _mount(filesystem, *options)
    return filesystem


def _mount(filesystem: GuestFilesystem, *options: str) -> None:
    assert filesystem.machine.ash('mkdir -p "$1"', filesystem.mountpoint).ok
    mounted = filesystem.mount(*options)
    assert mounted.ok, mounted
    filesystem.prove()


def _outcomes(filesystem: GuestFilesystem) -> dict[str, str]:
    """Return how each operation ended, without those that could not be tried."""
    machine = filesystem.machine
    machine.push(HERE / "young_guest.py", "/tmp/young_guest.py")
    tried = machine.exec(["python3", "/tmp/young_guest.py", filesystem.mountpoint], timeout=_TRY_S)
    assert tried.ok, tried
    outcomes: dict[str, str] = json.loads(tried.text)
    for outcome in outcomes.values():
        assert not outcome.startswith("needs ") or outcomes[outcome.removeprefix("needs ")] != "ok"
    return {name: outcome for name, outcome in outcomes.items() if not outcome.startswith("needs ")}


def _expected(words: set[str], tried: set[str]) -> dict[str, str]:
    assert words <= set(REFUSED)
    expected = dict.fromkeys(tried, "ok")
    for word, refused in REFUSED.items():
        if word in words:
            expected |= {name: outcome for name, outcome in refused.items() if name in tried}
    return expected


def _check(filesystem: GuestFilesystem) -> None:
    """A file and its content outlast an unmount, fsck finds nothing, and the kernel said nothing bad."""
    machine = filesystem.machine
    kept = f"{filesystem.mountpoint}/kept"
    assert machine.ash('head -c 20000 /bin/bash >"$1"', kept).ok
    for _ in range(2):
        unmounted = filesystem.unmount()
        assert unmounted.ok, unmounted
        if filesystem.target.fsck:
            checked = filesystem.fsck()
            assert checked.ok, checked
        _mount(filesystem)
        assert machine.ash('head -c 20000 /bin/bash | cmp - "$1"', kept).ok
    assert filesystem.unmount().ok
    taint = int(machine.ash("cat /proc/sys/kernel/tainted").text)
    assert not taint & (_TAINT_DIE | _TAINT_WARN), machine.console.text()[-3000:]
    assert "VEXFS-fs error" not in machine.console.text()


@pytest.mark.parametrize("name", NAMED)
def test_what_is_missing_is_refused_and_the_rest_works(lab: Lab, name: str) -> None:
    target = _young(name)
    words = _words(target)
    with lab.machine(_order(lab, target)) as machine:
        filesystem = _mounted(machine, target)
        outcomes = _outcomes(filesystem)
        assert outcomes == _expected(words, set(outcomes))
        assert any(outcome != "ok" for outcome in outcomes.values())
        _check(filesystem)


def test_words_of_no_named_target(lab: Lab) -> None:
    named = set().union(*(_words(_young(name)) for name in NAMED))
    words = set(REFUSED) - named
    assert words == {"no_unlink"}
    # a directory that cannot be made cannot be removed either, so that flat_store does not show it
    words |= {"no_rmdir"}
    target = find_target(str(VEXFS), build_args=(*STRICT, f"YOUNG={','.join(sorted(words))}"))
    with lab.machine(_order(lab, target)) as machine:
        filesystem = _mounted(machine, target)
        outcomes = _outcomes(filesystem)
        assert outcomes == _expected(words, set(outcomes))
        _check(filesystem)


def test_the_full_build_does_it_all(lab: Lab) -> None:
    target = find_target(str(VEXFS))
    with lab.machine(_order(lab, target)) as machine:
        filesystem = _mounted(machine, target)
        outcomes = _outcomes(filesystem)
        assert outcomes == dict.fromkeys(outcomes, "ok")
        assert len(outcomes) >= 48
        _check(filesystem)


def test_a_build_that_only_reads(lab: Lab) -> None:
    target = find_target(str(VEXFS), build_args=(*STRICT, "YOUNG=no_write"))
    with lab.machine(_order(lab, target)) as machine:
        filesystem = _mounted(machine, target, "rw")
        tries = 'cd "$1"; touch x; mount -o remount,rw "$1"; touch y; ls -A'
        said = machine.ash(tries, filesystem.mountpoint)
        assert said.text == ""
        assert [line for line in said.error_text.splitlines() if line.startswith("touch: ")] == [
            f"touch: {name}: Read-only file system" for name in "xy"
        ]
        entry = filesystem.entry()
        assert entry is not None
        assert entry.options.split(",")[0] == "ro"
        assert filesystem.unmount().ok
        assert filesystem.fsck().ok


@pytest.mark.parametrize("name", ["five", "twelve"])
def test_many_defects_at_once_leave_it_usable(lab: Lab, name: str) -> None:
    target = _young(name)
    with lab.machine(_order(lab, target)) as machine:
        filesystem = _mounted(machine, target)
        use = 'cd "$1" && mkdir d && echo text >d/f && mv d/f g && cat g && rm g && rmdir d && sync'
        used = machine.ash(use, filesystem.mountpoint, timeout=60)
        assert used.ok, used
        assert used.text == "text"
        assert filesystem.unmount().ok
        assert filesystem.fsck().ok


@pytest.mark.long
@pytest.mark.parametrize("name", [*NAMED, "five", "twelve"])
def test_they_build_on_a_newer_kernel(lab: Lab, name: str) -> None:
    artifact = lab.artifact(_young(name), lab.kernels.get("6.12"))
    assert artifact.path is not None
    assert artifact.warnings == ()

"""Making, mounting, mounting again: what is written stays, and what is read-only is so."""

from __future__ import annotations

import pytest

from vexlab.config import Thresholds
from vexlab.domains.filesystem_operations.families import Say, run_fscheck, tell_output
from vexlab.guest.block import sectors_written
from vexlab.guest.files import guest_files
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.model.kernel import Kernel
from vexlab.model.target import ModuleArtifact, Target
from vexlab.plugin.fixtures import Metrics, SubResults
from vexlab.targets.in_tree import why_not_loadable
from vexlab.vm.machine import Machine
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("filesystem_operations"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.single_thread_tcg,
]

_WRITES = "readonly_mount"  # in [refuses]: why it writes to a device although it is mounted read-only
_IGNORES = "unknown_options"  # in [refuses]: why it mounts whatever options it is given
_MOUNT_S = 10.0
_CYCLES = 10
_BOOT_S = 180.0

_REMOUNT = script("remount_readonly.sh")

_TRY = script("try_readonly.sh")

_CUT_SHORT = script("mount_cut_short.sh")
# That what was refused was refused for its length: all of it mounts in the same way.
_WHOLE = """
loop=$(losetup --find --show {device}) && mount -i -t {fstype} -o {options},ro "$loop" {point} && umount {point} &&
losetup -d "$loop"
"""

_WRONG = script("mount_wrong.sh")
_UNKNOWN = "vexlab_no_such_option"  # no filesystem knows it, with a value or without


@pytest.mark.quick
@pytest.mark.scenario(4)
def test_mount_cycles(mounted: GuestFilesystem, post_checks: PostChecks, metrics: Metrics) -> None:
    """Each of 10 mounts and unmounts takes less than 10 s, and the tree made before is there in each."""
    post_checks.fill(11, 50)
    slowest = 0.0
    for cycle in range(_CYCLES):
        unmounted = mounted.unmount()
        assert unmounted.ok, f"unmount {cycle} failed: {unmounted}"
        again = mounted.mount()
        assert again.ok, f"mount {cycle} failed: {again}"
        slowest = max(slowest, unmounted.duration, again.duration)
    metrics.record("slowest_s", slowest)
    assert slowest < _MOUNT_S, f"a mount or unmount took {slowest:.1f} s"
    mounted.prove()
    post_checks.filled(11)


@pytest.mark.quick
@pytest.mark.scenario(4)
def test_tree_persists(post_checks: PostChecks) -> None:
    """A tree of 400 names of every kind is, after unmount, fsck and mount, what the model of it says."""
    post_checks.fill(1, 400)
    post_checks.filled(1)
    post_checks.again()
    post_checks.filled(1)


def test_attributes_persist(
    mounted: GuestFilesystem, post_checks: PostChecks, metrics: Metrics, subresults: SubResults, step: Say
) -> None:
    """Times, modes, holes, links and attributes are there after unmount, fsck and mount, as fscheck marked them."""
    point = mounted.mountpoint
    tell_output(run_fscheck(mounted, step, "mark", point), mounted, metrics, subresults)
    post_checks.again()
    tell_output(run_fscheck(mounted, step, "verify", point), mounted, metrics, subresults)


@pytest.mark.needs(capabilities="remount_ro remount_rw")
def test_remount_readonly(mounted: GuestFilesystem, post_checks: PostChecks) -> None:
    """Remounted read-only it refuses a new file, remounted read-write it takes one, and nothing else changed."""
    result = mounted.machine.shell(_REMOUNT, mounted.mountpoint, timeout=60)
    assert result.ok, str(result)
    folders = mounted.can("mkdir")
    folder = f"{mounted.mountpoint}/tree" if folders else mounted.mountpoint
    post_checks.compare("/tmp/tree.manifest", folder, own="" if folders else "s5.")


def test_readonly(
    mounted: GuestFilesystem, post_checks: PostChecks, metrics: Metrics, subresults: SubResults, step: Say
) -> None:
    """Mounted read-only, every operation that would change something says EROFS, and the device stays as it is."""
    machine, point = mounted.machine, mounted.mountpoint
    if mounted.can("mkdir"):
        tell_output(run_fscheck(mounted, step, "mark", point), mounted, metrics, subresults)
    else:
        post_checks.fill(5, 40)
    assert mounted.unmount().ok
    before = sectors_written(machine, mounted.device)
    if _WRITES not in dict(mounted.target.refuses):
        only_read = mounted.mount("ro")
        assert only_read.ok, f"it does not mount read-only: {only_read}"
        assert machine.shell(f"ls -lR {point} >/dev/null", timeout=120).ok
        assert mounted.unmount().ok
        after = sectors_written(machine, mounted.device)
        assert after == before, f"a read-only mount of a clean filesystem wrote {after - before} sectors"
    assert machine.exec(["blockdev", "--setro", mounted.device]).ok
    read_only = mounted.mount("ro")
    assert read_only.ok, f"it does not mount read-only: {read_only}"
    if mounted.can("mkdir"):
        tell_output(run_fscheck(mounted, step, "readonly", point), mounted, metrics, subresults)
    else:
        post_checks.filled(5)
        tried = machine.shell(_TRY, point, timeout=60)
        assert tried.ok, f"mounted read-only: {tried.text}"
    assert mounted.unmount().ok
    after = sectors_written(machine, mounted.device)
    assert after == before, f"a read-only mount on a read-only device wrote {after - before} sectors"
    assert machine.exec(["blockdev", "--setrw", mounted.device]).ok
    assert mounted.mount().ok
    post_checks.again()


def test_mount_errors(filesystem: GuestFilesystem, thresholds: Thresholds) -> None:
    """An empty device, a missing one, none at all and an unknown option are refused, and a sound mount works after."""
    words = (filesystem.target.fstype, filesystem.device)
    refused = filesystem.machine.shell(_WRONG, *words, timeout=thresholds.hang_s)
    assert refused.ok, refused.text
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    _mounts(filesystem, "after the refused ones")
    if _IGNORES in dict(filesystem.target.refuses):
        return
    for option in (_UNKNOWN, f"{_UNKNOWN}=1"):
        mounted = filesystem.mount(option, timeout=thresholds.hang_s)
        assert not mounted.ok, f"it mounts with -o {option}, an option that nobody knows"
        assert filesystem.entry() is None, f"mount with -o {option} said {mounted}, and something is mounted"
        _mounts(filesystem, f"after a mount with -o {option} was refused")


def _mounts(filesystem: GuestFilesystem, when: str) -> None:
    """Assert that the formatted device mounts without more options, is the target, and unmounts."""
    mounted = filesystem.mount()
    assert mounted.ok, f"the sound filesystem does not mount {when}: {mounted}"
    filesystem.prove()
    unmounted = filesystem.unmount()
    assert unmounted.ok, f"it does not unmount {when}: {unmounted}"


def test_truncated_device(filesystem: GuestFilesystem) -> None:
    """On a device that is smaller than the filesystem it is refused, read-only too, and nothing is written there."""
    machine, device = filesystem.machine, filesystem.device
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    before = sectors_written(machine, device)
    options = ",".join(filesystem.target.mount_options) or "defaults"
    fstype, point = filesystem.target.fstype, filesystem.mountpoint
    words = {"device": device, "fstype": fstype, "options": options, "point": point}
    tried = machine.shell(_CUT_SHORT, device, fstype, options, point, timeout=120)
    assert tried.ok, f"the device cannot be cut short: {tried}"
    assert not tried.text.strip(), f"it mounts although the device has lost its end: {tried.text.strip()}"
    assert sectors_written(machine, device) == before, "it writes to a device that it refuses"
    whole = machine.shell(_WHOLE.format(**words), timeout=120)
    assert whole.ok, f"it does not mount in the same way with nothing missing: {whole}"
    mounted = filesystem.mount()
    assert mounted.ok, f"the whole device does not mount after that: {mounted}"
    filesystem.prove()
    assert filesystem.unmount().ok


def test_mkfs_again(filesystem: GuestFilesystem) -> None:
    """A filesystem made anew over a full one is empty and consistent: nothing of the old one shows."""
    empty = ""
    for seed in (1, 2):
        made = filesystem.mkfs()
        assert made.ok, f"mkfs {seed} failed: {made}"
        mounted = filesystem.mount()
        assert mounted.ok, f"mount {seed} failed: {mounted}"
        post_checks = PostChecks(filesystem)
        names = filesystem.machine.exec(["ls", "-A", filesystem.mountpoint]).text
        assert seed == 1 or names == empty, f"a new filesystem holds {names[:200]}"
        empty = names
        post_checks.fill(seed, 200)
        post_checks.kept()
        post_checks.filled(seed)
        assert filesystem.unmount().ok


@pytest.mark.level(2)
def test_machine_restart(mounted: GuestFilesystem, target: Target, kernel: Kernel, artifact: ModuleArtifact) -> None:
    """What was written before unmount and a machine's reset is there when the machine has come up again."""
    machine = mounted.machine
    PostChecks(mounted).fill(7, 300)
    model = machine.pull("/tmp/tree7.manifest")
    unmounted = mounted.unmount()
    assert unmounted.ok, f"unmount failed: {unmounted}"
    _reset(machine, artifact)
    if not why_not_loadable(kernel, target):
        assert GuestModule(machine, target).load().ok
    machine.push(model, "/tmp/tree7.manifest")
    again = mounted.mount()
    assert again.ok, f"it does not mount after the restart: {again}"
    mounted.prove()
    post_checks = PostChecks(mounted)
    post_checks.filled(7)
    post_checks.kept()


def _reset(machine: Machine, artifact: ModuleArtifact) -> None:
    machine.shell("sync")
    before = machine.exec(["cat", "/proc/sys/kernel/random/boot_id"]).text
    machine.reset(timeout=_BOOT_S)
    assert machine.exec(["cat", "/proc/sys/kernel/random/boot_id"]).text != before, "the machine was not reset"
    machine.exec(["mkdir", "-p", "/vexlab/bin"])
    for path, source, mode in guest_files(artifact):
        machine.push(source, path, mode=mode)

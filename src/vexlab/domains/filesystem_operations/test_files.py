"""Scenario 4 in its order: registered, made on 200 MB, mounted, used for files and directories, unmounted."""

from __future__ import annotations

import pytest

from vexlab.config import Thresholds
from vexlab.domains.filesystem_operations.machines import disks
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("filesystem_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(4),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
    pytest.mark.single_thread_tcg,
]


_OF_DIRECTORIES = pytest.param("use_directories.sh", id="directories", marks=pytest.mark.needs(capabilities="mkdir"))


@pytest.mark.quick
def test_filesystem_200mb(filesystem: GuestFilesystem, thresholds: Thresholds, metrics: Metrics) -> None:
    """It is registered, mkfs on 200 MB and mount take less than 10 s, and the mounted filesystem has that size."""
    types = GuestModule(filesystem.machine, filesystem.target).filesystems()
    assert filesystem.target.fstype in types, f"{filesystem.target.fstype} is not registered: {types}"
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    mounted = filesystem.mount(timeout=thresholds.hang_s)
    assert mounted.ok, f"mount failed: {mounted}"
    filesystem.prove()
    assert metrics.record("mount_s", mounted.duration) < 10
    counts = PostChecks(filesystem).counts()
    device = int(filesystem.machine.exec(["blockdev", "--getsize64", filesystem.device]).text)
    size = metrics.record("size_bytes", counts.blocks * counts.block_size, better="higher")
    assert device / 2 < size <= device, f"of {device} bytes the filesystem has {size}"
    unmounted = filesystem.unmount()
    assert unmounted.ok, f"unmount failed: {unmounted}"
    assert metrics.record("unmount_s", unmounted.duration) < 10


@pytest.mark.quick
@pytest.mark.parametrize("operations", [pytest.param("use_files.sh", id="files"), _OF_DIRECTORIES])
@pytest.mark.usefixtures("post_checks")
def test_operations(mounted: GuestFilesystem, operations: str) -> None:
    """What the ordinary tools do with files and directories has the effect it must have."""
    result = mounted.machine.shell(script(operations), mounted.mountpoint, timeout=60)
    assert result.ok, f"an operation had not its effect: {result.text} {result.error_text}"


@pytest.mark.needs(loadable=True)
def test_type_unregistered(mounted: GuestFilesystem, module: GuestModule, target: Target) -> None:
    """After unmount and unload the type is no longer registered, and a mount of it is refused."""
    assert mounted.unmount().ok
    unloaded = module.unload()
    assert unloaded.ok, f"the module does not unload: {unloaded}"
    assert target.fstype not in module.filesystems(), f"{target.fstype} is still registered"

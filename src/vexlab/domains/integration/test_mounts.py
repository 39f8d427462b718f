"""Several mounts at once: two devices, bind mounts, namespaces, busy and lazy unmounts, and what is put on top."""

from __future__ import annotations

import pytest

from vexlab.domains.integration.machines import MACHINE
from vexlab.domains.integration.workflow import Workflow
from vexlab.guest.block import device_of
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.model.target import Target

pytestmark = [
    pytest.mark.domain("integration"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    MACHINE,
]

_STEP_S = 180.0
_PROGRAM, _IMAGE = 2 << 20, 48 << 20  # bytes


@pytest.fixture
def second(mounted: GuestFilesystem) -> GuestFilesystem:
    """Return the target on another device, made and mounted at another place."""
    machine = mounted.machine
    other = mounted.on(device_of(machine, "second"), "/mnt/second")
    assert machine.exec(["mkdir", "-p", other.mountpoint]).ok
    made = other.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    result = other.mount()
    assert result.ok, f"a second one does not mount: {result}"
    other.prove()
    return other


@pytest.mark.needs(capabilities="mkdir rmdir unlink rename chmod chown utimes")
def test_copies_between(workflow: Workflow, second: GuestFilesystem) -> None:
    """Trees copied and moved between two mounted devices are the same there; rename and link say EXDEV."""
    other = PostChecks(second)
    workflow.run("mounts", "copies", second.mountpoint, timeout=_STEP_S)
    workflow.remount()
    other.again()
    workflow.run("mounts", "copied", second.mountpoint, timeout=_STEP_S)
    other.given_back()
    other.let_go()


def _step(name: str, needs: str) -> object:
    return pytest.param(name, marks=pytest.mark.needs(capabilities=needs))


@pytest.mark.parametrize(
    "step",
    [
        _step("binds", "mkdir"),
        _step("twice", "mkdir"),
        _step("busy", "mmap_private"),
        _step("namespaces", "mkdir"),
        "lazy",
        _step("remounts", "remount_ro remount_rw unlink_open rename append"),
    ],
)
def test_mounts(workflow: Workflow, target: Target, step: str) -> None:
    """The filesystem at several places is one filesystem; it stays as long as it is used, and no longer."""
    if step == "busy":
        workflow.room(_PROGRAM)
    device = workflow.post_checks.filesystem.device
    workflow.run("mounts", step, "-", target.fstype, device, timeout=_STEP_S)
    workflow.post_checks.filesystem.prove()


@pytest.mark.slow
@pytest.mark.needs(capabilities="truncate_up sparse_files fsync")
def test_loop_ext4(workflow: Workflow) -> None:
    """An ext4 in a file, used through a loop device, keeps a tree and parallel copies, and is sound, also later."""
    workflow.room(_IMAGE)
    workflow.run("stacked", "loop_made", timeout=_STEP_S)
    workflow.remount()
    workflow.run("stacked", "loop_kept", timeout=_STEP_S)


@pytest.mark.needs(capabilities="chmod unlink")
def test_swap_file(workflow: Workflow) -> None:
    """Pages swapped out to a file come back as they were; where swap files are refused, the target declares it."""
    workflow.room(_IMAGE)
    result = workflow.run("stacked", "swap", timeout=_STEP_S)
    declared = dict(workflow.post_checks.filesystem.target.refuses).get("swap_files")
    if "refused:" in result.text:
        assert declared, f"swap files are refused, and the target does not declare `swap_files`: {result.text[:300]}"


@pytest.mark.needs(capabilities="mkdir symlink")
@pytest.mark.parametrize("layer", ["lower", _step("upper", "rmdir xattr rename rename_over")])
def test_overlay(workflow: Workflow, target: Target, layer: str) -> None:
    """As a layer of overlayfs it shows what was changed and keeps what was not, also when mounted again."""
    refused = dict(workflow.post_checks.filesystem.target.refuses).get("rename_whiteout")
    if layer == "upper" and refused:
        pytest.skip(f"{target.name} declares rename_whiteout as refused: {refused}")
    workflow.run("stacked", "overlay", layer, timeout=_STEP_S)

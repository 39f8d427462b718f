"""What an operation takes it gives back, also when it fails: repeated many times, no slab cache keeps growing."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.domains.safety_validation.machines import disks
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.guest.program import put
from vexlab.guest.repeat import FAILURE_GROUPS, FAILURES, OPERATION_GROUPS, OPERATIONS, unexpected
from vexlab.observe.memory import Growth, leaks, parse_samples
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.files import BUSYBOX
from vexlab.workloads import SCRIPTS, script

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
    pytest.mark.single_thread_tcg,
]

_ROUNDS, _WARM_UP = 6, 2
_REPEATED = 100  # times that each operation is done between two samples of the memory
_SELDOM = {"folders": 25, "cold": 20}  # what is done less often, for it is hundreds of operations itself
_NEVER = 1 << 40  # bytes: slab caches are judged by objects here, for every leak makes as many as there were operations
_UNSTEADY = 128 << 10  # bytes by which free memory goes up and down between rounds
_PAGE = 4096  # bytes: what is too large for a slab cache is taken by pages
_MOUNTS = 3
# The kernel keeps freed areas of vmalloc (stacks of threads) until there are many (mm/vmalloc.c, lazy_max_pages).
_LAZY = ("vmap_area",)
_NEEDS_FOLDERS = pytest.mark.needs(capabilities="mkdir rmdir unlink")

_REPEAT = script("repeat.sh")

_MOUNT = SCRIPTS / "mount_badly.sh"

_EMPTY = SCRIPTS / "mount_empty.sh"
_EMPTY_MOUNTS = 5

_BAD = script("bad_images.sh")


def _grown(text: str, most: float) -> tuple[Growth, ...]:
    samples = parse_samples(text)
    assert len(samples) == _ROUNDS, f"{len(samples)} of {_ROUNDS} samples of the memory were taken"
    found = leaks(samples, slab_bytes=_NEVER, memory_bytes=max(most * _PAGE, _UNSTEADY), warm_up=_WARM_UP)
    return tuple(each for each in found if each.slope >= most and each.name not in _LAZY)


def _tell(grown: tuple[Growth, ...], what: str, metrics: Metrics) -> None:
    metrics.record("leaking_caches_count", len(grown))
    words = ", ".join(f"{each.name} by {each.slope:.0f} ({each.bytes_per_cycle:.0f} bytes)" for each in grown)
    assert not grown, f"memory leak: each round of {what} leaves more behind: {words}"


def _words(filesystem: GuestFilesystem) -> tuple[str, ...]:
    """Return what the programs that mount are told: device, folder, type, options of mount."""
    target = filesystem.target
    options = ("-o", ",".join(target.mount_options)) if target.mount_options else ()
    return (filesystem.device, filesystem.mountpoint, target.fstype, *options)


@pytest.mark.usefixtures("post_checks")
@pytest.mark.parametrize("group", FAILURE_GROUPS)
def test_failure_leaks(mounted: GuestFilesystem, metrics: Metrics, group: str) -> None:
    """Operations that fail say the right error each of many times, and leave no object behind."""
    printed = _repeat(mounted, FAILURES, group)
    wrong = unexpected(printed)
    assert not wrong, "; ".join(wrong)
    _tell(_grown(printed, _REPEATED * 0.5), f"{_REPEATED} times each failure of {group}", metrics)


@pytest.mark.usefixtures("post_checks")
@pytest.mark.parametrize(
    "group",
    [
        *(
            pytest.param(group, marks=pytest.mark.needs(capabilities=needs))
            for group, needs in OPERATION_GROUPS.items()
        ),
        pytest.param("folders", marks=[pytest.mark.level(2), pytest.mark.slow, _NEEDS_FOLDERS]),
    ],
)
def test_operation_leaks(mounted: GuestFilesystem, metrics: Metrics, group: str) -> None:
    """What is done and undone many times leaves no object and no page of memory behind."""
    printed = _repeat(mounted, OPERATIONS, group)
    repeated = _SELDOM.get(group, _REPEATED)
    _tell(_grown(printed, repeated * 0.5), f"{repeated} times the work of {group}", metrics)


def _repeat(mounted: GuestFilesystem, program: Path, group: str) -> str:
    """Run the program's group ``_ROUNDS`` times in the guest; return what it printed, with samples of the memory."""
    if group == "vectors" and mounted.target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    work, times = f"{mounted.mountpoint}/work", str(_SELDOM.get(group, _REPEATED))
    once = ("python3", put(mounted.machine, program), work, group, times)
    result = mounted.machine.ash(_REPEAT, str(_ROUNDS), *once, timeout=_ROUNDS * 40)
    assert result.ok, f"{group} did not come to an end: {result}"
    return result.text


def test_mount_leaks(mounted: GuestFilesystem, post_checks: PostChecks, metrics: Metrics) -> None:
    """Mounts that are refused and mounts with content, again and again, leave no object behind."""
    machine = mounted.machine
    post_checks.fill(1, 60)
    if mounted.can("mkdir", "rmdir", "chmod"):
        moved = machine.shell(f"cp -r {mounted.mountpoint}/tree1 {mounted.mountpoint}/tree")
        assert moved.ok, f"the tree cannot be copied: {moved}"
    assert mounted.unmount().ok
    made = machine.shell(_BAD, mounted.device, timeout=60)
    assert made.ok, f"the bad images cannot be made: {made}"
    once = ("bash", put(machine, _MOUNT), *_words(mounted))
    result = machine.shell(_REPEAT, str(_ROUNDS), *once, timeout=180)
    assert result.ok, f"a mount or unmount did not end as it must: {result}"
    _tell(_grown(result.text, _MOUNTS), "3 mounts and 4 refused ones", metrics)
    assert mounted.mount().ok


def test_mount_leaks_empty(filesystem: GuestFilesystem, metrics: Metrics) -> None:
    """An empty filesystem mounted and unmounted again and again leaves no object and no page of memory behind."""
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    once = (BUSYBOX, "sh", put(filesystem.machine, _EMPTY), *_words(filesystem))
    result = filesystem.machine.ash(_REPEAT, str(_ROUNDS), *once, timeout=180)
    assert result.ok, f"a mount or unmount failed: {result}"
    _tell(_grown(result.text, _EMPTY_MOUNTS * 0.5), f"{_EMPTY_MOUNTS} mounts and unmounts", metrics)

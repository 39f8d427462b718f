"""The machine's power is cut at a known moment, and a new machine must find exactly what was promised by then."""

from __future__ import annotations

import pytest

from vexlab.domains.safety_validation.machines import begin, disks, without_power
from vexlab.domains.safety_validation.steps import (
    DATA,
    FIRST_NAME,
    GAP,
    NAMES,
    PRELUDE,
    SYNCED_DATA,
    SYNCED_FILES,
    SYNCED_NAMES,
    Step,
    commands_for,
)
from vexlab.guest.block import sectors_written
from vexlab.guest.crash import no_journal
from vexlab.guest.fsck import complained
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.guest.program import put, run_program
from vexlab.guest.vectors import ADAPTERS
from vexlab.plugin.fixtures import PowerCycle
from vexlab.workloads import SCRIPTS, script

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
]

_STEP_S = 120.0

# Of one vector, by a descriptor for which each write is a sync.
_ADD_DSYNC = "python3 /tmp/add_dsync.py vectors 5 5 5"
_ADDS_DSYNC = SCRIPTS / "add_dsync.py"
_SYNCED_VECTORS = (
    "vexctl create vectors --dim 3 && sync vectors .",
    "vexctl add vectors 1 2 3 && sync vectors",
    "vexctl add vectors 4 5 6 && vexctl add vectors 7 8 9 && sync -d vectors",
    "vexctl delete vectors 2 && sync -d vectors",
    "vexctl add vectors 1 1 1 && sync -f .",
    "vexctl add vectors 2 2 2 && touch other && sync other",  # commits the size of the collection along
    _ADD_DSYNC,
)
_VECTORS = (
    "vexctl create vectors --dim 3",
    "vexctl add vectors 1 2 3",
    "vexctl add vectors 4 5 6",
    "vexctl delete vectors 2",
)
_HOLD = (SCRIPTS / "hold_names.sh", SCRIPTS / "hold_names.py")  # and what it runs
_LATE = "cd {0} && echo $(ls | grep -c ^late) $(ls | grep -c ^held)"
_MODEL = "/tmp/tree5.manifest"


@pytest.mark.level(1)
def test_recovery_by_remount(filesystem: GuestFilesystem, power_cycle: PowerCycle) -> None:
    """After a power cut it is mounted read-only, made writable, and is then as whole as it is when mounted anew."""
    begin(filesystem)
    PostChecks(filesystem).fill(5, 60)
    hold = put(filesystem.machine, *_HOLD)
    held = filesystem.machine.exec(["bash", hold, filesystem.mountpoint], timeout=_STEP_S)
    assert held.ok, f"the files to be held open cannot be made: {held}"
    model = filesystem.machine.pull(_MODEL)
    filesystem = without_power(filesystem, power_cycle)
    fresh = filesystem.machine
    fresh.push(model, _MODEL)
    _leaves_alone(filesystem)
    mounted = filesystem.mount("ro")
    assert mounted.ok, f"after a power cut it does not mount read-only: {mounted}"
    filesystem.prove()
    _has_late(filesystem)
    post_checks = PostChecks(filesystem)
    post_checks.filled(5)
    if filesystem.can("remount_rw"):
        writable = fresh.exec(["busybox", "mount", "-o", "remount,rw", filesystem.device, filesystem.mountpoint])
    else:
        assert filesystem.unmount().ok
        writable = filesystem.mount()
    assert writable.ok, f"after recovery it cannot be made writable: {writable}"
    used = fresh.shell(script("use_recovered.sh"), filesystem.mountpoint, timeout=_STEP_S)
    assert used.ok, f"recovered and made writable it does not work: {used}"
    counts = post_checks.counts()
    post_checks.again()
    post_checks.filled(5)
    anew = post_checks.counts()
    assert anew == counts, f"it counts {counts}, and mounted anew {anew}"
    assert filesystem.unmount().ok


def _leaves_alone(filesystem: GuestFilesystem) -> None:
    """Assert that a journal is not replayed onto a device that is read-only."""
    machine, device = filesystem.machine, filesystem.device
    before = sectors_written(machine, device)
    assert machine.exec(["blockdev", "--setro", device]).ok
    if filesystem.mount("ro").ok:
        filesystem.prove()
        _has_late(filesystem)
        assert filesystem.unmount().ok
    assert machine.exec(["blockdev", "--setrw", device]).ok
    assert sectors_written(machine, device) == before, "it writes to a device that is read-only"


def _has_late(filesystem: GuestFilesystem) -> None:
    """Assert that what was synced last is there, though the journal alone has it."""
    told = filesystem.machine.shell(_LATE.format(filesystem.mountpoint), timeout=_STEP_S)
    expected = "40 0" if filesystem.can("unlink_open") else "40 40"
    assert told.text == expected, f"of 40 folders that were synced, and as many names removed, there are {told.text}"


@pytest.mark.level(2)
@pytest.mark.parametrize(
    ("option", "steps"), [("sync", (*NAMES, *DATA, GAP)), ("dirsync", NAMES)], ids=["sync", "dirsync"]
)
def test_synchronous(
    filesystem: GuestFilesystem, power_cycle: PowerCycle, option: str, steps: tuple[Step, ...]
) -> None:
    """Mounted to be synchronous, what was done is there after a power cut as soon as the call has returned."""
    _synchronous(filesystem, power_cycle, option, steps)


@pytest.mark.level(1)
@pytest.mark.parametrize(("option", "steps"), [("sync", DATA[:1]), ("dirsync", (FIRST_NAME,))], ids=["sync", "dirsync"])
def test_synchronous_once(
    filesystem: GuestFilesystem, power_cycle: PowerCycle, option: str, steps: tuple[Step, ...]
) -> None:
    """Mounted with sync a file that was written is there after a power cut, with dirsync one that was made."""
    _synchronous(filesystem, power_cycle, option, steps)


def _synchronous(filesystem: GuestFilesystem, power_cycle: PowerCycle, option: str, steps: tuple[Step, ...]) -> None:
    if option == "sync" and not filesystem.can("fsync"):
        pytest.skip("mounted with sync a write ends with fsync(2), which the filesystem refuses")
    if "synced_gaps" in dict(filesystem.target.refuses):
        steps = tuple(step for step in steps if step != GAP)
    _one_by_one(filesystem, power_cycle, commands_for(filesystem, steps), option)


@pytest.mark.needs(vectors=True)
def test_synchronous_vectors(filesystem: GuestFilesystem, power_cycle: PowerCycle) -> None:
    """Mounted to be synchronous, vectors that were added or deleted are so as soon as the call has returned."""
    if filesystem.target.vectors != "vexctl":
        pytest.skip("the steps are VexFS's own commands")
    _one_by_one(filesystem, power_cycle, _VECTORS, "sync")


@pytest.mark.level(1)
@pytest.mark.parametrize("steps", [SYNCED_DATA, SYNCED_FILES, SYNCED_NAMES], ids=["data", "files", "names"])
def test_synced(filesystem: GuestFilesystem, power_cycle: PowerCycle, steps: tuple[Step, ...]) -> None:
    """What was synced, by whatever call, is there after a power cut as soon as the call has returned."""
    _one_by_one(filesystem, power_cycle, commands_for(filesystem, steps))


@pytest.mark.level(1)
@pytest.mark.needs(vectors=True)
def test_synced_vectors(filesystem: GuestFilesystem, power_cycle: PowerCycle) -> None:
    """Vectors that were added and deleted, and synced, are so after a power cut as soon as the call has returned."""
    if filesystem.target.vectors != "vexctl":
        pytest.skip("the steps are VexFS's own commands")
    _one_by_one(filesystem, power_cycle, _SYNCED_VECTORS)


@pytest.mark.level(1)
@pytest.mark.needs(vectors=True)
def test_add_power_cut(filesystem: GuestFilesystem, power_cycle: PowerCycle) -> None:
    """Of an add that the power cut ends in its middle nothing is there, though others committed meanwhile."""
    if filesystem.target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    begin(filesystem)
    added = run_program(filesystem.machine, SCRIPTS / "cut_add.py", filesystem.mountpoint, timeout=_STEP_S)
    assert not added.wrong, str(added)
    if not added.counts["under_way"]:
        pytest.skip("the add had ended before the power was cut")
    filesystem = without_power(filesystem, power_cycle)
    mounted = filesystem.mount()
    assert mounted.ok, f"it does not mount after the power cut: {mounted}"
    filesystem.prove()
    live = ADAPTERS[filesystem.target.vectors](filesystem.machine).live(f"{filesystem.mountpoint}/large")
    assert live == 3, f"3 vectors were synced, {live} are there after an add that the power cut ended"
    assert filesystem.unmount().ok
    if filesystem.target.fsck:
        checked = filesystem.fsck()
        assert checked.ok, f"it is not consistent after recovery: {complained(checked)}"


def _one_by_one(filesystem: GuestFilesystem, power_cycle: PowerCycle, steps: tuple[str, ...], *options: str) -> None:
    """Do each of ``steps``, cut the power after it, and assert that all is as it was before the cut."""
    if reason := no_journal(filesystem.target):
        pytest.skip(f"{filesystem.target.name} does not promise to recover: {reason}")
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    before, last = "", "mkfs"
    for step in (*steps, ""):
        mounted = filesystem.mount(*options)
        assert mounted.ok, f"it does not mount after `{last}` and a power cut: {mounted}"
        filesystem.prove()
        there = _there(filesystem)
        assert there == before or last == "mkfs", f"after `{last}` and a power cut:\n{there}\ninstead of\n{before}"
        if step:
            # what listing has done to times must not take the step's changes along when it is committed
            if step == _ADD_DSYNC:
                put(filesystem.machine, _ADDS_DSYNC)
            commands = f"{PRELUDE}\ncd {filesystem.mountpoint} && sync -f . && {step}"
            done = filesystem.machine.shell(commands, timeout=_STEP_S)
            assert done.ok, f"{step}: {done}"
            before, last = _there(filesystem), step
            filesystem = without_power(filesystem, power_cycle)
    assert filesystem.unmount().ok
    if filesystem.target.fsck:
        checked = filesystem.fsck()
        assert checked.ok, f"it is not consistent after all: {complained(checked)}"


def _there(filesystem: GuestFilesystem) -> str:
    told = filesystem.machine.ash(script("list_tree.sh"), filesystem.mountpoint, timeout=_STEP_S)
    assert told.ok, f"what is there cannot be listed: {told}"
    assert " directory " in told.text, "not even the root directory is listed"
    return told.text

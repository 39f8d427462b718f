"""The machine's power is cut at random moments, and a new machine with the same disks sees what is left on them.

QEMU is killed with SIGKILL. What the guest had sent to its disk and not flushed may be there or not: the host keeps
what QEMU wrote, and loses what QEMU still held in memory, among it where new clusters of the image are. Writes that
come in another order than they were sent are not made by this; `test_crash_states.py` makes them.
"""

from __future__ import annotations

import os
import random

import pytest

from vexlab.deadline import Deadline
from vexlab.domains.safety_validation.machines import disks
from vexlab.guest.block import device_of
from vexlab.guest.crash import CrashPlan, no_journal, parse_power_cut
from vexlab.guest.fsck import complained
from vexlab.guest.mount import GuestFilesystem
from vexlab.plugin.fixtures import Metrics, PowerCycle

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.needs(mkfs=True, capabilities="mkdir"),  # its writers have folders of their own
    pytest.mark.vm(disks=disks),
]

SEED = "VEXLAB_SEED"  # environment variable: the programs and moments of an earlier run again
_SEEDS = 1 << 31
_OPERATIONS = 2000
_LONGEST_S = 2.0
_LEAST_OPERATIONS = 20
_START_S = 60.0
_VERIFY_S = 120.0


def _write_until(filesystem: GuestFilesystem, plan: CrashPlan, moment: float) -> None:
    """Make the filesystem, begin the program, and return ``moment`` seconds after it has got going."""
    machine = filesystem.machine
    witness = device_of(machine, "room")
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    mounted = filesystem.mount()
    assert mounted.ok, f"mount failed: {mounted}"
    filesystem.prove()
    assert machine.exec(["dd", "if=/dev/zero", f"of={witness}", "bs=4k", "count=1", "oflag=direct"]).ok
    argv = ["fscrash", "write", *plan.words(filesystem.target), filesystem.mountpoint, witness]
    pid = machine.begin(argv)
    going = f"dd if={witness} bs=512 count=1 iflag=direct status=none | tr -d '\\0o'"
    for _ in machine.deadline(_START_S).poll():
        done = machine.shell(going).text.strip()
        if done and int(done) >= _LEAST_OPERATIONS:
            break
    else:
        pytest.fail(f"the program did not get going: {machine.ended(pid, argv, 0)}")
    for _ in Deadline.after(moment).poll():
        ended = machine.ended(pid, argv, 0)
        assert ended is None, f"the program ended: {ended}"


def _verify(filesystem: GuestFilesystem, plan: CrashPlan, told: str) -> int:
    """Assert that what is on the disk is what a power cut may leave, and return how far the program had come."""
    machine = filesystem.machine
    mounted = filesystem.mount()
    assert mounted.ok, f"{told}: it does not mount after the power cut: {mounted}"
    filesystem.prove()
    witness = device_of(machine, "room")
    argv = ["fscrash", "verify", *plan.words(filesystem.target), filesystem.mountpoint, witness]
    result = machine.exec(argv, timeout=_VERIFY_S)
    assert result.status in (0, 1), f"{told}: nothing can be verified: {result}"
    cut = parse_power_cut(result.text)
    assert cut.ok, f"{told}: power was cut during operation {cut.operation} ({cut.during}): {cut.why}"
    unmounted = filesystem.unmount()
    assert unmounted.ok, f"{told}: it does not unmount: {unmounted}"
    if filesystem.target.fsck:
        checked = filesystem.fsck()
        assert checked.ok, f"{told}: it is not consistent after recovery: {complained(checked)}"
    return cut.operation


def _rounds(filesystem: GuestFilesystem, power_cycle: PowerCycle, metrics: Metrics, count: int) -> None:
    if reason := no_journal(filesystem.target):
        pytest.skip(f"{filesystem.target.name} does not promise to recover: {reason}")
    seed = int(os.environ.get(SEED) or random.randrange(_SEEDS))
    metrics.record("seed", seed)
    draw = random.Random(seed)
    done = 0
    for number in range(count):
        profile = "names" if number % 2 else "data"
        plan = CrashPlan(seed=draw.randrange(_SEEDS), count=_OPERATIONS, profile=profile)
        told = f"round {number} (do it again with {SEED}={seed})"
        _write_until(filesystem, plan, draw.uniform(0, _LONGEST_S))
        fresh = power_cycle(filesystem.machine)
        filesystem = filesystem.on(device_of(fresh, "scratch"), machine=fresh)
        done += _verify(filesystem, plan, told)
    metrics.record("operations_count", done)


@pytest.mark.level(1)
def test_power_cut_once(filesystem: GuestFilesystem, power_cycle: PowerCycle, metrics: Metrics) -> None:
    """After a power cut amid writes a new machine mounts it, finds all that was synced, and nothing else is wrong."""
    _rounds(filesystem, power_cycle, metrics, 1)


@pytest.mark.level(2)
@pytest.mark.slow
def test_power_cut(filesystem: GuestFilesystem, power_cycle: PowerCycle, metrics: Metrics) -> None:
    """After each of six power cuts at random moments all that was synced is there, names, bytes and link counts."""
    _rounds(filesystem, power_cycle, metrics, 6)

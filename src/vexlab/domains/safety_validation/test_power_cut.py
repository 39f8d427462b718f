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
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.questions import LastQuestions
from vexlab.plugin.fixtures import Metrics, Successor

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
]

SEED = "VEXLAB_SEED"  # environment variable: the programs and moments of an earlier run again
_SEEDS = 1 << 31
_OPERATIONS = 2000
_LONGEST_S = 2.0
_LEAST_OPERATIONS = 20
_START_S = 60.0
_STEP_S = 60.0

# Each is done, power is cut, and it must be there: of all before it the journal's commit may have taken care.
_NAMES = (
    "mkdir folder folder/inner",
    "touch folder/empty",
    "ln folder/empty folder/link",
    "ln -s somewhere/else symlink",
    "mv folder/empty folder/inner/moved",
    "rm folder/link",
    "mkdir gone && rmdir gone && mkfifo fifo",
)
_DATA = (  # without a growing truncate: ext4 waits for a shrinking one alone (ext4_truncate in fs/ext4/inode.c)
    "seq 5000 >data",
    "echo more >>data",
    "truncate -s 1000 data",
    "setfattr -n user.note -v kept data",
    "dd if=/dev/urandom of=data bs=1000 seek=7 count=3 conv=notrunc status=none",
)
# Forty files without a name are open, and forty folders are new: all of it is in the journal, and not yet in its place.
_HELD = """
cd {0} && mkdir many && touch $(seq -f many/%g 200) || exit 1
python3 - {0} >/tmp/held 2>&1 <<'END' &
import os, sys, time
os.chdir(sys.argv[1])
held = [os.open(f"held{{n}}", os.O_CREAT | os.O_RDWR) for n in range(40)]
for n, fd in enumerate(held):
    os.write(fd, b"x" * (1000 * n))
os.sync()
for n in range(40):
    os.unlink(f"held{{n}}")
    os.mkdir(f"late{{n}}")
os.fsync(os.open(".", os.O_RDONLY))
print("held", flush=True)
time.sleep(1000)
END
for wait in $(seq 200); do grep -q held /tmp/held && exit 0; sleep 0.1; done
cat /tmp/held; exit 1
"""
_USED = """
cd {0} && exec 5<>first 6<>second && seq 9999 >&5 && seq 9999 >&6 && rm first second && exec 5>&- 6>&- && rm -r many &&
seq 99999 >cut && truncate -s 100 cut && sync
"""
_MODEL = "/tmp/tree5.manifest"
# What is there, without times, which no filesystem promises to write at once
_THERE = """
cd {0} || exit 1
find . ! -name lost+found | sort | xargs stat -c '%N %F %h %a'
find . -type f | sort | xargs -r sha1sum
find . -type f | sort | xargs -r getfattr -d 2>/dev/null
exit 0
"""
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
    for _ in Deadline.after(_START_S).poll():
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
        assert checked.ok, f"{told}: it is not consistent after recovery: {checked}"
    return cut.operation


def _rounds(filesystem: GuestFilesystem, successor: Successor, metrics: Metrics, count: int) -> None:
    if reason := no_journal(filesystem.target):
        pytest.skip(f"{filesystem.target.name} does not promise to recover: {reason}")
    seed = int(os.environ.get(SEED) or random.randrange(_SEEDS))
    metrics.record("seed_count", seed)
    draw = random.Random(seed)
    done = 0
    for number in range(count):
        profile = "names" if number % 2 else "data"
        plan = CrashPlan(seed=draw.randrange(_SEEDS), count=_OPERATIONS, profile=profile)
        told = f"round {number} (do it again with {SEED}={seed})"
        _write_until(filesystem, plan, draw.uniform(0, _LONGEST_S))
        fresh = successor(filesystem.machine)
        filesystem = GuestFilesystem(fresh, filesystem.target, device_of(fresh, "scratch"), filesystem.mountpoint)
        done += _verify(filesystem, plan, told)
    metrics.record("operations_count", done)


@pytest.mark.level(1)
def test_power_cut_once(filesystem: GuestFilesystem, successor: Successor, metrics: Metrics) -> None:
    """After a power cut amid writes a new machine mounts it, finds all that was synced, and nothing else is wrong."""
    _rounds(filesystem, successor, metrics, 1)


@pytest.mark.level(2)
@pytest.mark.slow
def test_power_cut(filesystem: GuestFilesystem, successor: Successor, metrics: Metrics) -> None:
    """After each of six power cuts at random moments all that was synced is there, names, bytes and link counts."""
    _rounds(filesystem, successor, metrics, 6)


@pytest.mark.level(1)
def test_recovery_by_remount(filesystem: GuestFilesystem, successor: Successor) -> None:
    """After a power cut it is mounted read-only, made writable, and is then as whole as it is when mounted anew."""
    if reason := no_journal(filesystem.target):
        pytest.skip(f"{filesystem.target.name} does not promise to recover: {reason}")
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    assert filesystem.mount().ok
    LastQuestions(filesystem).fill(5, 60)
    held = filesystem.machine.shell(_HELD.format(filesystem.mountpoint), timeout=_STEP_S)
    assert held.ok, f"the files to be held open cannot be made: {held}"
    model = filesystem.machine.pull(_MODEL)
    fresh = successor(filesystem.machine)
    fresh.push(model, _MODEL)
    filesystem = GuestFilesystem(fresh, filesystem.target, device_of(fresh, "scratch"), filesystem.mountpoint)
    mounted = filesystem.mount("ro")
    assert mounted.ok, f"after a power cut it does not mount read-only: {mounted}"
    filesystem.prove()
    questions = LastQuestions(filesystem)
    questions.filled(5)
    writable = fresh.exec(["busybox", "mount", "-o", "remount,rw", filesystem.device, filesystem.mountpoint])
    assert writable.ok, f"after recovery it cannot be made writable: {writable}"
    used = fresh.shell(_USED.format(filesystem.mountpoint), timeout=_STEP_S)
    assert used.ok, f"recovered and made writable it does not work: {used}"
    counts = questions.counts()
    questions.again()
    questions.filled(5)
    anew = questions.counts()
    assert anew == counts, f"it counts {counts}, and mounted anew {anew}"
    assert filesystem.unmount().ok


@pytest.mark.level(2)
@pytest.mark.parametrize(
    ("option", "steps"), [("sync", (*_NAMES, *_DATA)), ("dirsync", _NAMES)], ids=["sync", "dirsync"]
)
def test_synchronous(filesystem: GuestFilesystem, successor: Successor, option: str, steps: tuple[str, ...]) -> None:
    """Mounted to be synchronous, what was done is there after a power cut as soon as the call has returned."""
    if reason := no_journal(filesystem.target):
        pytest.skip(f"{filesystem.target.name} does not promise to recover: {reason}")
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    before, last = "", "mkfs"
    for step in (*steps, ""):
        mounted = filesystem.mount(option)
        assert mounted.ok, f"it does not mount with {option} after `{last}` and a power cut: {mounted}"
        filesystem.prove()
        there = _there(filesystem)
        assert there == before or last == "mkfs", f"after `{last}` and a power cut:\n{there}\ninstead of\n{before}"
        if step:
            done = filesystem.machine.shell(f"cd {filesystem.mountpoint} && {step}", timeout=_STEP_S)
            assert done.ok, f"{step}: {done}"
            before, last = _there(filesystem), step
            fresh = successor(filesystem.machine)
            filesystem = GuestFilesystem(fresh, filesystem.target, device_of(fresh, "scratch"), filesystem.mountpoint)
    assert filesystem.unmount().ok
    if filesystem.target.fsck:
        checked = filesystem.fsck()
        assert checked.ok, f"it is not consistent after all: {checked}"


def _there(filesystem: GuestFilesystem) -> str:
    told = filesystem.machine.shell(_THERE.format(filesystem.mountpoint), timeout=_STEP_S)
    assert told.ok, f"what is there cannot be listed: {told}"
    assert " directory " in told.text, "not even the root directory is listed"
    return told.text

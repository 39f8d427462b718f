"""Every state that a power cut may leave on the disk: made from a log of the writes, mounted, and asked everything."""

from __future__ import annotations

import os
import random

import pytest

from vexlab.domains.safety_validation.machines import disks
from vexlab.guest.block import device_of
from vexlab.guest.crash import CrashPlan, no_journal, parse_crashes, run_argv
from vexlab.guest.mount import GuestFilesystem
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(2),
    pytest.mark.needs("DM_LOG_WRITES", "DM_SNAPSHOT", mkfs=True, capabilities="mkdir"),
    pytest.mark.vm(disks=disks),
    pytest.mark.slow,
]

SEED = "VEXLAB_SEED"  # environment variable: do the program of an earlier run again
_SEEDS = 1 << 31
_RUN_S = 600.0
_LAYER_KIB = 96 << 10  # what is written above one state; memory is taken as it is written
_OPERATIONS = 400
_STATES = 120
_LIMIT_S = 90  # in the guest; xfs on a busy host checks fewer states in it
_LIMIT_FEW_S = 20
_MOUNTPOINT = "/mnt/test"

# The hook is a shell script. A step adds one vector, every fourth 300 by one call, some blocks of them, which are there
# all or not at all. Every tenth step deletes the first vector that it has added. Then all is fsynced.
_VECTORS = """
set -e; file=$4/vectors
case $1 in
do)
    [ -e $file ] || vexctl create $file --dim 8
    if [ $(($2 % 4)) = 3 ]; then
        seq -f "$2 %g 2 3 4 5 6 7" 300 | vexctl add-many $file - >/dev/null
    else
        vexctl add $file $2 1 2 3 4 5 6 7 >/dev/null
    fi
    [ $(($2 % 10)) != 9 ] || vexctl delete $file $(($2 / 4 * 303 + $2 % 4 + 1)) >/dev/null
    sync $file ;;
check)
    [ -e $file ] || { [ $2 = 0 ] && exit 0; echo "a collection that was fsynced is gone"; exit 1; }
    vexctl --json stats $file >/tmp/stats 2>&1 || { [ $2 = 0 ] && exit 0; cat /tmp/stats; exit 1; }
    vexctl dump $file | grep -v '^#' >/tmp/dumped || true
    exec python3 /tmp/vectors.py $2 $3 ;;
esac
"""
# Its words are how many steps were fsynced, and how many were begun.
_VECTORS_CHECK = """
import json, sys

synced, begun = map(int, sys.argv[1:])
told = json.load(open("/tmp/stats"))
found = open("/tmp/dumped").read().splitlines()
there = told["live"] + told["deleted"]
step, rows, gone = 0, [], {}
while len(rows) < there:
    size = 300 if step % 4 == 3 else 1
    if step % 10 == 9:
        gone[len(rows)] = step
    rows += [f"{step} {n} 2 3 4 5 6 7" for n in range(1, size + 1)]
    step += 1
if len(rows) > there:
    sys.exit(print(f"of the {size} vectors added by one call {there - len(rows) + size} are there") or 1)
if not synced <= step <= begun:
    sys.exit(print(f"the vectors of {step} steps are there; {synced} were fsynced and {begun} begun") or 1)
kept = set(found)
wanted = [row for n, row in enumerate(rows) if n not in gone or gone[n] >= synced and row in kept]
if found != wanted:
    wrong = next((pair for pair in zip(found, wanted) if pair[0] != pair[1]), "their number")
    sys.exit(print(f"of {there} vectors that are there some are not what was added, or deleted: {wrong}") or 1)
"""


@pytest.mark.parametrize("profile", ["data", "names"])
def test_crash_states(filesystem: GuestFilesystem, metrics: Metrics, profile: str) -> None:
    """After a crash at any moment it mounts, is consistent, and holds all that was synced and nothing it never held."""
    plan = CrashPlan(seed=_seed(), count=_OPERATIONS, states=_STATES, limit=_LIMIT_S, profile=profile)
    _check(filesystem, metrics, plan)


@pytest.mark.level(1)
@pytest.mark.parametrize("profile", ["data", "names"])
def test_crash_states_few(filesystem: GuestFilesystem, metrics: Metrics, profile: str) -> None:
    """After a crash at any of a few moments it mounts, is consistent, and holds all that was synced."""
    plan = CrashPlan(seed=_seed(), count=_OPERATIONS // 2, states=_STATES // 4, limit=_LIMIT_FEW_S, profile=profile)
    _check(filesystem, metrics, plan)


@pytest.mark.needs(vectors=True)
def test_crash_vectors(filesystem: GuestFilesystem, metrics: Metrics) -> None:
    """After a crash at any moment an add is there whole or not at all, and all that was fsynced is as it was."""
    filesystem.machine.push(_VECTORS.encode(), "/tmp/vectors.sh")
    filesystem.machine.push(_VECTORS_CHECK.encode(), "/tmp/vectors.py")
    count, states = _OPERATIONS // 2, _STATES // 2
    plan = CrashPlan(seed=_seed(), count=count, states=states, limit=_LIMIT_S, profile="hooks", hook="/tmp/vectors.sh")
    _check(filesystem, metrics, plan)


def _check(filesystem: GuestFilesystem, metrics: Metrics, plan: CrashPlan) -> None:
    if reason := no_journal(filesystem.target):
        pytest.skip(f"{filesystem.target.name} does not promise to recover: {reason}")
    machine = filesystem.machine
    prepare_layers(machine)
    metrics.record("seed", plan.seed)
    argv = run_argv(
        filesystem.target,
        plan,
        disk=filesystem.device,
        log=device_of(machine, "room"),
        layer="/dev/ram0",
        mountpoint=_MOUNTPOINT,
        size=filesystem.target.min_disk,
    )
    result = machine.exec(argv, timeout=_RUN_S)
    assert result.status in (0, 1), f"the program cannot be recorded (seed {plan.seed}): {result}"
    report = parse_crashes(result.text)
    summary = report.summary
    metrics.record("states_count", summary.states)
    metrics.record("writes_count", summary.writes)
    metrics.record("states_per_minute", summary.states / max(summary.ms, 1) * 60_000)
    metrics.record("fsck_s", summary.fsck_ms / 1000)
    assert summary.states, "no state was checked"
    words = "\n".join(map(str, report.failed))
    assert not report.failed, (
        f"{summary.failures} of {summary.states} states are wrong: {words}\ndo the run again with {SEED}={plan.seed}"
    )


def prepare_layers(machine: Machine) -> None:
    """Load what states are made of; skip the case on a kernel that lacks it."""
    loaded = machine.shell(f"modprobe -a dm_mod dm_snapshot dm_log_writes && modprobe brd rd_nr=1 rd_size={_LAYER_KIB}")
    if not loaded.ok:
        pytest.skip(f"the kernel lacks log-writes, snapshot or RAM disks: {loaded.error_text}")


def _seed() -> int:
    return int(os.environ.get(SEED) or random.randrange(_SEEDS))

"""Every state that a power cut may leave on the disk: made from a log of the writes, mounted, and asked everything."""

from __future__ import annotations

import os
import random

import pytest

from vexlab.domains.safety_validation.machines import disks
from vexlab.guest.block import device_of
from vexlab.guest.crash import CrashPlan, no_journal, parse_crashes, run_argv
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.program import put
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine
from vexlab.workloads import SCRIPTS

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
_VECTORS = (SCRIPTS / "crash_vectors.sh", SCRIPTS / "crash_vectors.py")  # the hook, and what it runs


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
    hook = put(filesystem.machine, *_VECTORS)
    count, states = _OPERATIONS // 2, _STATES // 2
    plan = CrashPlan(seed=_seed(), count=count, states=states, limit=_LIMIT_S, profile="hooks", hook=hook)
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

"""Random sequences of operations on the target and on ext4 in step: each answer and the trees must be the same."""

from __future__ import annotations

import os
import random
import shlex

import pytest

from vexlab.domains.filesystem_operations.machines import disks
from vexlab.guest.block import device_of
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.script import render_script
from vexlab.guest.sequence import Comparison, parse_comparison, parse_program, render_program, render_programs
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine

pytestmark = [
    pytest.mark.domain("filesystem_operations"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
    pytest.mark.usefixtures("post_checks"),
    pytest.mark.single_thread_tcg,
]

SEED = "VEXLAB_SEED"  # environment variable: do the sequences of an earlier run again
_SEEDS = 1 << 31
_RARE = "VEXLAB_RARE"  # environment variable: the list by which the guest's programs are steered, as in lib/rare.h
_REFERENCE = """
modprobe ext4 2>/dev/null; mkdir -p /mnt/reference && mkfs.ext4 -q -F {0} && mount -t ext4 {0} /mnt/reference
"""
_COMPARE_S = 300.0
_DRAWN = 300
_PROGRAM = "/tmp/program"


def _places(mounted: GuestFilesystem) -> tuple[str, str]:
    """Return an empty folder on the target and one on ext4."""
    machine = mounted.machine
    made = machine.shell(_REFERENCE.format(device_of(machine, "reference")))
    assert made.ok, f"the reference filesystem cannot be made: {made}"
    own = f"{mounted.mountpoint}/work" if mounted.can("mkdir", "rmdir") else mounted.mountpoint
    work = (own, "/mnt/reference/work")
    folders = machine.exec(["mkdir", "-p", *work])
    assert folders.ok, f"no folder can be made: {folders}"
    return work


def _done(mounted: GuestFilesystem, metrics: Metrics, found: Comparison) -> None:
    metrics.record("operations_count", found.operations)
    metrics.record("operations_per_s", found.per_second)
    gone = mounted.machine.ash("umount /mnt/reference")  # it may be the target's module that it keeps
    assert gone.ok, f"the reference filesystem does not unmount: {gone}"


def _compare(
    mounted: GuestFilesystem, metrics: Metrics, seed: int, count: int, *options: str, steered: bool = True
) -> None:
    work = _places(mounted)
    metrics.record("seed", seed)
    argv = ["fsseq", "compare", *options, str(seed), str(count), *work]
    env = {} if steered else {_RARE: ""}
    found = parse_comparison(mounted.machine.exec(argv, timeout=_COMPARE_S, env=env).text)
    if found.differ:
        without = f"--without {shlex.quote(found.without)}" if found.without else ""
        unsteered = "" if steered else f"{_RARE}= "
        program = f"{unsteered}fsseq gen {without} {found.seed} {found.count}"
        pytest.fail(_told(mounted.machine, found, program, work, seed))
    assert found.operations == count, f"only {found.operations} of {count} operations were done"
    _done(mounted, metrics, found)


def _told(machine: Machine, found: Comparison, program: str, work: tuple[str, str], seed: int) -> str:
    """Shrink the sequence that differs, which the shell command ``program`` prints, and tell it as a shell script."""
    shrunk = machine.shell(f"{program} | fsseq shrink - {work[0]} {work[1]}", timeout=_COMPARE_S)
    title = f"{found.operation}: {found.a} on the target, {found.b} on ext4"
    words = f"{title} (do the run again with {SEED}={seed})"
    if not shrunk.ok or not shrunk.text.strip():
        return f"{words}\nit cannot be shrunk: {shrunk}"
    return f"{words}\n{render_script(parse_program(shrunk.text), title=title)}"


def _seed() -> int:
    return int(os.environ.get(SEED) or random.randrange(_SEEDS))


@pytest.mark.level(1)
def test_sequence_known(mounted: GuestFilesystem, metrics: Metrics) -> None:
    """2,000 operations of a fixed seed give the same answers and trees as on ext4, and the tree lasts."""
    _compare(mounted, metrics, 1, 2000, "--drop", steered=False)


@pytest.mark.slow
def test_sequence_random(mounted: GuestFilesystem, metrics: Metrics) -> None:
    """20,000 operations of a new seed give the same answers and trees as on ext4, caches dropped in between."""
    _compare(mounted, metrics, _seed(), 20_000, "--drop")


@pytest.mark.slow
def test_sequence_long(mounted: GuestFilesystem, metrics: Metrics) -> None:
    """Programs of 5,000 operations each, with ever fuller trees, give the same answers and trees as on ext4."""
    _compare(mounted, metrics, _seed(), 20_000, "--chunk", "5000")


@pytest.mark.slow
def test_sequence_drawn(mounted: GuestFilesystem, metrics: Metrics) -> None:
    """300 programs that Hypothesis draws give the same answers and trees as on ext4, caches dropped after each."""
    from vexlab.guest.draw import draw  # only here: a third of the start of every run goes into it

    machine, work, seed = mounted.machine, _places(mounted), _seed()
    metrics.record("seed", seed)
    without = frozenset(word for each in work for word in machine.exec(["fsseq", "probe", each]).text.split(","))
    programs = draw(_DRAWN, seed, without=without)
    machine.push(render_programs(programs).encode(), _PROGRAM)
    found = parse_comparison(machine.exec(["fsseq", "try", "--drop", _PROGRAM, *work], timeout=_COMPARE_S).text)
    if found.differ:
        machine.push(render_program(programs[found.programs - 1]).encode(), _PROGRAM)
        pytest.fail(_told(machine, found, f"cat {_PROGRAM}", work, seed))
    assert found.programs == len(programs), f"only {found.programs} of {len(programs)} programs were done"
    _done(mounted, metrics, found)

"""What reaches the disk: no more requests, sectors and flushes than ext4 sends for the same work, and no fewer flushes.

These figures do not depend on time. The least of several rounds is taken for both sides, so that a journal's timer or
a look at the disk by others does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath

import pytest

from vexlab.domains.performance_metrics.judge import Judge
from vexlab.domains.performance_metrics.limits import Limits
from vexlab.domains.performance_metrics.machines import SHAPE
from vexlab.domains.performance_metrics.pair import Pair
from vexlab.domains.performance_metrics.requests import Requests, by_phase, least_of
from vexlab.guest.block import requests_of
from vexlab.guest.fsperf import REFERENCE, TARGET, Sample, fsperf_argv, parse_samples
from vexlab.guest.vectors import ADAPTERS, draw
from vexlab.vm.machine import Machine
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("performance_metrics"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(**SHAPE),
]

_ROUNDS = 3
_NAMES, _COLD, _BLOCKS, _SYNCS = 200, 1000, 1024, 50
_IDLE_S, _IDLE_TRIES = 6, 8
_LATE = 3
_LATE_FLUSHES = script("count_flushes.sh")
_VECTORS, _DIM = 1000, 2048  # 8 MB: two thousand requests, where each block is read by itself


def _no_more(judge: Judge, limits: Limits, name: str, ours: Mapping[str, int], theirs: Mapping[str, int]) -> None:
    """Judge what the target made reach its disk by what the reference did."""
    for figure, value in ours.items():
        most = limits.requests * theirs[figure] + limits.requests_slack[figure]
        judge.count(f"{name}_{figure}", value, theirs[figure], most=most)


def _compare(
    samples: Sequence[Sample], judge: Judge, limits: Limits, *, prefix: str = ""
) -> dict[str, tuple[Requests, Requests]]:
    """Judge each phase, together with the sync that follows it; return target's and reference's counts."""
    ours, theirs = by_phase(samples, TARGET), by_phase(samples, REFERENCE)
    found = {phase: (least_of(ours[phase]), least_of(theirs[phase])) for phase in ours}
    for phase, (target, reference) in found.items():
        if phase not in ("drop", "forget"):
            _no_more(judge, limits, f"{prefix}{phase}", asdict(target), asdict(reference))
    return found


def _beside(
    pair: Pair, name: str, ours: Callable[[], None], theirs: Callable[[], None], judge: Judge, limits: Limits
) -> Mapping[str, int]:
    """Judge work that fsperf does not know, done once by each side; return what the target made reach its disk."""
    found: list[dict[str, int]] = []
    for device, work in ((pair.target.device, ours), (pair.device, theirs)):
        before = requests_of(pair.machine, device)
        work()
        after = requests_of(pair.machine, device)
        found.append({figure: after[figure] - before[figure] for figure in after})
    _no_more(judge, limits, name, *found)
    return found[0]


def _late_flushes(machine: Machine, folder: str, device: str) -> int:
    """Overwrite, let another file's fsync commit the times, and return how often a syncfs then flushes the disk."""
    flushed = machine.shell(_LATE_FLUSHES, folder, PurePosixPath(device).name, str(_LATE), timeout=120)
    assert flushed.ok, str(flushed)
    return int(flushed.text)


def _synced(*phases: str) -> list[str]:
    return [word for phase in phases for word in (phase, "sync")]


@pytest.mark.level(1)
def test_requests_names(ext4: Pair, judge: Judge, limits: Limits) -> None:
    """Creating, changing, renaming and removing files, and a sync, write and flush no more than in ext4."""
    phases = _synced("create", "chmod", "rename", "link", "symlink", "mkdir", "stat", "readdir", "unlink")
    _compare(ext4.perf(*phases, rounds=_ROUNDS, count=_NAMES), judge, limits)
    ext4.clear()
    judge.done()


def test_requests_data(ext4: Pair, judge: Judge, limits: Limits) -> None:
    """Data are written once, in large pieces; reading reads each block once, and what is in memory not at all."""
    ext4.room(size=2 * _BLOCKS * 4096)
    phases = (*_synced("write", "scatter"), "drop", *_synced("read", "remove"))
    found = _compare(ext4.perf(*phases, rounds=_ROUNDS, count=_BLOCKS), judge, limits)
    written = found["write"][TARGET].write_sectors * 512
    if written < _BLOCKS * 4096:
        judge.wrong(f"of {_BLOCKS * 4096} bytes only {written} were on the disk after sync")
    ext4.perf("write", rounds=1, count=_BLOCKS, warm_up=False)
    again = ext4.perf("read", rounds=_ROUNDS, count=_BLOCKS)
    reads = _compare(again, judge, limits, prefix="again_")["read"][TARGET].reads
    if reads:
        judge.wrong(f"reading what is in memory reads {reads} times from the disk")
    ext4.clear()
    judge.done()


@pytest.mark.needs(capabilities="fsync fdatasync unlink")
def test_requests_sync(ext4: Pair, judge: Judge, limits: Limits) -> None:
    """Each fsync flushes the disk's cache, and writes and flushes no more than in ext4."""
    ext4.room(size=2 * _ROUNDS * _SYNCS * 4096, names=2 * _ROUNDS * _SYNCS)
    samples = ext4.perf("durable", "fsync", "sync", "fdatasync", "unlink", rounds=_ROUNDS, count=_SYNCS, grow=True)
    found = _compare(samples, judge, limits)
    for phase in ("durable", "fsync", "fdatasync"):
        target, reference = found[phase]
        if target.flushes < _SYNCS <= reference.flushes:
            judge.wrong(f"{_SYNCS} times {phase} flushed the disk's cache {target.flushes} times")
    devices = (ext4.target.device, ext4.device)
    ours, theirs = (_late_flushes(ext4.machine, *side) for side in zip(ext4.folders, devices, strict=True))
    if ours < _LATE <= theirs and "syncfs_flush" not in dict(ext4.target.target.refuses):
        judge.wrong(f"{_LATE} times syncfs, with nothing left but data, flushed the disk's cache {ours} times")
    ext4.clear()
    judge.done()


def test_requests_cold(ext4: Pair, judge: Judge, limits: Limits) -> None:
    """After mount, listing, looking up and reading many small files reads no more of the disk than in ext4."""
    ext4.perf("small", rounds=1, count=_COLD, warm_up=False)
    samples: list[Sample] = []
    for _ in range(2):
        ext4.again()
        samples += ext4.perf("readdir", "stat", "load", rounds=1, count=_COLD, warm_up=False)
    _compare(samples, judge, limits)
    ext4.clear()
    judge.done()


@pytest.mark.needs(vectors=True)
def test_requests_vectors(ext4: Pair, judge: Judge, limits: Limits) -> None:
    """Vectors are written once, and read once and in large pieces by a search, as a file of their size is in ext4."""
    machine, store = ext4.machine, ADAPTERS[ext4.target.target.vectors](ext4.machine)
    collection, file = (f"{folder}/vectors" for folder in ext4.folders)
    vectors = draw(8, _VECTORS, _DIM)
    assert store.create(collection, dim=_DIM).ok

    def add() -> None:
        assert store.add(collection, vectors).ok

    def write() -> None:
        written = machine.shell(f"head -c $(stat -c %s {collection}) /dev/urandom >{file}", timeout=120)
        assert written.ok, f"the reference's file cannot be written: {written}"

    def search() -> None:
        assert [hit.id for [hit] in store.search(collection, vectors[:1], k=1)] == [1]

    def read() -> None:
        assert machine.shell(f"cat {file} >/dev/null", timeout=120).ok

    _beside(ext4, "add", add, write, judge, limits)
    ext4.again()
    _beside(ext4, "search", search, read, judge, limits)
    if again := _beside(ext4, "search_again", search, read, judge, limits)["reads"]:
        judge.wrong(f"a search of what is in memory reads {again} times from the disk")
    ext4.clear()
    judge.done()


def test_requests_idle(ext4: Pair, judge: Judge) -> None:
    """A filesystem that nobody uses comes to rest: for some seconds it neither reads nor writes nor flushes."""
    ext4.perf(*_synced("small", "load", "unlink"), rounds=1, count=_NAMES, warm_up=False)
    argv = fsperf_argv(["idle"], ext4.folders[:1], rounds=1, count=_IDLE_S * 1000, warm_up=False)
    for _ in range(_IDLE_TRIES):
        result = ext4.machine.exec(argv, timeout=60)
        assert result.ok, f"the requests cannot be counted: {result}"
        (idle,) = parse_samples(result.text)
        if not idle.reads + idle.writes + idle.flushes:
            break
    else:
        judge.wrong(f"after {_IDLE_TRIES * _IDLE_S} s unused it still reads, writes or flushes: {idle}")
    ext4.clear()
    judge.done()

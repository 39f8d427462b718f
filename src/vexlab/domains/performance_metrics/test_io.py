"""Reading and writing with fio: throughput, operations per second and latencies, beside ext2 and ext4."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import pytest

from vexlab.domains.performance_metrics.judge import Judge
from vexlab.domains.performance_metrics.limits import Limits
from vexlab.domains.performance_metrics.machines import SHAPE
from vexlab.domains.performance_metrics.pair import Pair
from vexlab.domains.performance_metrics.workloads import CACHED, SYNCED
from vexlab.guest.fio import FioFigures, FioJob
from vexlab.guest.fsperf import REFERENCE, TARGET
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("performance_metrics"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(**SHAPE),
]

_ROUNDS = 9
_LARGEST = 12 << 20  # bytes of a file


def _tell(metrics: Metrics, job: str, figures: Sequence[FioFigures]) -> None:
    metrics.record(f"{job}_bytes_per_s", median(each.bytes_per_s for each in figures))
    metrics.record(f"{job}_ops_per_s", median(each.ops_per_s for each in figures))
    metrics.record(f"{job}_p50_us", median(each.p50_us for each in figures))
    metrics.record(f"{job}_p99_us", median(each.p99_us for each in figures))


def _judge(
    figures: Sequence[FioFigures], jobs: Sequence[FioJob], judge: Judge, metrics: Metrics, limits: Limits, least: float
) -> None:
    for job in jobs:
        sides = [
            sorted((each for each in figures if (each.job, each.side) == (job.name, side)), key=lambda each: each.round)
            for side in (TARGET, REFERENCE)
        ]
        _tell(metrics, job.name, sides[TARGET])
        _tell(metrics, f"{job.name}_reference", sides[REFERENCE])
        pairs = list(zip(*sides, strict=True))
        judge.compare(job.name, [one.ops_per_s / other.ops_per_s for one, other in pairs], least=least)
        tails = [one.p99_us / max(other.p99_us, 1) for one, other in pairs]
        judge.compare(f"{job.name}_p99", tails, most=limits.tail)


@pytest.mark.needs(capabilities="unlink truncate_up")
def test_io_cached(ext2: Pair, judge: Judge, metrics: Metrics, limits: Limits) -> None:
    """Sequential, random and mixed reads and writes through the page cache are at least half as fast as in ext2."""
    ext2.room(size=_LARGEST)
    figures = ext2.fio(*CACHED, rounds=_ROUNDS)
    _judge(figures, CACHED, judge, metrics, limits, limits.cached_rate)
    ext2.clear()
    judge.done()


@pytest.mark.needs(capabilities="unlink truncate_up fsync fdatasync")
def test_io_synced(ext4: Pair, judge: Judge, metrics: Metrics, limits: Limits) -> None:
    """Writes that are to be on the disk at once are not many times slower than in ext4."""
    ext4.room(size=_LARGEST)
    figures = ext4.fio(*SYNCED, rounds=_ROUNDS)
    _judge(figures, SYNCED, judge, metrics, limits, limits.synced_rate)
    ext4.clear()
    judge.done()

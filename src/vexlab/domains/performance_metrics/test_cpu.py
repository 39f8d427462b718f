"""Processor time: what an operation costs, apart from what it waits for, beside ext4."""

from __future__ import annotations

from statistics import median

import pytest

from vexlab.domains.performance_metrics.judge import Judge, in_pairs, ratios
from vexlab.domains.performance_metrics.limits import Limits
from vexlab.domains.performance_metrics.machines import SHAPE
from vexlab.domains.performance_metrics.pair import Pair
from vexlab.guest.fsperf import Sample
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("performance_metrics"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(**SHAPE),
]

_PHASES = ("small", "stat", "load", "rename", "unlink", "write", "scatter", "read", "remove")
_JUDGED = tuple(phase for phase in _PHASES if phase != "remove")
_ROUNDS, _COUNT = 11, 200


def _cpu_us(sample: Sample) -> float:
    return max(sample.cpu_ns, 1) / 1000 / max(sample.count, 1)


def test_cpu(ext4: Pair, judge: Judge, metrics: Metrics, limits: Limits) -> None:
    """An operation takes not many times the processor time that it takes in ext4, user's and kernel's together."""
    samples = ext4.perf(*_PHASES, rounds=_ROUNDS, count=_COUNT)
    done = {each.phase for each in samples}  # what the filesystem has not got is left out
    assert done, "nothing was done"
    for phase in filter(done.__contains__, _JUDGED):
        pairs = in_pairs(samples, phase)
        metrics.record(f"{phase}_cpu_us", median(_cpu_us(target) for target, _ in pairs))
        metrics.record(f"{phase}_cpu_reference_us", median(_cpu_us(reference) for _, reference in pairs))
        used = [100 * target.cpu_ns / max(target.ns, 1) for target, _ in pairs]
        metrics.record(f"{phase}_used_percent", median(used))
        judge.compare(f"{phase}_cpu", ratios(pairs, _cpu_us), most=limits.cpu)
    ext4.clear()
    judge.done()

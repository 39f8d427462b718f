"""Scaling: what two and four threads do together, in directories of their own, against one alone."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import pytest

from vexlab.domains.performance_metrics.judge import Judge, in_pairs
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

_THREADS = (1, 2, 4)
_PHASES = ("small", "stat", "load", "rename", "unlink", "write", "scatter", "read", "remove")
_JUDGED = tuple(phase for phase in _PHASES if phase != "remove")
_ROUNDS, _COUNT = 11, 200


def _tell(metrics: Metrics, name: str, pairs: Sequence[tuple[Sample, Sample]]) -> None:
    metrics.record(f"{name}_per_s", median(target.per_second for target, _ in pairs))
    metrics.record(f"{name}_reference_per_s", median(reference.per_second for _, reference in pairs))


def test_threads(ext4: Pair, judge: Judge, metrics: Metrics, limits: Limits) -> None:
    """Two and four threads gain as much over one, or lose as little, as they do in ext4."""
    samples = ext4.perf(*_PHASES, rounds=_ROUNDS, count=_COUNT, threads=_THREADS)
    done = {each.phase for each in samples}  # what the filesystem has not got is left out
    for phase in filter(done.__contains__, _JUDGED):
        alone = in_pairs(samples, phase, 1)
        _tell(metrics, f"{phase}_1", alone)
        for threads in _THREADS[1:]:
            together = in_pairs(samples, phase, threads)
            _tell(metrics, f"{phase}_{threads}", together)
            gains = [
                (many[0].per_second / one[0].per_second) / (many[1].per_second / one[1].per_second)
                for many, one in zip(together, alone, strict=True)
            ]
            judge.compare(f"{phase}_{threads}_gain", gains, least=limits.gain)
    ext4.clear()
    judge.done()

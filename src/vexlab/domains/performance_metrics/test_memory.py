"""Memory: what the kernel keeps for a file in use, and what it still keeps when the file is gone."""

from __future__ import annotations

import pytest

from vexlab.domains.performance_metrics.intervals import median_interval
from vexlab.domains.performance_metrics.judge import Judge, in_pairs, ratios
from vexlab.domains.performance_metrics.limits import Limits
from vexlab.domains.performance_metrics.machines import SHAPE
from vexlab.domains.performance_metrics.pair import Pair

pytestmark = [
    pytest.mark.domain("performance_metrics"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(**SHAPE),
]

_FILES, _ROUNDS = 1000, 7


def test_memory_files(ext4: Pair, judge: Judge, limits: Limits) -> None:
    """A file in use takes no more slab memory than in ext4, many times over; removed files leave none behind."""
    phases = ("small", "open", "load", "unlink", "drop")
    samples = ext4.perf(*phases, rounds=_ROUNDS, count=_FILES, memory=True, apart=True)
    made = in_pairs(samples, "small")
    judge.interval("file_slab_bytes", median_interval([target.slab_bytes / _FILES for target, _ in made]))
    judge.compare("file_slab", ratios(made, lambda each: each.slab_bytes / _FILES), most=limits.memory_per_file)
    rounds = [
        [pair for phase in phases for pair in in_pairs(samples, phase) if pair[0].round == number]
        for number in range(1, _ROUNDS + 1)
    ]
    left = [sum(target.slab_bytes - reference.slab_bytes for target, reference in pairs) / _FILES for pairs in rounds]
    judge.interval("left_per_file_bytes", median_interval(left), most=limits.left_per_file_bytes)
    ext4.clear()
    judge.done()

"""Memory: what the kernel keeps in its slabs for each file in use."""

from __future__ import annotations

from statistics import median

import pytest

from vexlab.domains.performance_metrics.judge import Judge, in_pairs, ratios
from vexlab.domains.performance_metrics.limits import Limits
from vexlab.domains.performance_metrics.machines import SHAPE
from vexlab.domains.performance_metrics.pair import Pair
from vexlab.guest.fsperf import Sample
from vexlab.plugin.fixtures import Metrics
from vexlab.stats import median_interval

pytestmark = [
    pytest.mark.domain("performance_metrics"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(**SHAPE),
]

_FILES, _ROUNDS = 1000, 6


@pytest.mark.needs(capabilities="unlink")
def test_memory_files(ext4: Pair, judge: Judge, metrics: Metrics, limits: Limits) -> None:
    """A file in use (its inode, its names, what the journal notes of it) takes not many times the slab of ext4's."""
    ext4.room(names=2 * _FILES)
    samples: list[Sample] = []
    for _ in range(_ROUNDS):
        # Mounted anew: what a filesystem frees in its own good time, as xfs does, is of no other round.
        ext4.again()
        samples += ext4.perf("small", "unlink", rounds=1, count=_FILES, memory=True, apart=True, warm_up=False)
    made = in_pairs(samples, "small")
    judge.interval("file_slab_bytes", median_interval([target.slab_bytes / _FILES for target, _ in made]))
    metrics.record("file_slab_reference_bytes", median(reference.slab_bytes / _FILES for _, reference in made))
    judge.compare("file_slab", ratios(made, lambda each: each.slab_bytes), most=limits.memory_per_file)
    ext4.clear()
    judge.done()

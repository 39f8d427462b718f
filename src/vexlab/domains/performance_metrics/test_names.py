"""Operations on names: how many a second, beside ext4; and that they take no longer in a large directory."""

from __future__ import annotations

from statistics import median

import pytest

from vexlab.domains.performance_metrics.judge import Judge, in_pairs, ratios, speed
from vexlab.domains.performance_metrics.limits import Limits
from vexlab.domains.performance_metrics.machines import SHAPE
from vexlab.domains.performance_metrics.pair import Pair
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("performance_metrics"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(**SHAPE),
]

# Names of small files; "forget" makes the kernel forget inodes and names, so that those after it look them up anew.
_PHASES = (
    *("small", "stat", "open", "chmod", "xattr", "readdir", "absent", "rename", "link", "symlink", "mkdir"),
    *("forget", "load", "unlink"),
)
_ROUNDS, _NAMES = 17, 100


def test_names(ext4: Pair, judge: Judge, metrics: Metrics, limits: Limits) -> None:
    """Creating, looking up, listing, renaming, linking and removing names is not many times slower than in ext4."""
    samples = ext4.perf(*_PHASES, rounds=_ROUNDS, count=_NAMES)
    done = {each.phase for each in samples}  # what the filesystem has not got is left out
    assert done, "nothing was done"
    for phase in filter(done.__contains__, _PHASES):
        pairs = in_pairs(samples, phase)
        metrics.record(f"{phase}_per_s", median(target.per_second for target, _ in pairs))
        metrics.record(f"{phase}_reference_per_s", median(reference.per_second for _, reference in pairs))
        if phase != "forget":
            judge.compare(phase, ratios(pairs, speed), least=limits.names_rate)
    ext4.clear()
    judge.done()

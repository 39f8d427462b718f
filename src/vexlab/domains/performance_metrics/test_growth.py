"""Growth: an operation takes no longer because there is more of everything already, which the shape of times tells.

The work is done in equal batches, on target and reference in turn. Were each operation to look at all there is, its
time would grow in proportion: the slope of log(time of target / time of reference) over log(size) would come near 1.
Of what is well indexed it is near 0. How fast the machine is does not enter into it.
"""

from __future__ import annotations

import math

import pytest

from vexlab.domains.performance_metrics.judge import Judge, in_pairs
from vexlab.domains.performance_metrics.limits import Limits
from vexlab.domains.performance_metrics.machines import SHAPE
from vexlab.domains.performance_metrics.pair import Pair
from vexlab.stats import slope_interval

pytestmark = [
    pytest.mark.domain("performance_metrics"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(**SHAPE),
]

_BATCHES = 64
_NAMES = 120  # in a batch, of create and unlink
_FILES = 75  # 25 to a directory
_BLOCKS = 100


def _grows(
    pair: Pair, judge: Judge, limits: Limits, name: str, phase: str, count: int, *, shrinking: bool = False
) -> None:
    samples = pair.perf(phase, rounds=_BATCHES, count=count, grow=True, warm_up=False)
    pairs = in_pairs(samples, phase)[1:]  # the first batch meets cold caches
    before = [target.round * count for target, _ in pairs]
    sizes = [_BATCHES * count - done for done in before] if shrinking else before
    xs = [math.log(size - count / 2 if shrinking else size + count / 2) for size in sizes]
    ys = [math.log(target.ns / reference.ns) for target, reference in pairs]
    judge.interval(f"{name}_exponent", slope_interval(xs, ys), most=limits.exponent)


@pytest.mark.needs(capabilities="unlink")
def test_growth_names(ext4: Pair, judge: Judge, limits: Limits) -> None:
    """Adding a name to a directory and removing one take no longer the more names there are."""
    ext4.room(names=2 * _BATCHES * _NAMES)
    _grows(ext4, judge, limits, "insert", "create", _NAMES)
    _grows(ext4, judge, limits, "remove", "unlink", _NAMES, shrinking=True)
    ext4.clear()
    judge.done()


@pytest.mark.needs(capabilities="mkdir rmdir unlink")
def test_growth_room(ext4: Pair, judge: Judge, limits: Limits) -> None:
    """Making a file takes no longer the more files there are, nor appending to one the longer it is."""
    ext4.room(size=2 * _BATCHES * _BLOCKS * 4096, names=2 * _BATCHES * _FILES // 25)
    _grows(ext4, judge, limits, "files", "spread", _FILES)
    _grows(ext4, judge, limits, "append", "write", _BLOCKS)
    ext4.clear()
    judge.done()

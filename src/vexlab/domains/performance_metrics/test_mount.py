"""How long mount and unmount take, of a filesystem with files in it, beside ext4 and against the settings' limit."""

from __future__ import annotations

from statistics import median

import pytest

from vexlab.config import Thresholds
from vexlab.domains.performance_metrics.judge import Judge
from vexlab.domains.performance_metrics.limits import Limits
from vexlab.domains.performance_metrics.machines import SHAPE
from vexlab.domains.performance_metrics.pair import Pair
from vexlab.plugin.fixtures import Metrics
from vexlab.stats import median_interval
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("performance_metrics"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(**SHAPE),
]

_ROUNDS = 9
_FILES = 500
_CYCLE = script("time_mounts.sh")


def _times(pair: Pair, rounds: int) -> list[tuple[float, ...]]:
    """Return for each round the seconds of the target's unmount and mount, and of the reference's."""
    target = pair.target
    options = ["-o", ",".join(target.target.mount_options)] if target.target.mount_options else []
    words = (
        [pair.points[0], "-t", target.target.fstype, *options, target.device],
        [pair.points[1], "-t", pair.reference, pair.device],
    )
    result = pair.machine.shell(_CYCLE, str(rounds), str(len(words[0])), *words[0], *words[1], timeout=600)
    assert result.ok, f"unmounting and mounting fails: {result}"
    numbers = [int(word) / 1e6 for word in result.text.split()]
    return [tuple(numbers[at : at + 4]) for at in range(0, len(numbers), 4)]


def test_mount(ext4: Pair, judge: Judge, metrics: Metrics, limits: Limits, thresholds: Thresholds) -> None:
    """Mount and unmount take not many times longer than ext4's, and less than the settings allow."""
    ext4.perf("small", rounds=1, count=_FILES, warm_up=False)
    first = _times(ext4, 2)
    slow = [mount for _, mount, _, other in first if mount > thresholds.mount_s > 5 * other]
    assert len(slow) < len(first), (
        f"mounting takes {slow[0]:.1f} s and {slow[1]:.1f} s, allowed are {thresholds.mount_s:g}; "
        f"ext4 takes {first[0][3]:.2f} s"
    )
    times = _times(ext4, _ROUNDS)
    judge.interval("mount_s", median_interval([each[1] for each in times]), most=thresholds.mount_s)
    judge.interval("unmount_s", median_interval([each[0] for each in times]), most=thresholds.mount_s)
    metrics.record("mount_reference_s", median(each[3] for each in times))
    metrics.record("unmount_reference_s", median(each[2] for each in times))
    judge.compare("mount", [mount / other for _, mount, _, other in times], most=limits.mount)
    judge.compare("unmount", [unmount / other for unmount, _, other, _ in times], most=limits.mount)
    ext4.clear()
    judge.done()

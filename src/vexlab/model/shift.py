"""Whether a figure that was measured run after run has moved to another level, and where. Pure.

The levels before and after each place in question are Huber's one-step estimates, compared by Student's statistic with
the variance that belongs to them (Huber, Robust Statistics, 6.7; the degrees of freedom are Yuen's, Biometrika 61,
1974): what lies further from the median of its side than ``_CLIP`` robust standard deviations counts as lying there.
So a single spike is no change, however high, and heavy tails do not widen what is noise.
The question is asked again after every run and of segments of several lengths, so the level of each test (``LEVELS``)
is far below that of the whole; most of it is spent where it is promised to find a change.
``python -m bench statistics`` counts the errors of both kinds; docs/explanation/statistics.md has the figures.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

FEWEST = 30  # values before a change; of fewer nobody knows how they vary
# Runs after a change → the two-sided level of the test of so many.
LEVELS = {5: 1e-8, 10: 1.6e-4, 20: 8e-5, 40: 2.2e-4}
LENGTHS = tuple(LEVELS)
_BASE_MOST = 160  # older ones say little of today's host
_CLIP = 1.8
_MAD = 1.4826  # the standard deviation of a normal distribution, by its median absolute deviation
_SCREEN = 0.7  # of the least statistic that counts: the quick look takes all values with one centre
_LEAST = 0.02  # smaller changes are not reported, however certain
_FLOOR = 0.001  # of the value: what is measured is not known better
_NORMAL = NormalDist()


class Direction(StrEnum):
    """Where a figure went."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A change of level: ``at`` is the index of the first run of the new level, ``seen`` of that in which it was found.

    ``before`` and ``after`` are the levels, ``relative`` by how much of the first; ``p`` is the test's two-sided
    probability of such a difference by chance, of this one look.
    """

    at: int
    seen: int
    before: float
    after: float
    relative: float
    p: float

    @property
    def direction(self) -> Direction:
        """Where it went."""
        return Direction.UP if self.after > self.before else Direction.DOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a series says: its changes, the oldest first, and how many ``runs`` there are.

    ``noise`` is the standard deviation of a run since the last change, as a part of the level. ``enough`` tells whether
    there are enough runs since then to see a new change.
    """

    runs: int
    shifts: tuple[Shift, ...]
    noise: float | None
    enough: bool

    @property
    def words(self) -> str:
        """What can be said, as a sentence."""
        if self.shifts:
            last = self.shifts[-1]
            return f"{len(self.shifts)} changes of level, the last {100 * last.relative:+.1f} %"
        if not self.enough:
            return f"not enough data: {self.runs} runs, {FEWEST + LENGTHS[0]} are needed to see a change"
        return "no change of level"


def run_value(values: Sequence[float], reference: Sequence[float] = ()) -> float:
    """Return the figure of a run that measured it several times: its median, or the ratio to that of a reference.

    The reference is what the same host did in the same run, such as another filesystem: the host's load and drift are
    in both, and not in their ratio. Raises ``ValueError`` where there is no value, or the reference's is zero.
    """
    if not values:
        raise ValueError("a run without a value")
    # Of few repetitions the mean of the middle half is nearly as exact as the mean, and one spike does not move it far.
    middle = _middle(values)
    if not reference:
        return middle
    below = _middle(reference)
    if not below:
        raise ValueError("the reference is zero")
    return middle / below


def _middle(values: Sequence[float]) -> float:
    """Return the mean of ``values`` without the outlying ones, by their median absolute deviation."""
    if len(values) < 3:
        return statistics.fmean(values)
    centre = statistics.median(values)
    spread = _MAD * statistics.median(abs(each - centre) for each in values)
    near = [each for each in values if abs(each - centre) <= 3 * spread]
    return statistics.fmean(near or values)


def judge(values: Sequence[float], *, least: float = _LEAST) -> Judged:
    """Return the changes of level in ``values``, a run each, the oldest first; missing runs are left out.

    Values that are all positive are compared by their ratios, others by their differences. ``least`` is the smallest
    relative change that is told.
    """
    logs = all(each > 0 for each in values)
    series = [math.log(each) for each in values] if logs else list(values)
    shifts: list[Shift] = []
    start = 0
    end = FEWEST + LENGTHS[0]
    while end <= len(series) - start:
        found = _look(series[start : start + end], logs=logs)
        if found and abs(_relative(found.before, found.after, logs=logs)) >= least:
            shifts.append(_shift(found, start, start + end - 1, logs=logs))
            start += found.at
            end = FEWEST + LENGTHS[0]
        else:
            end += 1
    rest = series[start:]
    return Judged(
        runs=len(values), shifts=tuple(shifts), noise=_noise(rest, logs=logs), enough=len(rest) >= FEWEST + LENGTHS[0]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    at: int
    before: float
    after: float
    p: float


def _shift(found: _Found, start: int, seen: int, *, logs: bool) -> Shift:
    return Shift(
        at=start + found.at,
        seen=seen,
        before=math.exp(found.before) if logs else found.before,
        after=math.exp(found.after) if logs else found.after,
        relative=_relative(found.before, found.after, logs=logs),
        p=found.p,
    )


def _relative(before: float, after: float, *, logs: bool) -> float:
    if logs:
        return math.expm1(after - before)
    return (after - before) / abs(before) if before else math.copysign(math.inf, after - before)


def _noise(series: Sequence[float], *, logs: bool) -> float | None:
    if len(series) < FEWEST:
        return None
    middle = statistics.median(series)
    spread = _MAD * statistics.median(abs(each - middle) for each in series)
    return spread if logs else (spread / abs(middle) if middle else None)


def _look(series: Sequence[float], *, logs: bool) -> _Found | None:
    """Return the most certain change that the newest runs of ``series`` show, where one is certain enough."""
    best: tuple[float, _Found] | None = None
    for length in _screened(series, logs=logs):
        before, after = series[-length - _BASE_MOST : -length], series[-length:]
        if not _apart(before, after):
            continue
        p, low, high = _compared(before, after, logs=logs)
        found = _Found(at=len(series) - length, before=low, after=high, p=p)
        surprise = p / LEVELS[length]
        if surprise < 1 and (best is None or surprise < best[0]):
            best = (surprise, found)
    return best[1] if best else None


def _screened(series: Sequence[float], *, logs: bool) -> list[int]:
    """Return the lengths of segments at the end that may differ: sums of kept values tell it quickly."""
    recent = series[-_BASE_MOST - LENGTHS[-1] :]
    centre = statistics.median(recent)
    spread = _spread_of([abs(each - centre) for each in recent], centre, logs=logs)
    low, high = centre - 3 * spread, centre + 3 * spread
    sums = list(itertools.accumulate(min(max(each, low), high) - centre for each in recent))
    total, count = sums[-1], len(sums)
    found = []
    for length in LENGTHS:
        rest = count - length
        if rest < FEWEST:
            break
        difference = (total - sums[rest - 1]) / length - sums[rest - 1] / rest
        if abs(difference) > _SCREEN * _Z[length] * spread * math.sqrt(1 / length + 1 / rest):
            found.append(length)
    return found


_Z = {length: _NORMAL.inv_cdf(1 - level / 2) for length, level in LEVELS.items()}


def _apart(before: Sequence[float], after: Sequence[float]) -> bool:
    """Whether three quarters of the newer values lie on one side of the older ones' median: not some spikes alone."""
    middle, quarter = statistics.median(before), len(after) // 4
    ordered = sorted(after)
    return ordered[quarter] > middle or ordered[-1 - quarter] < middle


def _compared(before: Sequence[float], after: Sequence[float], *, logs: bool) -> tuple[float, float, float]:
    """Return the two-sided probability of the difference by chance, and both levels."""
    low, high = statistics.median(before), statistics.median(after)
    left, right = [each - low for each in before], [each - high for each in after]
    reach = _CLIP * _spread_of([abs(each) for each in left], low, logs=logs)
    within = sum(abs(each) <= reach for each in left) + sum(abs(each) <= reach for each in right)
    kept = within / (len(left) + len(right))  # the part that says where the level is
    left, right = ([min(max(each, -reach), reach) for each in side] for side in (left, right))
    mean_left, mean_right = math.fsum(left) / len(left), math.fsum(right) / len(right)
    squares = sum(each * each for each in left) - len(left) * mean_left**2
    squares += sum(each * each for each in right) - len(right) * mean_right**2
    freedom = max(within - 2, 3)
    deviation = max(math.sqrt(max(squares, 0.0) / freedom * kept) / kept, _floor(low, logs=logs))
    low, high = low + mean_left / kept, high + mean_right / kept
    t = (high - low) / (deviation * math.sqrt(1 / len(left) + 1 / len(right)))
    return two_sided(t, freedom), low, high


def _spread_of(distances: Sequence[float], centre: float, *, logs: bool) -> float:
    return max(_MAD * statistics.median(distances), _floor(centre, logs=logs))


def _floor(centre: float, *, logs: bool) -> float:
    return _FLOOR if logs else max(_FLOOR * abs(centre), 1e-12)


FEWEST_BEFORE = 10  # values, to say whether another is one of them


def outlying(before: Sequence[float], value: float) -> float | None:
    """Return the two-sided probability that a run like those ``before`` is as far off as ``value``.

    It is that of Student's statistic of one more value; ``None`` for fewer than ``FEWEST_BEFORE``. A single run may
    be a spike, so this is no change of level, but says what is beyond the noise.
    """
    if len(before) < FEWEST_BEFORE:
        return None
    logs = value > 0 and all(each > 0 for each in before)
    series = [math.log(each) for each in before] if logs else list(before)
    one = math.log(value) if logs else value
    # The value is its own median, so that nothing of it is clipped.
    return _compared(series, [one], logs=logs)[0]


def two_sided(t: float, freedom: float) -> float:
    """Return the probability that Student's t with ``freedom`` is this far from 0 (Wallace, Ann. Math. Stat. 30, 1959).

    Wallace's normal deviate is exact to some per cent of the probability down to 1e-6 for five degrees and more.
    """
    scale = (8 * freedom + 1) / (8 * freedom + 3)
    deviate = scale * math.sqrt(freedom * math.log1p(t * t / freedom))
    return 2 * _NORMAL.cdf(-deviate)

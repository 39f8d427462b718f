"""Whether a figure that was measured run after run has moved to another level, and where. Pure.

The values after each place in question are compared with those before it by van der Waerden's normal scores: each is
replaced by the normal quantile of its rank among those before, and the mean of these is compared with zero (van der
Waerden, Indag. Math. 14, 1952; Lehmann, Nonparametrics, 2.6). The test assumes no distribution and is as powerful as
Student's where that one's assumption holds (Chernoff and Savage, Ann. Math. Stat. 29, 1958). A score is bounded, so a
single spike is no change, however high.
The question is asked again after every run and of segments of several lengths, so the level of each test (``TESTS``)
is far below that of the whole; most of it is spent where it is promised to find a change.
``python -m bench statistics`` counts the errors of both kinds; docs/explanation/statistics.md has the figures.
"""

from __future__ import annotations

import bisect
import functools
import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

FEWEST = 30  # values before a change; of fewer nobody knows how they vary


@dataclass(frozen=True, slots=True)
class _Test:
    """The test of the newest ``length`` runs at the two-sided ``level``."""

    length: int
    level: float


TESTS = (_Test(5, 5e-6), _Test(10, 8e-5), _Test(20, 2e-5), _Test(40, 2e-4))
LENGTHS = tuple(each.length for each in TESTS)
_NEEDED = FEWEST + LENGTHS[0]
_JUDGED_MOST = 250  # runs; what changed before them is history
_BLOCK = 50  # runs that are looked at together
_BASE_MOST = 160  # older ones say little of today's host
_CLIP = 1.8
_MAD = 1.4826  # the standard deviation of a normal distribution, by its median absolute deviation
_SCREEN = 0.75  # of the least statistic that counts: the quick look takes all values with one centre
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
            many = f"{len(self.shifts)} changes of level, the last" if len(self.shifts) > 1 else "a change of level:"
            return f"{many} {100 * last.relative:+.1f} %"
        if not self.enough:
            return f"not enough data: {self.runs} runs, {_NEEDED} are needed to see a change"
        return "no change of level"


def run_value(values: Sequence[float], reference: Sequence[float] = ()) -> float:
    """Return the figure of a run that measured it several times: their mean, or the ratio to that of a reference.

    The reference is what the same host did in the same run, such as another filesystem: the host's load and drift are
    in both, and not in their ratio. Raises ``ValueError`` where there is no value, or the reference's is zero.
    """
    if not values:
        raise ValueError("a run without a value")
    middle = _middle(values)
    if not reference:
        return middle
    below = _middle(reference)
    if not below:
        raise ValueError("the reference is zero")
    return middle / below


def _middle(values: Sequence[float]) -> float:
    """Return the mean of ``values``; of five and more without the outlying ones, by their median absolute deviation.

    Of fewer the deviation says little, and would take good values away. A run that is a spike is no change, either.
    """
    if len(values) < 5:
        return statistics.fmean(values)
    centre = statistics.median(values)
    spread = _MAD * statistics.median(abs(each - centre) for each in values)
    near = [each for each in values if abs(each - centre) <= 6 * spread]
    return statistics.fmean(near or values)


def judge(values: Sequence[float], *, least: float = _LEAST) -> Judged:
    """Return the changes of level in ``values``, a run each, the oldest first; missing runs are left out.

    Values that are all positive are compared by their ratios, others by their differences. ``least`` is the smallest
    relative change that is told.
    """
    logs = all(each > 0 for each in values)
    series = [math.log(each) for each in values] if logs else list(values)
    shifts: list[Shift] = []
    start = max(len(series) - _JUDGED_MOST, 0)
    while found := _first(series, start):
        end, change = found
        if abs(_relative(change.before, change.after, logs=logs)) >= least:
            shifts.append(_shift(change, start, end - 1, logs=logs))
        start += change.at
    rest = series[start:]
    return Judged(runs=len(values), shifts=tuple(shifts), noise=_noise(rest, logs=logs), enough=len(rest) >= _NEEDED)


def _first(series: Sequence[float], start: int) -> tuple[int, _Found] | None:
    """Return the first change from ``start`` on, and the number of runs after which it is seen."""
    for begin in range(start + _NEEDED, len(series) + 1, _BLOCK):
        for end, tests in _screened(series, start, begin):
            if found := _look(series[start:end], tests):
                return end, found
    return None


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


def _look(series: Sequence[float], tests: Sequence[_Test]) -> _Found | None:
    """Return the most certain change that the newest runs of ``series`` show, where one is certain enough."""
    best: tuple[float, int, float] | None = None
    for test in tests:
        p = scores_test(series[-test.length - _BASE_MOST : -test.length], series[-test.length :])
        if p < test.level and (best is None or p / test.level < best[0]):
            best = (p / test.level, test.length, p)
    if best is None:
        return None
    at = _place(series, best[1])
    before, after = series[max(at - _BASE_MOST, 0) : at], series[at:]
    return _Found(at=at, before=statistics.median(before), after=statistics.median(after), p=best[2])


def scores_test(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the two-sided probability of ranks like those of ``after`` among ``before`` by chance."""
    base, quantiles = sorted(before), _quantiles(len(before))
    total = sum(quantiles[bisect.bisect_left(base, each) + bisect.bisect_right(base, each)] for each in after)
    deviate = total / len(after) / math.sqrt(1 / len(after) + 1 / len(before))
    return 2 * _NORMAL.cdf(-abs(deviate))


@functools.cache
def _quantiles(count: int) -> tuple[float, ...]:
    """Return the normal quantile of each rank among ``count`` values, in halves: a tie lies between two ranks."""
    return tuple(_NORMAL.inv_cdf((half + 1) / (2 * count + 2)) for half in range(2 * count + 1))


def _place(series: Sequence[float], length: int) -> int:
    """Return where the new level begins: where the values are nearest to the medians of both sides."""
    recent = list(series[-length - FEWEST :])
    base = len(series) - len(recent)

    def distance(at: int) -> float:
        return sum(
            sum(abs(each - middle) for each in side)
            for side in (recent[:at], recent[at:])
            for middle in (statistics.median(side),)
        )

    return base + min(range(FEWEST // 2, len(recent) - 2), key=distance)


def _screened(series: Sequence[float], start: int, begin: int) -> Iterator[tuple[int, list[_Test]]]:
    """Yield after which runs of a block from ``begin`` on something may be found, and by which tests.

    Sums of scores among all values of the block and before it tell it quickly.
    """
    stop = min(begin + _BLOCK, len(series) + 1)
    first = max(begin - _BASE_MOST - LENGTHS[-1], start)
    recent = series[first : stop - 1]
    base, quantiles = sorted(recent), _quantiles(len(recent))
    scores = (quantiles[bisect.bisect_left(base, each) + bisect.bisect_right(base, each)] for each in recent)
    sums = [0.0, *itertools.accumulate(scores)]
    for end in range(begin, stop):
        total, count = sums[end - first], end - first
        tests = []
        for test in TESTS:
            rest = count - test.length
            if rest < FEWEST:
                break
            difference = (total - sums[rest]) / test.length - sums[rest] / rest
            if abs(difference) > _LIMITS[test.length] * math.sqrt(1 / test.length + 1 / rest):
                tests.append(test)
        if tests:
            yield end, tests


_LIMITS = {each.length: _SCREEN * _NORMAL.inv_cdf(1 - each.level / 2) for each in TESTS}


def _compared(before: Sequence[float], after: Sequence[float], *, logs: bool) -> float:
    """Return the two-sided probability by chance of the difference of Huber's one-step estimates of both levels.

    Huber, Robust Statistics, 6.7; the degrees of freedom are Yuen's (Biometrika 61, 1974).
    """
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
    return two_sided(t, freedom)


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
    return _compared(series, [one], logs=logs)


def two_sided(t: float, freedom: float) -> float:
    """Return the probability that Student's t with ``freedom`` is this far from 0 (Wallace, Ann. Math. Stat. 30, 1959).

    Wallace's normal deviate is exact to some per cent of the probability down to 1e-6 for five degrees and more.
    """
    scale = (8 * freedom + 1) / (8 * freedom + 3)
    deviate = scale * math.sqrt(freedom * math.log1p(t * t / freedom))
    return 2 * _NORMAL.cdf(-deviate)

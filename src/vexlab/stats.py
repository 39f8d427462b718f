"""Medians, slopes and trends that assume no distribution, some with a confidence interval. Pure.

Times in a shared machine have long tails, so that means and their t-intervals tell little. Everything here rests on
ranks alone: one outlier, however far out, moves it no further than to the next measured value.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, median

CONFIDENCE = 0.95
FEWEST = 6  # values: of five, even the least and the greatest enclose the median with 93.75 % only


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate and the bounds that enclose the truth with probability ``confidence`` or more."""

    low: float
    middle: float
    high: float
    confidence: float


def median_interval(values: Sequence[float]) -> Interval:
    """Return the median between two order statistics (Conover, Practical Nonparametric Statistics, 3.2).

    The k-th smallest and the k-th greatest of n enclose the median with 1 - 2 P(X < k), X binomial(n, 1/2); k is the
    greatest for which this is ``CONFIDENCE`` at least. Of six to eight values they are the least and the greatest.
    Raises ``ValueError`` for fewer than ``FEWEST``.
    """
    count = len(values)
    if count < FEWEST:
        raise ValueError(f"{count} values give no interval, {FEWEST} are needed")
    ordered = sorted(values)
    below, rank = 0.0, 0  # P(X < rank + 1) of the next step
    for k in range(count // 2):
        tail = below + math.comb(count, k) / 2**count
        if 1 - 2 * tail < CONFIDENCE:
            break
        below, rank = tail, k + 1
    return Interval(low=ordered[rank - 1], middle=median(ordered), high=ordered[-rank], confidence=1 - 2 * below)


def slope_interval(xs: Sequence[float], ys: Sequence[float]) -> Interval:
    """Return the median slope of all pairs of points, with bounds from Kendall's statistic (Theil 1950, Sen 1968).

    Raises ``ValueError`` for fewer than ``FEWEST`` points, or where all have the same ``x``.
    """
    count = len(xs)
    if count < FEWEST:
        raise ValueError(f"{count} points give no slope, {FEWEST} are needed")
    slopes = _slopes(xs, ys)
    if not slopes:
        raise ValueError("all points have the same x")
    spread = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    first = max(math.floor((len(slopes) - spread) / 2), 0)
    last = min(math.ceil((len(slopes) + spread) / 2), len(slopes) - 1)
    return Interval(low=slopes[first], middle=median(slopes), high=slopes[last], confidence=CONFIDENCE)


def slope(values: Sequence[float]) -> float:
    """Return the median slope of all pairs of ``values``, each one step after the last; 0 for fewer than two."""
    return median(_slopes(range(len(values)), values) or [0.0])


def kendall_tau(values: Sequence[float]) -> float:
    """Return how steadily ``values`` rise (Kendall): 1 where each is greater than all before it, -1 where less."""
    pairs = list(itertools.combinations(values, 2))
    rising = sum((later > earlier) - (later < earlier) for earlier, later in pairs)
    return rising / len(pairs) if pairs else 0.0


def _slopes(xs: Sequence[float], ys: Sequence[float]) -> list[float]:
    points = zip(xs, ys, strict=True)
    return sorted((y2 - y1) / (x2 - x1) for (x1, y1), (x2, y2) in itertools.combinations(points, 2) if x1 != x2)

"""How a case, a domain or a metric went over time: pass rates with their intervals, durations, values. Pure."""

from __future__ import annotations

import datetime
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from vexlab.model.shift import judge
from vexlab.model.verdict import Verdict

_Z95 = 1.959963984540054  # the 97.5th percentile of the normal distribution: two-sided 95 %
_RED = (Verdict.FAILED, Verdict.CRASHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Values of a period: how many, the least, the median and the greatest."""

    count: int
    least: float
    median: float
    greatest: float


class Point(NamedTuple):
    """One result, or one value of a metric. ``started`` is when its run began, ``line`` what it is drawn as.

    ``started`` counts the seconds since 1970, ``digest`` is that of the case's code. A value of a metric comes in
    ``value``, a duration in seconds. A trend is made of ten thousands: a tuple takes a quarter of a dataclass's time.
    """

    line: str
    started: float
    verdict: Verdict
    digest: str = ""
    revision: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """What one period says. ``since`` is its begin, ISO 8601 in UTC.

    ``rate`` is ``passed`` of ``decided`` (passed, failed or crashed), from ``low`` to ``high`` with 95 % confidence;
    ``None`` where nothing decided. ``others`` counts what did not: skipped, blocked, errors, undecided. ``changed``
    tells that the code of a case is another one than in the period before.
    """

    since: str
    decided: int
    passed: int
    rate: float | None
    low: float | None
    high: float | None
    others: int
    values: Spread | None
    revisions: tuple[str, ...]
    changed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelChange:
    """A change of a figure's level (``vexlab.model.shift``): in which run it begins, and how far it went.

    ``since`` is when that run began, ISO 8601 in UTC; ``p`` the probability of such a difference by chance.
    """

    since: str
    revision: str
    before: float
    after: float
    relative: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A line of periods, the oldest first; those in which nothing ran are left out. ``whole`` is all of them as one.

    ``changes`` are those of the level of its values, the oldest first, as far as the code of the case is today's;
    ``judged`` says so in words, also where there are not enough values; it is empty of a line without values.
    ``noise`` is the standard deviation of a run since the last change, as a part of the level.
    """

    line: str
    unit: str
    periods: tuple[Period, ...]
    whole: Period
    changes: tuple[LevelChange, ...] = ()
    judged: str = ""
    noise: float | None = None


def wilson(passed: int, decided: int, z: float = _Z95) -> tuple[float, float]:
    """Return the Wilson score interval of a rate (E. B. Wilson, JASA 22, 1927), by default with 95 % confidence.

    It stays within 0 and 1 and says something at both ends: of 5 passes of 5 it is 0.57 to 1. Raises ``ValueError``
    where nothing decided.
    """
    if not 0 <= passed <= decided or not decided:
        raise ValueError(f"{passed} of {decided} is no rate")
    rate, square = passed / decided, z * z
    middle = (rate + square / (2 * decided)) / (1 + square / decided)
    reach = z / (1 + square / decided) * math.sqrt(rate * (1 - rate) / decided + square / (4 * decided * decided))
    low = 0.0 if passed == 0 else middle - reach
    high = 1.0 if passed == decided else middle + reach
    return low, high


def trends(points: Iterable[Point], period_s: float, unit: str = "") -> tuple[Trend, ...]:
    """Return a trend for each line, in their order; a period begins at a multiple of ``period_s`` since 1970."""
    lines: dict[str, list[Point]] = {}
    for point in points:
        lines.setdefault(point.line, []).append(point)
    return tuple(_trend(line, found, period_s, unit) for line, found in sorted(lines.items()))


def _trend(line: str, points: Sequence[Point], period_s: float, unit: str) -> Trend:
    ordered = sorted(points, key=attrgetter("started"))
    periods = tuple(_periods(ordered, period_s))
    digests = {point.digest for point in points if point.digest}
    whole = _period(ordered, ordered[0].started, changed=len(digests) > 1)
    measured = [each for each in ordered if each.value is not None and each.digest == ordered[-1].digest]
    if not measured:
        return Trend(line=line, unit=unit, periods=periods, whole=whole)
    judged = judge([each.value for each in measured if each.value is not None])
    changes = tuple(
        LevelChange(
            since=_minute(measured[each.at].started),
            revision=measured[each.at].revision,
            before=each.before,
            after=each.after,
            relative=each.relative,
            p=each.p,
        )
        for each in judged.shifts
    )
    return Trend(
        line=line,
        unit=unit,
        periods=periods,
        whole=whole,
        changes=changes,
        judged=judged.words,
        noise=judged.noise,
    )


def _periods(ordered: Sequence[Point], period_s: float) -> list[Period]:
    slots: dict[int, list[Point]] = {}
    for point in ordered:
        slots.setdefault(int(point.started // period_s), []).append(point)
    told: list[Period] = []
    digests: set[str] = set()
    for slot, found in slots.items():
        now = {point.digest for point in found if point.digest}
        told.append(_period(found, slot * period_s, changed=bool(digests and now - digests)))
        digests |= now
    return told


def _period(points: Sequence[Point], since: float, *, changed: bool) -> Period:
    verdicts = [point.verdict for point in points]
    passed = verdicts.count(Verdict.PASSED)
    decided = passed + sum(map(verdicts.count, _RED))
    low, high = wilson(passed, decided) if decided else (None, None)
    values = [point.value for point in points if point.value is not None]
    return Period(
        since=_minute(since),
        decided=decided,
        passed=passed,
        rate=passed / decided if decided else None,
        low=low,
        high=high,
        others=len(points) - decided,
        values=_spread(values) if values else None,
        revisions=tuple(dict.fromkeys(point.revision for point in points if point.revision)),
        changed=changed,
    )


def _minute(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="minutes")


def _spread(values: Sequence[float]) -> Spread:
    return Spread(count=len(values), least=min(values), median=statistics.median(values), greatest=max(values))

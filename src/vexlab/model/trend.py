"""How a case, a domain or a metric went over time: pass rates with their intervals, durations, values. Pure."""

from __future__ import annotations

import dataclasses
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


class Results(NamedTuple):
    """Results in columns, the oldest first; ``started`` counts the seconds since 1970."""

    started: Sequence[float]
    verdicts: Sequence[Verdict]
    digests: Sequence[str]
    revisions: Sequence[str]


class Series(NamedTuple):
    """Values of results, one for each: ``None`` where a result has none."""

    line: str
    unit: str
    values: Sequence[float | None]


def trends(points: Iterable[Point], period_s: float, unit: str = "") -> tuple[Trend, ...]:
    """Return a trend for each line, in their order; a period begins at a multiple of ``period_s`` since 1970."""
    lines: dict[str, list[Point]] = {}
    for point in points:
        lines.setdefault(point.line, []).append(point)
    told: list[Trend] = []
    for line, found in sorted(lines.items()):
        _, started, verdicts, digests, revisions, values = zip(*sorted(found, key=attrgetter("started")), strict=True)
        told += series_trends(Results(started, verdicts, digests, revisions), [Series(line, unit, values)], period_s)
    return tuple(told)


def series_trends(results: Results, series: Iterable[Series], period_s: float) -> tuple[Trend, ...]:
    """Return the trend of each of ``series``, which all are of the same results: what these say is counted once."""
    slots = _slots(results.started, period_s)
    periods, known = [], set[str]()
    for slot, part in slots:
        digests = {each for each in results.digests[part] if each}
        periods.append(_period(results, part, slot * period_s, changed=bool(known and digests - known)))
        known |= digests
    all_of_it = slice(0, len(results.started))
    whole = _period(results, all_of_it, results.started[0], changed=len(known) > 1)
    placed = [(part, period) for (_, part), period in zip(slots, periods, strict=True)]
    return tuple(_trend(each, results, placed, whole) for each in series)


def _trend(series: Series, results: Results, periods: Iterable[tuple[slice, Period]], whole: Period) -> Trend:
    values = series.values
    told = Trend(
        line=series.line,
        unit=series.unit,
        periods=tuple(_with(period, values[part]) for part, period in periods),
        whole=_with(whole, values),
    )
    today = results.digests[-1]
    measured = [
        (at, value)
        for at, (value, digest) in enumerate(zip(values, results.digests, strict=True))
        if value is not None and digest == today
    ]
    if not measured:
        return told
    judged = judge([value for _, value in measured])
    changes = tuple(
        LevelChange(
            since=_minute(results.started[measured[each.at][0]]),
            revision=results.revisions[measured[each.at][0]],
            before=each.before,
            after=each.after,
            relative=each.relative,
            p=each.p,
        )
        for each in judged.shifts
    )
    return dataclasses.replace(told, changes=changes, judged=judged.words, noise=judged.noise)


def _slots(started: Sequence[float], period_s: float) -> list[tuple[int, slice]]:
    """Return the numbers of the periods that have results, each with the place of these."""
    numbers = [int(each // period_s) for each in started]
    begins = [at for at, number in enumerate(numbers) if not at or numbers[at - 1] != number]
    return [(numbers[begin], slice(begin, end)) for begin, end in zip(begins, [*begins[1:], len(numbers)], strict=True)]


def _period(results: Results, part: slice, since: float, *, changed: bool) -> Period:
    verdicts = results.verdicts[part]
    passed = verdicts.count(Verdict.PASSED)
    decided = passed + sum(map(verdicts.count, _RED))
    low, high = wilson(passed, decided) if decided else (None, None)
    return Period(
        since=_minute(since),
        decided=decided,
        passed=passed,
        rate=passed / decided if decided else None,
        low=low,
        high=high,
        others=len(verdicts) - decided,
        values=None,
        revisions=tuple(dict.fromkeys(each for each in results.revisions[part] if each)),
        changed=changed,
    )


def _with(period: Period, values: Sequence[float | None]) -> Period:
    known = [each for each in values if each is not None]
    return dataclasses.replace(period, values=_spread(known)) if known else period


def _minute(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="minutes")


def _spread(values: Sequence[float]) -> Spread:
    return Spread(count=len(values), least=min(values), median=statistics.median(values), greatest=max(values))

"""What the store has of a case, a domain or a metric, as points of a trend."""

from __future__ import annotations

import datetime
import functools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from vexlab.errors import UsageError
from vexlab.model.aliases import current
from vexlab.model.case import RunInfo
from vexlab.model.key import is_chosen
from vexlab.model.metric import UNITS
from vexlab.model.trend import Point, Results, Series, Trend, series_trends, trends
from vexlab.model.verdict import Verdict
from vexlab.results.schema import CaseRow, MeasureRow, MetricRow, ProblemRow, RunRow
from vexlab.results.store import Store
from vexlab.results.stored import read_as

T = TypeVar("T")
Query = TypeVar("Query", bound=Select[*tuple[Any, ...]])
PROBLEMS = "problems"
_RED = Verdict.FAILED
_AT_ONCE = 500  # variables of one statement


class _Said(NamedTuple):
    """A result, without what only its own page needs."""

    number: int
    id: str
    domain: str
    kernel: str
    configuration: str
    verdict: Verdict
    digest: str
    duration_s: float
    target: str
    started: str
    revision: str

    @property
    def line(self) -> str:
        return _line(self.target, self.configuration, self.id)

    @property
    def passed(self) -> bool:
        return self.verdict is Verdict.PASSED

    def point(self, line: str, value: float | None = None) -> Point:
        return Point(line, _seconds(self.started), self.verdict, self.digest, self.revision, value)


_Value = tuple[_Said, tuple[str, str], float]  # a value of a metric, its name and unit, and whose it is
_SAID = (
    CaseRow.number,
    CaseRow.id,
    CaseRow.domain,
    CaseRow.kernel,
    CaseRow.configuration,
    CaseRow.verdict,
    CaseRow.digest,
    CaseRow.duration_s,
    RunRow.target,
    RunRow.started,
    RunRow.revision,
)


def trends_of(
    store: Store, word: str, *, since: datetime.datetime, period_s: float, target: str = ""
) -> tuple[Trend, ...]:
    """Return the trends of ``word``: a domain, a case (its id, the beginning, a pattern), or the name of a metric.

    Of ``PROBLEMS`` it is how many distinct ones each run of a target showed, a run passing that showed none.
    Those of a case are its duration in seconds and, each as a line of its own, its metrics. Durations and values are
    those of results that passed. Raises ``UsageError`` where the store has nothing of the name since ``since``.
    """
    asked = _Asked(since=_text(since), target=target)
    with store.reading() as session:
        found = (
            (_problems(session, asked, period_s) if word == PROBLEMS else ())
            or _domain(session, asked, word, period_s)
            or _cases(session, asked, word, period_s)
            or _metric(session, asked, word, period_s)
        )
    if not found:
        raise UsageError(
            f"nothing is known of `{word}` since {since:%Y-%m-%d %H:%M}",
            hint=_hint(store, word),
        )
    return found


def _hint(store: Store, word: str) -> str:
    """Return what may have been meant: people are shown a metric without its unit, ``load`` for ``load_s``."""
    wanted = [f"{word}{unit.suffix}" for unit in UNITS]
    with store.reading() as session:
        names = sorted(set(session.scalars(select(MeasureRow.name).where(MeasureRow.name.in_(wanted)))))
    if names:
        return f"did you mean {' or '.join(f'`{name}`' for name in names)}? --period reaches further back"
    return (
        "a case or a domain, as `vexlab results last` shows them, or the whole name of a metric, as `vexlab report "
        "--format csv` writes it; --period reaches further back"
    )


def _text(when: datetime.datetime) -> str:
    return when.astimezone(datetime.UTC).isoformat(timespec="seconds")  # as ``RunInfo.started``: order is that of time


@functools.lru_cache(maxsize=4096)  # results of many runs are of one line
def _line(target: str, configuration: str, case: str) -> str:
    return f"{target} ({configuration}): {case}" if configuration else f"{target}: {case}"


@functools.lru_cache(maxsize=4096)  # results of a run have its time
def _seconds(words: str) -> float:
    return read_as(datetime.datetime.fromisoformat, words).timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """Which runs are looked at."""

    since: str
    target: str

    def narrowed(self, query: Query) -> Query:
        query = query.where(RunRow.started >= self.since)
        return query.where(RunRow.target == self.target) if self.target else query


def _domain(session: Session, asked: _Asked, word: str, period_s: float) -> tuple[Trend, ...]:
    points = []
    for said in _rows(session, asked, CaseRow.domain == word):
        kernel = f" on {said.kernel}" if said.kernel else ""
        point = said.point(f"{said.target}: {said.domain}{kernel}")
        points.append(point._replace(digest=""))  # of many cases: some code always changes
    return trends(points, period_s)


def _problems(session: Session, asked: _Asked, period_s: float) -> tuple[Trend, ...]:
    shown = select(ProblemRow.run, func.count().label("many")).group_by(ProblemRow.run).subquery()
    query = (
        select(RunRow.target, RunRow.started, RunRow.revision, func.coalesce(shown.c.many, 0))
        .join(shown, shown.c.run == RunRow.id, isouter=True)
        .where(RunRow.grouping != 0)  # of others nobody has grouped what they found
    )
    points = [
        Point(f"{target}: {PROBLEMS}", _seconds(started), _RED if many else Verdict.PASSED, "", revision, float(many))
        for target, started, revision, many in session.execute(asked.narrowed(query))
    ]
    return trends(points, period_s)


def _cases(session: Session, asked: _Asked, word: str, period_s: float) -> tuple[Trend, ...]:
    rows = _rows(session, asked, CaseRow.id == current(word))
    if not rows:
        ids = [name for name in session.scalars(select(CaseRow.id).distinct()) if is_chosen(name, current(word))]
        rows = [row for part in _parts(ids) for row in _rows(session, asked, CaseRow.id.in_(part))]
    values = _values(session, rows)
    lines: dict[str, list[_Said]] = {}
    for said in sorted(rows, key=lambda each: (each.line, each.started)):
        lines.setdefault(said.line, []).append(said)
    told = [each for line, found in lines.items() for each in _of_case(line, found, values, period_s)]
    return tuple(trend for _, trend in sorted(told, key=lambda each: (each[0], each[1].line)))


def _of_case(
    line: str, rows: Sequence[_Said], values: Mapping[tuple[str, str], Mapping[int, float]], period_s: float
) -> Iterator[tuple[str, Trend]]:
    """Yield the trends of the metrics of ``rows``, the oldest first, by name, and that of their durations without one.

    Most metrics have a value of each result: what these results say is then worked out once.
    """
    names = [""]
    of_all = [Series(line, "s", [said.duration_s if said.passed else None for said in rows])]
    numbers = [said.number for said in rows]
    passed = {said.number for said in rows if said.passed}
    for (name, unit), known in values.items():
        counted = [known[number] if number in passed else None for number in numbers if number in known]
        series = Series(f"{line} {name}", unit, counted)
        if len(counted) == len(rows):
            names.append(name)
            of_all.append(series)
        elif counted:
            own = [said for said in rows if said.number in known]
            yield from ((name, trend) for trend in series_trends(_columns(own), [series], period_s))
    yield from zip(names, series_trends(_columns(rows), of_all, period_s), strict=True)


def _columns(rows: Sequence[_Said]) -> Results:
    return Results(
        started=[_seconds(said.started) for said in rows],
        verdicts=[said.verdict for said in rows],
        digests=[said.digest for said in rows],
        revisions=[said.revision for said in rows],
    )


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[at : at + _AT_ONCE] for at in range(0, len(items), _AT_ONCE))


def _rows(session: Session, asked: _Asked, condition: ColumnElement[bool]) -> list[_Said]:
    query = asked.narrowed(select(*_SAID).join(RunRow, RunRow.id == CaseRow.run).where(condition))
    return [_said(row) for row in session.connection().execute(query).all()]


def _said(row: Sequence[Any]) -> _Said:
    number, case, domain, kernel, configuration, verdict, *rest = row
    return _Said(number, case, domain, kernel, configuration, read_as(Verdict, verdict), *rest)


def _values(session: Session, rows: Sequence[_Said]) -> dict[tuple[str, str], dict[int, float]]:
    """Return the values of the metrics of ``rows``, by name and unit, then by the number of the result."""
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for part in _parts([each.number for each in rows]):
        query = select(MetricRow.case, MetricRow.measure, MetricRow.value).where(MetricRow.case.in_(part))
        for number, measure, value in session.connection().execute(query).all():  # all at once: half the time
            found[measure][number] = value
    measures = {row.number: (row.name, row.unit) for row in session.scalars(select(MeasureRow))}
    return {measures[measure]: known for measure, known in found.items()}


def _metric(session: Session, asked: _Asked, word: str, period_s: float) -> tuple[Trend, ...]:
    named = select(MeasureRow).where(MeasureRow.name == word)
    measures = {row.number: (row.name, row.unit) for row in session.scalars(named)}
    if not measures:
        return ()
    query = select(*_SAID, MetricRow.measure, MetricRow.value).join(RunRow, RunRow.id == CaseRow.run)
    query = query.join(MetricRow, MetricRow.case == CaseRow.number).where(MetricRow.measure.in_(list(measures)))
    rows: Iterable[Sequence[Any]] = session.connection().execute(asked.narrowed(query))
    return _of_metrics([(_said(row[:-2]), measures[row[-2]], row[-1]) for row in rows], period_s)


def _of_metrics(values: Sequence[_Value], period_s: float) -> tuple[Trend, ...]:
    """Return a trend for each metric of each case; values of results that did not pass count as none."""
    named: dict[tuple[str, str], list[Point]] = {}
    for said, measure, value in values:
        line = f"{said.line} {measure[0]}"
        named.setdefault(measure, []).append(said.point(line, value if said.verdict is Verdict.PASSED else None))
    return tuple(trend for (_, unit), points in sorted(named.items()) for trend in trends(points, period_s, unit))


_BEFORE_MOST = 100  # runs that tell how a metric varies


def values_before(
    store: Store, run: RunInfo, wanted: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], tuple[float, ...]]:
    """Return the values that earlier runs of the target have of metrics, the newest ``_BEFORE_MOST`` of each.

    ``wanted`` names cases' ids and metrics, each with the digest of the case's code: only its own results count, and
    only those that passed.
    """
    ids = sorted({case for case, _ in wanted})
    found: dict[tuple[str, str], list[float]] = {}
    with store.reading() as session:
        for at in range(0, len(ids), _AT_ONCE):
            query = (
                select(CaseRow.id, CaseRow.digest, MeasureRow.name, MetricRow.value)
                .join(RunRow, RunRow.id == CaseRow.run)
                .join(MetricRow, MetricRow.case == CaseRow.number)
                .join(MeasureRow, MeasureRow.number == MetricRow.measure)
                .where(CaseRow.id.in_(ids[at : at + _AT_ONCE]), CaseRow.verdict == Verdict.PASSED.value)
                .where(RunRow.target == run.target, RunRow.started < run.started)
                .order_by(RunRow.started.desc(), RunRow.id.desc())
            )
            for case, digest, name, value in session.execute(query):
                if digest and wanted.get((case, name)) == digest:
                    found.setdefault((case, name), []).append(value)
    return {each: tuple(reversed(values[:_BEFORE_MOST])) for each, values in found.items()}

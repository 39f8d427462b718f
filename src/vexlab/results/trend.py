"""What the store has of a case, a domain or a metric, as points of a trend."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator, Sequence

from sqlalchemy import Select, String, cast, select
from sqlalchemy.orm import Session

from vexlab.errors import UsageError
from vexlab.model.aliases import current
from vexlab.model.key import is_chosen
from vexlab.model.metric import measured
from vexlab.model.trend import Point, Trend, trends
from vexlab.model.verdict import Verdict
from vexlab.results.schema import CaseRow, RunRow
from vexlab.results.store import Store

_AT_ONCE = 500  # variables of one statement
_Row = tuple[CaseRow, RunRow]
_Asked = Select[CaseRow, RunRow]


def trends_of(
    store: Store, word: str, *, since: datetime.datetime, period_s: float, target: str = ""
) -> tuple[Trend, ...]:
    """Return the trends of ``word``: a domain, a case (its id, the beginning, a pattern), or the name of a metric.

    Those of a case are its duration in seconds and, each as a line of its own, its metrics. Durations and values are
    those of results that passed. Raises ``UsageError`` where the store has nothing of the name since ``since``.
    """
    asked = select(CaseRow, RunRow).join(RunRow, RunRow.id == CaseRow.run).where(RunRow.started >= _text(since))
    if target:
        asked = asked.where(RunRow.target == target)
    with store.reading() as session:
        found = (
            _domain(session, asked, word, period_s)
            or _cases(session, asked, word, period_s)
            or _metric(session, asked, word, period_s)
        )
    if not found:
        raise UsageError(
            f"nothing is known of `{word}` since {since:%Y-%m-%d %H:%M}",
            hint="a case, a domain or the name of a metric, as `vexlab results last` shows them; --period reaches back",
        )
    return found


def _text(when: datetime.datetime) -> str:
    return when.astimezone(datetime.UTC).isoformat(timespec="seconds")  # as ``RunInfo.started``: order is that of time


def _domain(session: Session, asked: _Asked, word: str, period_s: float) -> tuple[Trend, ...]:
    rows = _rows(session, asked.where(CaseRow.domain == word))
    points = []
    for case, run in rows:
        kernel = f" on {case.kernel}" if case.kernel else ""
        point = _point(case, run, f"{run.target}: {case.domain}{kernel}")
        points.append(dataclasses.replace(point, digest=""))  # of many cases: some code always changes
    return trends(points, period_s)


def _cases(session: Session, asked: _Asked, word: str, period_s: float) -> tuple[Trend, ...]:
    rows = _rows(session, asked.where(CaseRow.id == current(word)))
    if not rows:
        ids = [name for name in session.scalars(select(CaseRow.id).distinct()) if is_chosen(name, current(word))]
        some = [ids[at : at + _AT_ONCE] for at in range(0, len(ids), _AT_ONCE)]
        rows = [row for part in some for row in _rows(session, asked.where(CaseRow.id.in_(part)))]
    durations = [dataclasses.replace(_point(case, run, _line(case, run)), value=_duration(case)) for case, run in rows]
    found = trends(durations, period_s, "s")
    named = {name for case, _ in rows for name in _metrics(case)}
    return (*found, *(trend for name in sorted(named) for trend in _values(rows, name, period_s)))


def _rows(session: Session, asked: _Asked) -> list[_Row]:
    return [(case, run) for case, run in session.execute(asked)]


def _metric(session: Session, asked: _Asked, word: str, period_s: float) -> tuple[Trend, ...]:
    # SQLAlchemy writes JSON as json.dumps does: "name": "load_s"
    said = cast(CaseRow.result, String).contains(f'"name": "{word}"', autoescape=True)
    return _values(_rows(session, asked.where(said)), word, period_s)


def _values(rows: Sequence[_Row], name: str, period_s: float) -> tuple[Trend, ...]:
    points = list(_measured(rows, name))
    return trends(points, period_s, measured(name, 0).unit)


def _measured(rows: Sequence[_Row], name: str) -> Iterator[Point]:
    for case, run in rows:
        values = _metrics(case)
        if name in values:
            value = values[name] if case.verdict == Verdict.PASSED else None
            yield dataclasses.replace(_point(case, run, f"{_line(case, run)} {name}"), value=value)


def _metrics(case: CaseRow) -> dict[str, float]:
    return {each["name"]: each["value"] for each in case.result.get("metrics", ())}


def _duration(case: CaseRow) -> float | None:
    return case.duration_s if case.verdict == Verdict.PASSED else None


def _line(case: CaseRow, run: RunRow) -> str:
    configuration = f" ({case.configuration})" if case.configuration else ""
    return f"{run.target}{configuration}: {case.id}"


def _point(case: CaseRow, run: RunRow, line: str) -> Point:
    return Point(
        line=line,
        started=datetime.datetime.fromisoformat(run.started),
        verdict=Verdict(case.verdict),
        digest=case.digest,
        revision=run.revision,
    )

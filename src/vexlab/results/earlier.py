"""The runs before one, for the charts of its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from vexlab.model.case import RunInfo, RunResult
from vexlab.model.earlier import Earlier
from vexlab.model.metric import Direction
from vexlab.model.verdict import Verdict
from vexlab.results.schema import CaseRow, RunRow
from vexlab.results.store import Store

_RUNS_MOST = 30
_MEASURED_MOST = 10  # runs whose metrics are read
_AT_ONCE = 500  # variables of one statement
_DECIDED = (Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED)


def run_before(store: Store, run: RunInfo) -> str:
    """Return the id of the newest run of the target that began before ``run``; empty where there is none."""
    before = select(RunRow.id).where(RunRow.target == run.target, RunRow.started < run.started, RunRow.id != run.id)
    with store.reading() as session:
        return session.scalar(before.order_by(RunRow.started.desc(), RunRow.id.desc()).limit(1)) or ""


def earlier_runs(store: Store, result: RunResult) -> tuple[Earlier, ...]:
    """Return at most 30 runs of the target before ``result``, the oldest first; metrics only of the last ten.

    Runs in which no case decided are left out.
    """
    run = result.run
    before = select(RunRow).where(RunRow.target == run.target, RunRow.started < run.started, RunRow.id != run.id)
    before = before.order_by(RunRow.started.desc(), RunRow.id.desc()).limit(_RUNS_MOST)
    with store.reading() as session:
        rows = list(session.scalars(before))
        ids = [row.id for row in rows]
        counts = _counts(session, ids)
        values = _values(session, ids[:_MEASURED_MOST], result)
    found = [
        Earlier(
            run=row.id,
            started=row.started,
            revision=row.revision,
            passed=counts[row.id].get(Verdict.PASSED, 0),
            decided=sum(counts[row.id].get(verdict, 0) for verdict in _DECIDED),
            values=values.get(row.id, {}),
        )
        for row in reversed(rows)
        if row.id in counts
    ]
    return tuple(each for each in found if each.decided)


def _counts(session: Session, ids: Sequence[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    asked = select(CaseRow.run, CaseRow.verdict, func.count()).where(CaseRow.run.in_(ids))
    for run, verdict, number in session.execute(asked.group_by(CaseRow.run, CaseRow.verdict)):
        found.setdefault(run, {})[verdict] = number
    return found


def _values(session: Session, ids: Sequence[str], result: RunResult) -> Mapping[str, dict[tuple[str, str], float]]:
    digests = {
        case.id: case.digest
        for case in result.cases
        if any(metric.direction is not Direction.NONE for metric in case.metrics)
    }
    found: dict[str, dict[tuple[str, str], float]] = {}
    for run, case, digest, metrics in _rows(session, ids, list(digests)):
        if digest == digests[case]:
            for metric in metrics or ():
                found.setdefault(run, {})[case, metric["name"]] = metric["value"]
    return found


def _rows(session: Session, ids: Sequence[str], cases: Sequence[str]) -> Iterator[tuple[str, str, str, Any]]:
    asked = select(CaseRow.run, CaseRow.id, CaseRow.digest, CaseRow.result["metrics"])
    asked = asked.where(CaseRow.run.in_(ids), CaseRow.verdict == Verdict.PASSED.value)
    for at in range(0, len(cases), _AT_ONCE):
        for row in session.execute(asked.where(CaseRow.id.in_(cases[at : at + _AT_ONCE]))):
            run, case, digest, metrics = row
            yield run, case, digest, metrics

"""How long a run still takes, from how long its cases took before."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from sqlalchemy import select

from vexlab.live.state import LiveRun
from vexlab.model.case import PlannedCase, RunInfo
from vexlab.model.verdict import Verdict
from vexlab.plugin.durations import expected_s
from vexlab.results.schema import CaseRow, RunRow
from vexlab.results.store import Store

_RUNS = 8  # of the same target before this one
_DECIDED = tuple(each.value for each in (Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED, Verdict.SKIPPED))
_PACE = (0.2, 5.0)  # how much slower or faster than before a run may be taken to be


def history_of(store: Store, run: RunInfo) -> dict[str, float]:
    """Return the median seconds by case id, of the last runs of the same target that ended before ``run``."""
    before = (
        select(RunRow.id)
        .where(RunRow.target == run.target, RunRow.started < run.started, RunRow.finished != "")
        .order_by(RunRow.started.desc())
        .limit(_RUNS)
    )
    took: dict[str, list[float]] = {}
    with store.reading() as session:
        runs = session.scalars(before).all()
        asked = select(CaseRow.id, CaseRow.duration_s).where(CaseRow.run.in_(runs), CaseRow.verdict.in_(_DECIDED))
        for case, seconds in session.execute(asked):
            took.setdefault(case, []).append(seconds)
    return {case: statistics.median(seconds) for case, seconds in took.items()}


def remaining_s(run: LiveRun, history: Mapping[str, float], now: float) -> float | None:
    """Return the seconds that a run still takes, ``None`` where that cannot be told: nothing is planned yet.

    Cases without a history count as long as those of vexlab's own targets. What this run took for the cases that it
    has decided, compared with what was expected of them, is its pace.
    """
    if not run.planned or run.over:
        return 0.0 if run.over else None
    left = run.left
    ahead = sum(_expected(each, history) for each in left)
    ahead -= sum(
        min(now - run.running[each.node].since, _expected(each, history)) for each in left if each.node in run.running
    )
    longest = max((_expected(each, history) for each in left), default=0.0)
    at_once = max(1, min(run.most_running, len(left)))
    return max(ahead / at_once, longest if len(left) <= at_once else 0.0, 0.0) * pace(run, history)


def pace(run: LiveRun, history: Mapping[str, float]) -> float:
    """Return how many times as long as expected the decided cases of a run took."""
    decided = [each for each in run.planned if each.node in run.done]
    expected = sum(_expected(each, history) for each in decided)
    took = sum(run.done[each.node] for each in decided)
    least, most = _PACE
    return min(max(took / expected, least), most) if expected and took else 1.0


def _expected(case: PlannedCase, history: Mapping[str, float]) -> float:
    return history[case.id] if case.id in history else expected_s(case.id, case.kernel)


def slow_cases(run: LiveRun, history: Mapping[str, float], now: float) -> Sequence[str]:
    """Return the nodes of running cases that take three times as long as before, and a minute more."""
    late = []
    for case in run.left:
        running = run.running.get(case.node)
        if running and now - running.since > 3 * _expected(case, history) + 60:
            late.append(case.node)
    return late

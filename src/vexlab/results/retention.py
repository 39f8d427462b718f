"""Runs that need not be kept any more: which they are, and how their evidence and rows go."""

from __future__ import annotations

import datetime
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, select

from vexlab.errors import InfraError
from vexlab.model.case import RunInfo
from vexlab.model.problem import GROUPING
from vexlab.results.evidence import drop_unused, size_of
from vexlab.results.schema import (
    ArtifactRow,
    BaselineRow,
    CaseRow,
    FindingRow,
    MetricRow,
    PlanRow,
    RunRow,
    TrialRow,
)
from vexlab.results.store import Store, info_of

_DAYS_MOST = 36_500  # what began earlier has no date in Python's calendar, and no run did
_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")  # 20261128-122830-9fb9


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A run, and what keeps it whatever its age."""

    run: RunInfo
    pinned: bool = False
    running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """A run that went, or would go; ``size`` is what its evidence alone takes, in bytes, where it has any."""

    run: RunInfo
    evidence: Path | None
    size: int


def expendable(held: Iterable[Held], *, keep_days: int, keep_runs: int, now: datetime.datetime) -> tuple[RunInfo, ...]:
    """Return the runs that neither limit keeps, the oldest first; none where both limits are zero.

    ``keep_runs`` counts the runs of each target by itself, those that are pinned or go on included.
    """
    if not (keep_days or keep_runs):
        return ()
    newest = sorted(held, key=lambda each: (each.run.started, each.run.id), reverse=True)
    since = now - datetime.timedelta(days=min(keep_days, _DAYS_MOST))
    places: dict[str, int] = {}
    found = []
    for each in newest:
        places[each.run.target] = place = places.get(each.run.target, 0) + 1
        young = bool(keep_days) and datetime.datetime.fromisoformat(each.run.started) >= since
        if not (each.pinned or each.running or young or place <= keep_runs):
            found.append(each.run)
    return tuple(reversed(found))


def pin(store: Store, name: str, *, pinned: bool = True) -> RunInfo:
    """Keep the run ``name`` for good, or no longer; return it. Raises ``UsageError`` where there is none."""
    run = store.info(name)
    with store.writing() as session:
        session.get_one(RunRow, run.id).pinned = pinned
    return run


def pinned_runs(store: Store) -> frozenset[str]:
    """Return the ids of the runs that are pinned, or the baseline of their target."""
    with store.reading() as session:
        pinned = session.scalars(select(RunRow.id).where(RunRow.pinned))
        return frozenset([*pinned, *session.scalars(select(BaselineRow.run))])


def prune(
    store: Store, *, keep_days: int, keep_runs: int, dry_run: bool = False, now: datetime.datetime | None = None
) -> tuple[Pruned, ...]:
    """Remove the runs that need not be kept: their evidence, their rows, not their problems; return them.

    A run that goes on or is pinned stays. The evidence goes first: where it ends in the middle, the run is still
    listed and goes the next time. Raises ``InfraError`` where something cannot be removed.
    """
    with store.reading() as session:
        pinned = pinned_runs(store)
        rows = [(info_of(row), row.id in pinned) for row in session.scalars(select(RunRow))]
    held = [Held(run=run, pinned=pinned, running=store.is_running(run.id)) for run, pinned in rows]
    wanted = expendable(held, keep_days=keep_days, keep_runs=keep_runs, now=now or datetime.datetime.now(datetime.UTC))
    done = []
    for run in wanted:
        folder = _evidence(store, run)
        taken = Pruned(run=run, evidence=folder, size=size_of(folder) if folder else 0)
        if dry_run or _remove(store, run, folder):
            done.append(taken)
    if not dry_run:
        drop_unused(store.folder)
    return tuple(done)


def _evidence(store: Store, run: RunInfo) -> Path | None:
    """Return the folder that may go with ``run``.

    It is one that a run made, in this very store: a copy of a database must not take the evidence of the original, and
    one that somebody wrote into must not lead us elsewhere.
    """
    folder = store.folder / run.id
    return folder if _ID.fullmatch(run.id) and folder.is_dir() and not folder.is_symlink() else None


def _remove(store: Store, run: RunInfo, folder: Path | None) -> bool:
    """Remove a run, and return whether it is gone: it may have been pinned a moment ago."""
    if run.id in pinned_runs(store):
        return False
    _note(store, run)
    if folder:
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise InfraError(f"the evidence of run {run.id} cannot be removed: {error}") from error
    with store.writing() as session:
        numbers = select(CaseRow.number).where(CaseRow.run == run.id)
        for of_case in (MetricRow, FindingRow, ArtifactRow):
            session.execute(delete(of_case).where(of_case.case.in_(numbers)))
        session.execute(delete(CaseRow).where(CaseRow.run == run.id))
        for table in (PlanRow, TrialRow):
            session.execute(delete(table).where(table.run == run.id))
        session.execute(delete(RunRow).where(RunRow.id == run.id))
    return True


def _note(store: Store, run: RunInfo) -> None:
    """Have the problems of a run noted as they are grouped today; they stay when it goes."""
    with store.reading() as session:
        grouping = session.get_one(RunRow, run.id).grouping
    if grouping != GROUPING:
        store.note_problems(run, store.load(run.id).cases)

"""What the store tells of problems: each with its history, as of one run of a target."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Text, cast, select
from sqlalchemy.orm import Session

from vexlab.model.case import CaseResult, RunInfo
from vexlab.model.history import History, Looked, PastRun, Sighting, histories, looked, sightings
from vexlab.model.key import CaseKey
from vexlab.model.problem import CHECK, GROUPING
from vexlab.model.verdict import Verdict
from vexlab.results.schema import CaseRow, ProblemRow, RunRow
from vexlab.results.store import Store, info_of
from vexlab.results.stored import decoded

_AT_ONCE = 500  # variables of one statement; SQLite takes 32,766, before 3.32 it were 999
_RED = (Verdict.FAILED.value, Verdict.CRASHED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The problems of a target as of ``run``; those that the run shows come first."""

    run: RunInfo
    problems: tuple[History, ...]


def problems_of(store: Store, name: str = "last", target: str = "") -> Told:
    """Return every problem that the target of run ``name`` has ever shown, as that run sees it.

    ``last`` is the newest run, of ``target`` where one is named. Raises ``UsageError`` where there is no such run.
    """
    run = store.info(name, target)
    with store.reading() as session:
        rows = session.scalars(select(RunRow).where(RunRow.target == run.target).order_by(RunRow.started, RunRow.id))
        runs = [
            (info_of(row), row.grouping == GROUPING) for row in rows if (row.started, row.id) <= (run.started, run.id)
        ]
    anew = [info for info, noted in runs if not noted]
    found = [each for info in anew for each in _unnoted(store, info)]
    with store.reading() as session:
        kept = session.scalars(select(ProblemRow).where(ProblemRow.target == run.target))
        old = {info.id for info in anew}  # what is kept of them may be grouped otherwise
        found += [msgspec.convert(row.sighting, Sighting) for row in kept if row.run not in old]
        found = [each for each in _once(found) if (each.started, each.run) <= (run.started, run.id)]
        past = _past(session, [info for info, _ in runs], found)
    return Told(run=run, problems=histories(found, past))


def _unnoted(store: Store, run: RunInfo) -> tuple[Sighting, ...]:
    """Return the problems of a run that goes on, was killed, or was grouped otherwise; noted unless it goes on."""
    cases = store.load(run.id).cases
    if not store.readonly and not store.is_running(run.id):
        return store.note_problems(run, cases)
    return sightings(run, cases)


def _once(found: Sequence[Sighting]) -> list[Sighting]:
    return list({(each.run, each.problem.key): each for each in found}.values())


def _past(session: Session, runs: Sequence[RunInfo], found: Sequence[Sighting]) -> list[PastRun]:
    """Return the runs with what they say of the cases that show any of the problems."""
    ids = sorted({str(shown.key) for each in found for shown in each.shown_by})
    checks = any(each.problem.key.startswith(CHECK) for each in found)
    told: dict[str, dict[CaseKey, Looked]] = {run.id: {} for run in runs}
    for run, key, said in _looked(session, ids, checks=checks):
        if run in told:
            told[run][key] = said
    return [
        PastRun(id=run.id, started=run.started, revision=run.provenance.revision, looked=told[run.id]) for run in runs
    ]


def _looked(session: Session, ids: Sequence[str], *, checks: bool) -> Iterator[tuple[str, CaseKey, Looked]]:
    """Yield run, key and what is said of each result with one of ``ids``; red ones are read only for their checks."""
    key = (CaseRow.domain, CaseRow.name, CaseRow.parameters, CaseRow.kernel, CaseRow.flavour, CaseRow.configuration)
    passed = select(RunRow.id, RunRow.target, CaseRow.digest, *key).join(RunRow, RunRow.id == CaseRow.run)
    for at in range(0, len(ids), _AT_ONCE):
        some = CaseRow.id.in_(ids[at : at + _AT_ONCE])
        for row in session.execute(passed.where(some, CaseRow.verdict == Verdict.PASSED.value)):
            fields = {column.key: getattr(row, column.key) for column in key}
            yield row.id, CaseKey(target=row.target, **fields), Looked(digest=row.digest, passed=True)
        if checks:
            for run, result in session.execute(
                select(CaseRow.run, cast(CaseRow.result, Text)).where(some, CaseRow.verdict.in_(_RED))
            ):
                case = decoded(result, CaseResult)
                yield run, case.key, looked(case)

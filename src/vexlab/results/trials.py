"""What the store tells of cases that both pass and fail, reruns included."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute

from vexlab.model.case import RunResult
from vexlab.model.control import Arm, Trial
from vexlab.model.flaky import Count, Judgement, Outcome, Storm, judgements, storms
from vexlab.model.key import CaseKey
from vexlab.model.verdict import Verdict
from vexlab.results.schema import CaseRow, RunRow, TrialRow
from vexlab.results.store import Store
from vexlab.results.stored import read_as

_KEY = (CaseRow.domain, CaseRow.name, CaseRow.parameters, CaseRow.kernel, CaseRow.flavour, CaseRow.configuration)
_RED = tuple(each.value for each in (Verdict.FAILED, Verdict.CRASHED))
_ENDED = (Verdict.PASSED.value, *_RED)
_DAYS = 30
_AT_ONCE = 500  # variables of one statement


def note_trials(store: Store, run: str, case: str, trials: Iterable[Trial]) -> None:
    """Keep what reruns of a case of ``run`` said."""
    with store.writing() as session:
        for each in trials:
            session.merge(TrialRow(run=run, case=case, arm=each.arm.value, trial=msgspec.to_builtins(each)))


def trials_of(store: Store, run: str) -> dict[str, tuple[Trial, ...]]:
    """Return what reruns of the cases of ``run`` said, by the ids of the cases."""
    order = list(Arm)
    found: dict[str, list[Trial]] = {}
    with store.reading() as session:
        for row in session.scalars(select(TrialRow).where(TrialRow.run == run)):
            found.setdefault(row.case, []).append(msgspec.convert(row.trial, Trial))
    return {case: tuple(sorted(each, key=lambda one: order.index(one.arm))) for case, each in found.items()}


def flaky(store: Store, target: str = "", *, since: str = "") -> tuple[tuple[Judgement, ...], tuple[Storm, ...]]:
    """Return what is known of cases that fail, and the storms that were the lab's; ``since`` as ``RunInfo.started``."""
    found = list(_outcomes(store, target, since))
    hit = storms(found)
    stormy = {(each.started, case) for each in hit for case in each.cases}
    calm = [each for each in found if (each.started, f"{each.key.target}: {each.key}") not in stormy]
    return judgements(calm), hit


def judgements_of(store: Store, result: RunResult) -> tuple[Judgement, ...]:
    """Return what is known, as of the run, of those of its cases that failed in it or in a month before it."""
    run = result.run
    began = datetime.datetime.fromisoformat(run.started)
    since = (began - datetime.timedelta(days=_DAYS)).isoformat(timespec="seconds")
    wanted = {case.id for case in result.cases if case.verdict.value in _RED} | _failed(store, run.target, since)
    found = _outcomes(store, run.target, since, sorted(wanted & {case.id for case in result.cases}))
    return judgements(each for each in found if each.started <= run.started)


def _failed(store: Store, target: str, since: str) -> set[str]:
    query = select(CaseRow.id).distinct().join(RunRow, RunRow.id == CaseRow.run)
    query = query.where(RunRow.target == target, RunRow.started >= since, CaseRow.verdict.in_(_RED))
    with store.reading() as session:
        return set(session.scalars(query))


def counts_before(store: Store, key: CaseKey, digest: str, revision: str) -> tuple[Count, Count]:
    """Return how often a case with that code failed at other revisions, and at ``revision``, reruns included."""
    judgement = next((each for each in flaky(store, key.target)[0] if each.key == key), None)
    if judgement is None or judgement.revision != revision or not digest:
        return Count(), Count()
    return judgement.before, judgement.now


def _outcomes(store: Store, target: str, since: str, cases: Sequence[str] | None = None) -> Iterator[Outcome]:
    """Yield the outcomes of a target's cases, or only of those with the ids ``cases``."""
    result = (CaseRow.id, CaseRow.run, CaseRow.digest, CaseRow.verdict)
    columns: tuple[InstrumentedAttribute[str], ...] = (*_KEY, *result, RunRow.target, RunRow.revision, RunRow.started)
    query = select(*columns).join(RunRow, RunRow.id == CaseRow.run)
    query = query.where(CaseRow.verdict.in_(_ENDED), RunRow.started >= since)
    if target:
        query = query.where(RunRow.target == target)
    trials = select(TrialRow).where(TrialRow.arm == Arm.HERE.value)
    queries = [query] if cases is None else [query.where(CaseRow.id.in_(some)) for some in _parts(cases)]
    with store.reading() as session:
        reruns = {(row.run, row.case): msgspec.convert(row.trial, Trial).count for row in session.scalars(trials)}
        for row in (row for each in queries for row in session.execute(each)):
            fields = {column.key: getattr(row, column.key) for column in _KEY}
            key = CaseKey(target=row.target, **fields)
            outcome = Outcome(
                key=key,
                digest=row.digest,
                revision=row.revision,
                started=row.started,
                verdict=read_as(Verdict, row.verdict),
            )
            yield outcome
            yield from _again(outcome, reruns.get((row.run, row.id), Count()))


def _parts(cases: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (cases[at : at + _AT_ONCE] for at in range(0, len(cases), _AT_ONCE))


def _again(outcome: Outcome, count: Count) -> Iterator[Outcome]:
    """Yield the reruns of a case as outcomes of their own; the count holds the first run of it."""
    verdicts = [Verdict.FAILED] * (count.failed - 1) + [Verdict.PASSED] * (count.runs - count.failed)
    yield from (dataclasses.replace(outcome, verdict=each) for each in verdicts)

"""The run of a target with which later ones are compared."""

from __future__ import annotations

from sqlalchemy import select

from vexlab.errors import UsageError
from vexlab.model.case import RunInfo, RunState
from vexlab.results.schema import BaselineRow, CaseRow, RunRow
from vexlab.results.store import Store, info_of


def set_baseline(store: Store, name: str) -> RunInfo:
    """Make the run ``name`` the baseline of its target; raise ``UsageError`` where it did not come to its end."""
    run = store.info(name)
    if run.state is not RunState.FINISHED:
        raise UsageError(f"the run {run.id} is {run.state.value}", hint="a baseline is a run that came to its end")
    with store.writing() as session:
        session.merge(BaselineRow(target=run.target, run=run.id))
    return run


def unset_baseline(store: Store, target: str) -> bool:
    """Have the target no longer have a baseline; return whether it had one."""
    with store.writing() as session:
        row = session.get(BaselineRow, target)
        if row:
            session.delete(row)
    return row is not None


def baselines(store: Store, target: str = "") -> tuple[RunInfo, ...]:
    """Return the baselines of all targets, or that of ``target``, by the targets' names."""
    query = select(RunRow).join(BaselineRow, BaselineRow.run == RunRow.id).order_by(RunRow.target)
    with store.reading() as session:
        rows = session.scalars(query.where(RunRow.target == target) if target else query)
        return tuple(info_of(row) for row in rows)


def revision_before(store: Store, run: RunInfo, case: str) -> str:
    """Return the revision with which the ``case`` of ``run`` is compared: the baseline's, or the newest that passed.

    It is another one than that of ``run``; empty where none is known.
    """
    for base in baselines(store, run.target):
        if base.id != run.id and base.provenance.revision not in ("", run.provenance.revision):
            return base.provenance.revision
    query = (
        select(RunRow.revision)
        .join(CaseRow, CaseRow.run == RunRow.id)
        .where(CaseRow.id == case, CaseRow.verdict == "passed", RunRow.target == run.target)
        .where(RunRow.started <= run.started, RunRow.revision.not_in(["", run.provenance.revision]))
        .order_by(RunRow.started.desc())
        .limit(1)
    )
    with store.reading() as session:
        return session.scalar(query) or ""

"""What the store says of a run's cases beside the run itself: for its reports, and for what it ends with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vexlab.model.case import RunResult
from vexlab.model.compare import compare
from vexlab.report.advice import Advice, advice
from vexlab.report.content import Content, Past
from vexlab.report.terminal import printable
from vexlab.results.earlier import earlier_runs, run_before
from vexlab.results.store import Store
from vexlab.results.trials import judgements_of


def past_of(store: Store, result: RunResult) -> Past:
    """Return what is known of the cases that fail or are flaky, and what changed since the run before."""
    before = run_before(store, result.run)
    changed = compare(store.load(before), result) if before else None
    return Past(judgements=judgements_of(store, result), changed=changed)


def recommended(store: Store, result: RunResult) -> tuple[Advice, ...]:
    """Return what is recommended about a run."""
    profiles = store.profiles(result.run.id)
    return advice(Content.of(result, profiles, earlier_runs(store, result), past_of(store, result)))


def advice_lines(found: Sequence[Advice]) -> Iterator[str]:
    """Yield the lines that a run ends with; none where nothing is recommended."""
    if found:
        yield "recommended:"
    for number, each in enumerate(found, 1):
        yield printable(f"  {number}. {each}")
        yield printable(f"     {each.command}")

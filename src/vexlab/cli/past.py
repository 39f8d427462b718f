"""What the store says of a run's cases beside the run itself: for its reports, and for what it ends with."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from vexlab.coverage.inputs import asked, has_inputs, read_inputs
from vexlab.errors import InfraError, UsageError
from vexlab.model.case import RunResult
from vexlab.model.compare import compare
from vexlab.report.advice import Advice, advice
from vexlab.report.content import NO_PAST, Content, Past
from vexlab.report.terminal import printable
from vexlab.report.traces import traces_of
from vexlab.results.earlier import earlier_runs, run_before
from vexlab.results.store import Store
from vexlab.results.trials import judgements_of

log = logging.getLogger(__name__)


def past_of(store: Store, result: RunResult) -> Past:
    """Return what is known of the cases that fail or are flaky, and what changed since the run before.

    A store that cannot be read takes nothing from the report of the run itself: then nothing is known.
    """
    try:
        before = run_before(store, result.run)
        changed = compare(store.load(before), result) if before else None
        evidence = store.evidence(result.run.id)
        inputs = asked(read_inputs(evidence)) if has_inputs(evidence) else ()
        traces = traces_of(result.cases)
        return Past(judgements=judgements_of(store, result), changed=changed, asked=inputs, traces=traces)
    except (InfraError, UsageError) as error:
        log.warning("what earlier runs say is left out: %s", error.message)
        return NO_PAST


def recommended(store: Store, result: RunResult) -> tuple[Advice, ...]:
    """Return what is recommended about a run; nothing where the store cannot be read."""
    try:
        profiles, earlier = store.profiles(result.run.id), earlier_runs(store, result)
    except InfraError as error:
        log.warning("nothing is recommended: %s", error.message)
        return ()
    return advice(Content.of(result, profiles, earlier, past_of(store, result)))


def advice_lines(found: Sequence[Advice]) -> Iterator[str]:
    """Yield the lines that a run ends with; none where nothing is recommended."""
    if found:
        yield "recommended:"
    for number, each in enumerate(found, 1):
        yield printable(f"  {number}. {each}")
        yield printable(f"     {each.command}")

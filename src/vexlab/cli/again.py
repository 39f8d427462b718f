"""What ``vexlab run --until-sure``, ``--control`` and ``vexlab explain`` do with the red cases of a run."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

import click

from vexlab.cache import Cache, Kind
from vexlab.config import Settings, cache_dir
from vexlab.kernels.table import DEBIAN
from vexlab.model.case import CaseResult, RunResult
from vexlab.model.control import Explanation, Trial
from vexlab.model.flaky import Answer, Count, judged
from vexlab.model.problem import distinct
from vexlab.model.verdict import Verdict
from vexlab.report.terminal import printable
from vexlab.results.baseline import revision_before
from vexlab.results.store import Store
from vexlab.results.trials import counts_before, note_trials
from vexlab.session.control import Control, Wanted

_RED = (Verdict.FAILED, Verdict.CRASHED)
_RERUNS_MOST = 12


def say(words: str) -> None:
    """Tell on standard error what is being done."""
    click.echo(printable(words), err=True)


def red_cases(result: RunResult) -> tuple[CaseResult, ...]:
    """Return the cases that failed or crashed and are no known issue."""
    return tuple(case for case in result.cases if case.verdict in _RED and not case.excused)


def one_a_problem(cases: Iterable[CaseResult]) -> tuple[CaseResult, ...]:
    """Return for each distinct problem the case of least duration that shows it."""
    cases = tuple(cases)
    by_id = {case.id: case for case in cases}
    shortest = (problem.cases[0] for problem in distinct(cases) if problem.cases)
    return tuple(by_id[case] for case in dict.fromkeys(shortest) if case in by_id)


def explain_all(
    store: Store, control: Control, result: RunResult, cases: Sequence[CaseResult], settings: Settings, most: int
) -> Iterator[Explanation]:
    """Yield what each of ``cases`` does elsewhere; it is kept with the run."""
    for case in cases:
        wanted = Wanted(
            case=case,
            before=revision_before(store, result.run, case.id),
            kernel=other_kernel(settings, case.key.kernel),
            most=most,
        )
        explanation = control.explain(wanted)
        note_trials(store, result.run.id, case.id, explanation.trials)
        yield explanation


def until_sure(store: Store, control: Control, result: RunResult, cases: Sequence[CaseResult]) -> Iterator[str]:
    """Run each case again whose answer is open, till it is not; yield a line for each."""
    for case in cases:
        before, now = counts_before(store, case.key, case.digest, result.run.provenance.revision)
        earlier = Count(now.failed - 1, now.runs - 1) if now.failed else Count()

        def enough(count: Count, before: Count = before, earlier: Count = earlier) -> bool:
            answer, _, _ = judged(before, earlier + count)
            return answer is not Answer.OPEN or count.runs > _RERUNS_MOST or count.is_flaky

        trial = dataclasses.replace(control.again(case, enough), fails=True)
        if trial.count.runs > 1:
            note_trials(store, result.run.id, case.id, [trial])
        yield _line(case, trial, before, earlier + trial.count)


def _line(case: CaseResult, trial: Trial, before: Count, now: Count) -> str:
    answer, probability, _ = judged(before, now)
    if trial.unknown:
        return f"{case.id}: not settled: {trial.unknown}"
    earlier = f"{before.failed} of {before.runs} failed at other revisions" if before.runs else "it did not run before"
    if now.is_flaky:
        answer = Answer.FLAKY
    words = f"{case.id}: {answer.value}: {now} at this revision, {earlier}"
    return f"{words} (a regression with {100 * probability:.0f} %)"


def other_kernel(settings: Settings, kernel: str) -> str:
    """Return a kernel at hand that is another version than ``kernel``: one of the settings, else of the cache."""
    cache = Cache(cache_dir(settings))
    at_hand = [each.name for each in DEBIAN if cache.get(Kind.KERNELS, each.name)]
    version = kernel.partition("-")[0]
    candidates = (name for name in (*settings.kernels, *at_hand) if name.partition("-")[0] != version)
    return next(candidates, "")

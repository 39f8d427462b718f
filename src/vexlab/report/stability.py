"""The stability of a run alone: the score, what lowers it, and the score of each domain. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from vexlab.model.case import CaseResult
from vexlab.model.stability import HARM_OF_FAILURE, Score, score
from vexlab.report.content import Content, bounded, one_line

_FAULTS_MOST = 40


def render(content: Content) -> bytes:
    """Return the report as text."""
    return ("\n".join(_lines(content)) + "\n").encode()


def _lines(content: Content) -> Iterator[str]:
    run = content.result.run
    kernels = ", ".join(run.kernels)
    yield one_line(f"stability of {run.target} on {kernels}, run {run.id}: {_value(_of(content.cases))}")
    yield ""
    found = _of(content.cases)
    if found.value is None:
        yield f"  none of {len(content.cases)} cases passed, failed or crashed: there is nothing to judge by"
        yield f"verdict: {bounded(str(content.headline))}"
        return
    decided = found.decided
    yield f"  = 100 * {decided} / ({decided} + {found.harm}): cases that decided, and the harm of what went wrong"
    yield f"  {found.passed} of {found.decided} passed"
    for fault in found.faults[:_FAULTS_MOST]:
        yield f"  harm {fault.harm:3}  {fault.severity.value}, {_many(fault.cases, 'case')}: {one_line(fault.title)}"
    if len(found.faults) > _FAULTS_MOST:
        rest = found.faults[_FAULTS_MOST:]
        yield f"  harm {sum(fault.harm for fault in rest):3}  {len(rest)} findings more"
    if found.failures:
        yield f"  harm {HARM_OF_FAILURE * found.failures:3}  {_many(found.failures, 'failure')} without a finding"
    yield ""
    for domain in sorted({case.domain for case in content.cases}):
        of = _of(case for case in content.cases if case.domain == domain)
        yield f"  {_value(of):>13}  {one_line(domain)}, {of.passed} of {of.decided} passed"
    yield f"verdict: {bounded(str(content.headline))}"


def _of(cases: Iterable[CaseResult]) -> Score:
    return score((case.verdict, case.findings) for case in cases)


def _many(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _value(found: Score) -> str:
    return "not decided" if found.value is None else f"{found.value:g} of 100"

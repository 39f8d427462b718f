"""A case run again with probes in its machines, by ``vexlab trace --case``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from vexlab.cli.again import say
from vexlab.config import Settings
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, RunState
from vexlab.model.event import CaseFinished, Event, StepStarted
from vexlab.model.request import Request
from vexlab.model.trace import FILE, Trace
from vexlab.session.execution import Ended, execute
from vexlab.trace.files import read_trace


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedCases:
    """The traces of the cases that ran, each with its folder, and the exit status of that run."""

    traces: tuple[tuple[Trace, Path], ...]
    exit_code: int


@dataclass(slots=True)
class Finished:
    """Listens for the results of cases."""

    cases: list[CaseResult] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Keep a result; tell what is done before a case runs, which may take minutes."""
        if isinstance(event, StepStarted):
            say(event.words)
        if isinstance(event, CaseFinished):
            self.cases.append(event.case)


def run_again(request: Request, settings: Settings, folder: Path) -> tuple[list[CaseResult], Ended]:
    """Run the request's cases with the evidence in ``folder``, and return their results; raise ``UsageError``."""
    finished = Finished()
    ended = execute(request, settings, folder, (finished,))
    if ended.result.run.state is RunState.INTERRUPTED:
        raise KeyboardInterrupt
    if not finished.cases:
        told = "; ".join(ended.errors)
        hint = "`vexlab list` shows what there is"
        raise UsageError(f"no case ran of {', '.join(request.cases)}{f': {told}' if told else ''}", hint=hint)
    return finished.cases, ended


def trace_case(request: Request, settings: Settings, folder: Path) -> TracedCases:
    """Trace the cases of ``request``."""
    cases, ended = run_again(request, settings, folder)
    found = [Path(case.evidence) for case in cases if (Path(case.evidence) / FILE).is_file()]
    if not found:
        reasons = "; ".join(f"{case.id}: {case.verdict.value} {case.reason}".rstrip() for case in cases)
        raise UsageError(
            f"nothing was traced: {reasons[:500]}", hint="a case that asks for no machine has nothing to trace"
        )
    return TracedCases(traces=tuple((read_trace(each), each) for each in found), exit_code=ended.exit_code)

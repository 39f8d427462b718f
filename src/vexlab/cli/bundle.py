"""``vexlab problems RUN N --bundle``: a problem in a folder that shows it without vexlab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from vexlab.errors import UsageError
from vexlab.model.case import CaseResult
from vexlab.model.history import History
from vexlab.model.verdict import Finding, Source
from vexlab.replay.make import Found, Proof, found_in, make
from vexlab.results.store import Store

_HINT = "`vexlab problems RUN NUMBER --mail` describes it in words, which can be sent instead"


def write_bundle(store: Store, history: History, destination: Path, mail: str, times: int) -> Proof:
    """Write the bundle of a problem to ``destination`` and return its proof; raise ``UsageError`` that says why not."""
    found = _found(store, history)
    return make(found, destination, mail, times, lambda words: click.echo(words, err=True))


def _found(store: Store, history: History) -> Found:
    """Return what the first of the problem's cases has that can be bundled."""
    why = ""
    for case in _cases(store, history):
        finding = next((each for each in case.findings if each.title == history.problem.finding), None)
        reason = _why_not(finding)
        if not reason:
            try:
                return found_in(evidence_of(store, history.last.run, case), history.problem.finding)
            except UsageError as error:
                reason = error.message
        why = why or f"{case.id}: {reason}"
    raise UsageError(f"no bundle can be made of this problem: {why or 'no case of the run shows it'}", hint=_HINT)


def _cases(store: Store, history: History) -> Iterator[CaseResult]:
    shown = {case.id: case for case in store.load(history.last.run).cases}
    yield from (shown[name] for name in history.problem.cases if name in shown)


def _why_not(finding: Finding | None) -> str:
    if finding is None:
        return "the kernel reported nothing: the case itself, outside the machine, judged what it saw"
    if finding.source is not Source.CONSOLE:
        return f"it was not seen on the kernel's console, but by a question from outside ({finding.source.value})"
    return ""


def evidence_of(store: Store, run: str, case: CaseResult) -> Path:
    """Return the folder of a case's evidence, also where the whole store was moved."""
    noted = Path(case.evidence)
    return noted if noted.is_dir() else store.evidence(run) / "cases" / noted.name

"""Suites of others by target and kernel: how many of their tests passed, failed and were not run. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vexlab.model.case import CaseResult, RunResult
from vexlab.model.subresult import SubVerdict
from vexlab.model.verdict import Verdict
from vexlab.report.markdown import cell
from vexlab.report.terminal import printable

DOMAIN = "suites"  # of the cases that run them
_FAILED = (Verdict.FAILED, Verdict.CRASHED)
_HEADS = ("suite", "target", "kernel", "passed", "failed", "refused", "not run", "no verdict", "time", "run")


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteRow:
    """What a run tells of a suite on a target and a kernel; ``undecided`` tests have no verdict, for the lab's sake."""

    suite: str
    target: str
    kernel: str
    run: str
    passed: int = 0
    failed: int = 0
    refused: int = 0
    not_run: int = 0
    undecided: int = 0
    seconds: float = 0.0

    @property
    def tests(self) -> int:
        """How many tests came to a verdict."""
        return self.passed + self.failed


def suite_rows(runs: Iterable[RunResult]) -> tuple[SuiteRow, ...]:
    """Return a row for each suite, target and kernel: of the run that decided most tests, the newest of such.

    ``runs`` come newest first; one test run alone does not take the place of a whole group.
    """
    best: dict[tuple[str, str, str], SuiteRow] = {}
    for run in runs:
        for row in _rows_of(run):
            place = (row.suite, row.target, row.kernel)
            if place not in best or row.tests > best[place].tests:
                best[place] = row
    return tuple(best[place] for place in sorted(best))


def _rows_of(run: RunResult) -> Iterator[SuiteRow]:
    cases: dict[tuple[str, str], list[CaseResult]] = {}
    for case in run.cases:
        if case.domain == DOMAIN:
            cases.setdefault((case.key.name, case.key.place), []).append(case)
    for (suite, kernel), group in cases.items():
        counts = Counter(word for case in group for word in _verdicts(case))
        yield SuiteRow(
            suite=suite,
            target=run.run.target,
            kernel=kernel,
            run=run.run.id,
            seconds=sum(case.duration_s for case in group),
            **counts,
        )


def _verdicts(case: CaseResult) -> Iterator[str]:
    """Yield the column of each of the case's tests: of its checks, or of itself where it is one test."""
    words = {
        SubVerdict.PASSED: "passed", SubVerdict.FAILED: "failed", SubVerdict.REFUSED: "refused",
        SubVerdict.SKIPPED: "not_run", SubVerdict.BLOCKED: "undecided",
    }  # fmt: skip
    yield from (words[each.verdict] for each in case.subresults)
    dead = case.verdict in _FAILED and not any(each.verdict is SubVerdict.FAILED for each in case.subresults)
    if case.subresults and not dead:
        return
    if case.verdict is Verdict.PASSED:
        yield "passed"
    elif case.verdict in _FAILED:
        yield "failed"
    else:
        yield "not_run" if case.verdict is Verdict.SKIPPED else "undecided"


def render(rows: Sequence[SuiteRow]) -> str:
    """Return the table as text with columns."""
    if not rows:
        return "no run in the results has run a suite"
    lines = [_HEADS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
    return "\n".join(
        printable("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip())
        for line in lines
    )


def markdown(rows: Sequence[SuiteRow]) -> str:
    """Return the table in Markdown, for a page of documentation."""
    marks = "|".join("---" if column < 3 else "--:" for column in range(len(_HEADS) - 1))
    lines = [f"| {' | '.join(_HEADS)} |", f"|{marks}|---|"]
    for row in rows:
        *names, run = (row.suite, row.target, row.kernel, row.run)
        cells = _cells(row)[len(names) : -1]
        lines.append(f"| {' | '.join([*map(cell, names), *cells, cell(run)])} |")
    return "\n".join(lines) + "\n"


def _cells(row: SuiteRow) -> tuple[str, ...]:
    counts = (row.passed, row.failed, row.refused, row.not_run, row.undecided)
    return (row.suite, row.target, row.kernel, *map(str, counts), _time(row.seconds), row.run)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"

"""Problems with their history, as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from vexlab.model.case import RunInfo
from vexlab.model.history import History, Seen, Standing
from vexlab.model.verdict import Finding
from vexlab.report.content import HARM_WORDS, excerpt, one_line
from vexlab.report.terminal import printable

_BLOCKED_MOST = 3


def render_problems(run: RunInfo, problems: Sequence[History], left_out: int, again: Mapping[str, str]) -> str:
    """Return the problems of ``run``, numbered from 1, and how many of earlier runs are left out.

    ``again`` is the command that shows a problem again, by its key.
    """
    lines = [*_head(run, problems)]
    numbers = {history.problem.key: number for number, history in enumerate(problems, 1)}
    for number, history in enumerate(problems, 1):
        lines += _entry(number, history, again.get(history.problem.key, ""))
        if others := [str(numbers[key]) for key in history.together if key in numbers]:
            lines.append(f"     gone together with {', '.join(others)}, seen in the same runs: perhaps one cause")
    if left_out:
        words = "1 problem" if left_out == 1 else f"{left_out} problems"
        lines.append(f"besides, earlier runs showed {words}: --all tells what became of that")
    return "\n".join(lines)


def render_said(finding: Finding) -> Iterator[str]:
    """Yield the lines of what the kernel said, as far as a screen holds them."""
    shown = excerpt(finding)
    yield "what the kernel said:"
    for line in shown.lines:
        yield f"  {'>' if line.blamed else ' '} {printable(line.text)}"
    if shown.left_out:
        yield f"    [{shown.left_out} more lines]"


def _head(run: RunInfo, problems: Sequence[History]) -> Iterator[str]:
    revision = f", revision {run.provenance.revision}" if run.provenance.revision else ""
    counts = [(each, sum(one.standing is each for one in problems)) for each in Standing]
    words = ", ".join(f"{count} {standing.value}" for standing, count in counts if count) or "no problem"
    yield f"run {run.id} of {run.target} on {', '.join(run.kernels)}{revision}: {words}"


def _entry(number: int, history: History, again: str) -> Iterator[str]:
    problem = history.problem
    title = one_line(problem.title.partition("\n")[0])
    yield f"{number:3}. {HARM_WORDS[problem.harm]:14} {history.standing.value:10} {title}"
    if problem.known:
        yield f"     known issue: {printable(problem.known)}"
    yield f"     {_when(history)}"
    if problem.cases:
        first, *more = problem.cases
        yield printable(f"     {first} ({problem.seconds:.0f} s)" + (f" and {len(more)} more" if more else ""))
    if problem.blocked:
        rest = " …" if len(problem.blocked) > _BLOCKED_MOST else ""
        yield printable(f"     blocks {len(problem.blocked)}: {', '.join(problem.blocked[:_BLOCKED_MOST])}{rest}")
    if again:
        yield f"     again: {printable(again)}"


def _when(history: History) -> str:
    many = f"{history.runs} runs" if history.runs > 1 else "1 run"
    on = f" on {', '.join(history.kernels)}" if history.kernels else ""
    words = f"first seen in {_seen(history.first)}"
    if history.last.run != history.first.run:
        words += f", last in {_seen(history.last)}"
    words += f"; {many}{on}"
    return f"{words}; gone in {_seen(history.fixed)}" if history.fixed else words


def _seen(seen: Seen) -> str:
    return f"{seen.run} ({seen.revision})" if seen.revision else seen.run

"""What GitHub Actions reads of a run: an annotation for each problem, a summary of the job. Pure.

Format of the first: "Workflow commands for GitHub Actions" in GitHub's documentation; of the second: Markdown.
"""

from __future__ import annotations

from collections.abc import Iterator

from vexlab.model.problem import Problem
from vexlab.model.verdict import Verdict
from vexlab.report import markdown
from vexlab.report.content import Content, bounded, one_line
from vexlab.report.places import Locate, named

_MOST = 10  # GitHub shows no more of one step
_SUMMARY_MOST = 1 << 20  # bytes of a step's summary


def commands(content: Content, locate: Locate = named) -> Iterator[str]:
    """Yield a workflow command for each problem; ``locate`` tells where its finding points to."""
    for problem in content.problems[:_MOST]:
        level = "notice" if problem.known else "error"
        yield _command(level, problem, content, locate)
    errors = [case for case in content.cases if case.verdict in (Verdict.ERROR, Verdict.UNDECIDED)]
    for case in errors[: max(0, _MOST - len(content.problems))]:
        yield f"::warning title={_property(case.id)}::{_data(one_line(bounded(case.reason)))}"


def _command(level: str, problem: Problem, content: Content, locate: Locate) -> str:
    place = locate(content.finding(problem))
    words = [f"title={_property(one_line(problem.title)[:80])}"]
    if place:
        words = [f"file={_property(place.file)}", f"line={place.line}", *words]
    shown = f"shown by {problem.cases[0]}" if problem.cases else "shown by no case"
    return f"::{level} {','.join(words)}::{_data(f'{one_line(bounded(problem.title))} ({shown})')}"


def summary(content: Content) -> bytes:
    """Return the Markdown of the job's summary."""
    text = markdown.render(content)
    return text if len(text) < _SUMMARY_MOST else f"{content.headline}\n".encode()


def _data(words: str) -> str:
    return words.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(words: str) -> str:
    return _data(words).replace(":", "%3A").replace(",", "%2C")

"""A report over the runs of a target from one to another: the runs, what changed, the problems on the way. Pure."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import msgspec

from vexlab.errors import UsageError
from vexlab.model.case import RunInfo, RunResult, Summary
from vexlab.model.compare import Comparison
from vexlab.model.history import History, Standing
from vexlab.report.compare import render_comparison
from vexlab.report.content import HARM_WORDS, bounded, headline, one_line, state_of
from vexlab.report.csvfile import cell as plain
from vexlab.report.jsonfile import encoded
from vexlab.report.markdown import cell, code, compose, fence
from vexlab.tables import visible

VERSION = 1  # of the JSON: as that of a run's
_RUNS_MOST = 200  # of the forms for people
_PROBLEMS_MOST = 60
_COLUMNS = ("run", "started", "revision", "cases", "passed", "red", "skipped", "lab", "stability", "verdict")
_WIDTHS = (21, 16, 12, 6, 6, 5, 7, 5, 9, 11)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A run of the span."""

    run: RunInfo
    summary: Summary

    @property
    def row(self) -> tuple[str, ...]:
        """What ``_COLUMNS`` name, as words."""
        sums = self.summary
        red, lab = sums.failed + sums.crashed, sums.errors + sums.undecided
        many = sums.passed + red + sums.skipped + sums.blocked + lab
        word = headline(RunResult(run=self.run, summary=sums, cases=())).word if self.run.finished else ""
        return (
            self.run.id,
            self.run.started[:16].replace("T", " "),
            one_line(self.run.provenance.revision),
            *map(str, (many, sums.passed, red, sums.skipped + sums.blocked, lab)),
            "" if sums.stability is None else f"{sums.stability:g}",
            word or state_of(self.run),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The ``runs`` of one target from a first to a last, the oldest first.

    ``changed`` compares the first with the last; ``problems`` are those that any of them showed, as of the last.
    """

    runs: tuple[Ran, ...]
    changed: Comparison
    problems: tuple[History, ...]

    @property
    def title(self) -> str:
        """The span in a line."""
        first, last = self.runs[0].run, self.runs[-1].run
        return f"{one_line(last.target)}: {len(self.runs)} runs, {first.id} to {last.id}"


def within(problems: Sequence[History], first: RunInfo) -> tuple[History, ...]:
    """Return the problems that were seen since the run ``first`` began."""
    return tuple(each for each in problems if (each.last.started, each.last.run) >= (first.started, first.id))


def render_text(span: Span) -> bytes:
    """Return the span as text."""
    lines = [span.title, "", *_table(span), "", *_problems(span), "what changed from the first to the last:"]
    return "\n".join([*lines, render_comparison(span.changed), ""]).encode()


def _table(span: Span) -> Iterator[str]:
    yield _line(_COLUMNS)
    shown = span.runs[-_RUNS_MOST:]
    yield from (_line(each.row) for each in shown)
    if rest := len(span.runs) - len(shown):
        yield f"and {rest} runs before these"


def _line(words: Sequence[str]) -> str:
    cells = (f"{word[:width] or '-':{width}}" for word, width in zip(words, _WIDTHS, strict=True))
    return " ".join(cells).rstrip()


def _problems(span: Span) -> Iterator[str]:
    yield f"problems: {', '.join(_standings(span)) or 'none'}"
    for number, each in enumerate(span.problems[:_PROBLEMS_MOST], 1):
        yield f"{number:3}. {HARM_WORDS[each.problem.harm]:14} {each.standing.value:10} {_title(each)}"
        yield f"     {_when(each)}"
    if (rest := len(span.problems) - _PROBLEMS_MOST) > 0:
        yield f"and {rest} more"
    yield ""


def _standings(span: Span) -> Iterator[str]:
    for standing in Standing:
        if number := sum(each.standing is standing for each in span.problems):
            yield f"{number} {standing.value}"


def _title(each: History) -> str:
    return one_line(each.problem.title.partition("\n")[0])


def _when(each: History) -> str:
    seen = f"first in {each.first.run}, last in {each.last.run}, in {each.runs} run{'s' * (each.runs != 1)}"
    return seen + (f"; gone in {each.fixed.run}" if each.fixed else "")


def render_markdown(span: Span) -> bytes:
    """Return the span as Markdown, as long as a comment may be."""
    rule = "| " + " | ".join(["---"] * len(_COLUMNS)) + " |"
    rows = [
        "| " + " | ".join(cell(word) if word else "" for word in each.row) + " |" for each in span.runs[-_RUNS_MOST:]
    ]
    first = [f"## {code(span.title)}", "\n".join(["| " + " | ".join(_COLUMNS) + " |", rule, *rows])]
    problems = [
        f"1. **{HARM_WORDS[each.problem.harm]}**, {each.standing.value}: {code(_title(each))} ({_when(each)})"
        for each in span.problems[:_PROBLEMS_MOST]
    ]
    rest = ["**Problems**: " + (", ".join(_standings(span)) or "none") + "\n\n" + "\n".join(problems)]
    rest.append(
        "**What changed from the first to the last**\n\n" + fence(bounded(render_comparison(span.changed), 20_000))
    )
    return compose(first, rest).encode()


def render_json(span: Span) -> bytes:
    """Return the span as JSON: ``{"version": 1, "runs": […], "changed": {…}, "problems": […]}``."""
    document = {
        "version": VERSION,
        "runs": span.runs,
        "changed": {"regressions": span.changed.regressions, **msgspec.to_builtins(span.changed)},
        "problems": span.problems,
    }
    return encoded(document) + b"\n"


def render_csv(span: Span) -> bytes:
    """Return a line for each run."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(_COLUMNS)
    table.writerows([plain(word) for word in each.row] for each in span.runs)
    return out.getvalue().encode()


def render_html(span: Span) -> bytes:
    """Return a page without any script; raise ``UsageError`` where Jinja2 is missing."""
    try:
        import jinja2
    except ImportError as error:
        hint = "pip install 'vexlab[report]'"
        raise UsageError("the HTML report needs Jinja2, which is not installed", hint=hint) from error
    assets = files("vexlab.report") / "assets"
    style = (assets / "page.css").read_text(encoding="utf-8")
    from markupsafe import Markup

    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True).from_string(
        (assets / "span.html").read_text(encoding="utf-8")
    )
    page = template.render(
        title=span.title,
        columns=_COLUMNS,
        rows=[each.row for each in span.runs[-_RUNS_MOST:]],
        left_out=max(0, len(span.runs) - _RUNS_MOST),
        standings=", ".join(_standings(span)) or "none",
        problems=[
            (HARM_WORDS[each.problem.harm], each.standing.value, _title(each), _when(each))
            for each in span.problems[:_PROBLEMS_MOST]
        ],
        changed=bounded(render_comparison(span.changed), 200_000),
        style=Markup(style),  # noqa: S704 - our own file
        style_hash=Markup("sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()),  # noqa: S704
    )
    return page.encode()


# The file that a format is, and what writes it; the formats that are about single cases have no sense here.
FORMS: Mapping[str, tuple[str, Callable[[Span], bytes]]] = {
    "text": ("span.txt", render_text),
    "md": ("span.md", render_markdown),
    "json": ("span.json", render_json),
    "csv": ("span.csv", render_csv),
    "html": ("span.html", render_html),
}


def chosen(names: str) -> tuple[tuple[str, Callable[[Span], bytes]], ...]:
    """Return the formats of a list with commas; raise ``UsageError`` for one that a span has not."""
    asked = tuple(dict.fromkeys(word.strip() for word in names.split(",") if word.strip()))
    for name in asked:
        if name not in FORMS:
            hint = f"of several runs there are {', '.join(FORMS)}"
            raise UsageError(f"no format `{visible(name)[:80]}` for several runs", hint=hint)
    if not asked:
        raise UsageError("no format is named", hint=f"there are {', '.join(FORMS)}")
    return tuple(FORMS[name] for name in asked)

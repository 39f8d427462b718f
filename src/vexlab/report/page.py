"""A run as one HTML page that opens from a file manager: no request, no other file, no script but its own.

What is above the table of cases is written here. The table is built by ``assets/page.js`` from data in the page, so
that 10,000 cases are answered at once. Every text passes ``bounded`` and is escaped: here by the template, in the
browser because the scripts only ever set text. The Content-Security-Policy allows by their hashes the scripts and the
style in the page, and nothing else: Vega interprets the expressions of charts instead of compiling them (``ast``), and
writes no markup, which the one policy of trusted types would make empty.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

from vexlab.errors import UsageError
from vexlab.model.case import CaseResult
from vexlab.model.problem import Problem
from vexlab.model.profile import summary
from vexlab.model.verdict import Finding
from vexlab.report import draw
from vexlab.report.advice import advice
from vexlab.report.charts import Chart, Spec, charts
from vexlab.report.content import (
    HARM_WORDS,
    Content,
    Excerpt,
    bounded,
    environment,
    excerpt,
    one_line,
    reproduce,
    state_of,
)
from vexlab.report.traces import HEADS

if TYPE_CHECKING:
    from jinja2 import Template

_EXCERPT_LINES = 40  # of a case; a problem shows more
_EXCERPTS_MOST = 3  # of a case
_CHECKS_MOST = 500
_REASON_MOST = 1_000
_EVERY_MOST = 4_500_000  # characters of the cases' words: a browser takes long over more
_SHORT = 120
_FLAKY_MOST = 200


def render(content: Content) -> bytes:
    """Return the page; raise ``UsageError`` where Jinja2 or vl-convert is missing."""
    style = _asset("page.css")
    drawn = charts(content)
    scripts = _scripts(drawn)
    markup = _template().render(
        content=content,
        head=content.headline,
        run=content.result.run,
        state=state_of(content.result.run),
        counts={verdict.value: number for verdict, number in content.counts.items()},
        problems=[_problem(content, number, each) for number, each in enumerate(content.problems, 1)],
        environment=environment(content.result.run),
        advice=advice(content),
        flaky=[(str(each.key), each.now.failed, each.now.runs) for each in content.flaky[:_FLAKY_MOST]],
        profiles=[(profile.place, summary(profile)) for profile in content.profiles],
        trace_heads=HEADS,
        style=style,
        charts=[each for each in drawn if each.spec],
        missing=[each for each in drawn if not each.spec],
        scripts=scripts,
        style_hash=_hash(style),
        script_hashes=" ".join(f"'{_hash(each)}'" for each in scripts),
        data=_data(content),
        specs=_in_element([_fluid(each) for each in drawn if each.spec]),
    )
    return markup.encode()


def check() -> None:
    """Raise ``UsageError`` where Jinja2 or vl-convert is missing."""
    _template()
    draw.check()


def _scripts(drawn: Sequence[Chart]) -> list[str]:
    """Return the page's scripts in their order; the library of charts only where there is one."""
    own = [_asset("page.js")]
    return [draw.bundle(), _asset("charts.js"), *own] if any(each.spec for each in drawn) else own


def _fluid(chart: Chart) -> Spec:
    """Return a chart that is as wide as the page."""
    size = {"width": "container", "autosize": {"type": "fit-x", "contains": "padding"}}
    return {**draw.complete(chart.spec or {}), **size}


@cache
def _template() -> Template:
    try:
        import jinja2  # an extra: who wants no page need not have it
    except ImportError as error:
        raise UsageError(
            "the HTML report needs Jinja2, which is not installed", hint="pip install 'vexlab[report]'"
        ) from error

    def clean(value: object) -> object:
        return bounded(value) if type(value) is str else value

    made = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, finalize=clean, trim_blocks=True)
    made.filters["trusted"] = _trusted
    return made.from_string(_asset("page.html"))


def _trusted(text: str) -> object:
    """Mark what is ours, or escaped already, as markup."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - given only the page's own style, script and escaped data


def _asset(name: str) -> str:
    return (files("vexlab.report") / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _problem(content: Content, number: int, problem: Problem) -> dict[str, object]:
    case, finding = content.shown_by(problem), content.finding(problem)
    return {
        "number": number,
        "title": one_line(problem.title),
        "harm": HARM_WORDS[problem.harm],
        "cases": problem.cases,
        "blocked": problem.blocked,
        "seconds": problem.seconds,
        "reason": case.reason if case else "",
        "exact": reproduce(problem.evidence),
        "command": content.command(case) if case else "",
        "origin": content.errno_command(case) if case else "",
        "excerpt": excerpt(finding) if finding and finding.text else None,
    }


def _data(content: Content) -> str:
    """Return what the script builds the table of, as JSON in which nothing can end the element it stands in."""
    excerpts = _Excerpts()
    room = _Room(_EVERY_MOST)
    rows = [_row(case, excerpts, room) for case in content.cases]
    return _in_element({"cases": rows, "excerpts": excerpts.every})


def _in_element(value: object) -> str:
    """Return JSON in which nothing ends the element it stands in."""
    data = msgspec.json.encode(value).decode()
    for character in "<>&\u2028\u2029":
        data = data.replace(character, f"\\u{ord(character):04x}")
    return data


class _Room:
    """How many characters may still be written."""

    def __init__(self, most: int) -> None:
        self._left = most

    def words(self, text: str, most: int) -> str:
        """Return ``text``, shorter where there is hardly any room left."""
        found = bounded(text, most if self._left > 0 else _SHORT)
        self._left -= len(found)
        return found


class _Excerpts:
    """Each excerpt once, however many cases show it."""

    def __init__(self) -> None:
        self.every: list[object] = []
        self._places: dict[Excerpt, int] = {}

    def place(self, finding: Finding) -> int:
        """Return the index of a finding's excerpt."""
        shown = excerpt(finding, _EXCERPT_LINES)
        if shown not in self._places:
            self._places[shown] = len(self.every)
            lines = [[line.text, int(line.blamed)] for line in shown.lines]
            self.every.append([shown.title, shown.frame, lines, shown.left_out])
        return self._places[shown]


def _row(case: CaseResult, excerpts: _Excerpts, room: _Room) -> list[object]:
    """Return a case as page.js takes it apart: the order is that of its ``FIELDS``."""
    return [
        one_line(case.id),
        case.domain,
        case.level,
        case.kernel,
        case.verdict.value,
        round(case.duration_s, 3),
        room.words(case.reason, _REASON_MOST),
        [
            [one_line(check.name), check.verdict.value, room.words(check.words, _REASON_MOST)]
            for check in case.subresults[:_CHECKS_MOST]
        ],
        [one_line(str(metric)) for metric in case.metrics],
        [excerpts.place(finding) for finding in case.findings[:_EXCERPTS_MOST]],
        reproduce(case.evidence),
        [room.words(words, _REASON_MOST) for words in case.attempts],
    ]

"""A run as a PDF for the file of a release: Typst sets what stands in ``assets/report.typ``.

What a guest or a case wrote reaches Typst as JSON, as an input beside the document: it is text there, never markup.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from vexlab.errors import InfraError, UsageError
from vexlab.model.case import CaseResult
from vexlab.model.problem import Problem
from vexlab.model.profile import summary
from vexlab.model.verdict import Verdict
from vexlab.report import draw
from vexlab.report.advice import advice
from vexlab.report.charts import charts
from vexlab.report.content import (
    HARM_WORDS,
    Content,
    bounded,
    environment,
    excerpt,
    one_line,
    reproduce,
    state_of,
)

if TYPE_CHECKING:
    from types import ModuleType

_PROBLEMS_MOST = 60
_EXCERPT_LINES = 30
_REASON_MOST = 600
_CASE_REASON_MOST = 160
_SHORT = 90
_LINE_MOST = 600
_PLACES_MOST = 6
_CASES_MOST = 1_500
_WORST_FIRST = (
    Verdict.CRASHED, Verdict.FAILED, Verdict.ERROR, Verdict.UNDECIDED, Verdict.BLOCKED, Verdict.SKIPPED, Verdict.PASSED,
)  # fmt: skip
_COVER = ("target", "revision", "started", "finished", "environment", "vexlab", "QEMU")


def render(content: Content) -> bytes:
    """Return the PDF; raise ``UsageError`` where Typst or vl-convert is missing."""
    typst = _library()
    data = json.dumps(_data(content))
    source = (files("vexlab.report") / "assets" / "report.typ").read_bytes()
    try:
        made: bytes = typst.compile(source, format="pdf", sys_inputs={"data": data})
    except typst.TypstError as error:
        raise InfraError(f"the PDF cannot be set: {error}", hint="`--format html` has the same content") from error
    return made


def check() -> None:
    """Raise ``UsageError`` where Typst or vl-convert is missing."""
    _library()
    draw.check()


@cache
def _library() -> ModuleType:
    try:
        import typst  # an extra: who wants no PDF need not have it
    except ImportError as error:
        raise UsageError("the PDF needs typst, which is not installed", hint="pip install 'vexlab[report]'") from error
    module: ModuleType = typst
    return module


def _data(content: Content) -> dict[str, object]:
    run = content.result.run
    facts = environment(run)
    drawn = charts(content)
    cases = sorted(content.cases, key=lambda each: (_WORST_FIRST.index(each.verdict), each.id))
    problems = content.problems[:_PROBLEMS_MOST]
    return {
        "title": one_line(f"{content.headline.word} · {run.target} · vexlab"),
        "footer": one_line(f"vexlab · {run.target} · run {run.id} · {content.headline.word}"),
        "head": {"word": content.headline.word, "words": content.headline.words, "tone": content.headline.tone.value},
        "cover": [
            *({"name": each.name, "value": bounded(each.value)} for each in facts if each.name in _COVER),
            {"name": "kernels", "value": one_line(", ".join(run.kernels))},
            {"name": "run", "value": one_line(f"{run.id}, {state_of(run)}")},
        ],
        "counts": _counts(content),
        "summary": _summary(content),
        "charts": [
            {"title": each.title, "about": each.about, "svg": draw.svg(each)} for each in drawn if each.spec is not None
        ],
        "missing": [{"title": each.title, "about": each.about} for each in drawn if each.spec is None],
        "problems": [_problem(content, number, each) for number, each in enumerate(problems, 1)],
        "problems_left": len(content.problems) - len(problems),
        "advice": [{"words": one_line(str(each), _LINE_MOST), "command": each.command} for each in advice(content)],
        "flaky": [
            {"name": one_line(str(each.key)), "words": f"failed {each.now.failed} of {each.now.runs} runs"}
            for each in content.flaky[:_PROBLEMS_MOST]
        ],
        "matrix": _matrix(content),
        "profiles": [
            {"place": one_line(each.place), "lines": [one_line(line, _LINE_MOST) for line in summary(each)]}
            for each in content.profiles
        ],
        "environment": [{"name": one_line(each.name), "value": bounded(each.value)} for each in facts],
        "cases": [_case(each) for each in cases[:_CASES_MOST]],
        "cases_all": len(cases),
        "cases_left": max(0, len(cases) - _CASES_MOST),
    }


def _counts(content: Content) -> list[dict[str, str]]:
    found = [("cases", len(content.cases))]
    found += [(verdict.value, number) for verdict, number in content.counts.items() if number]
    found.append(("distinct problems", len(content.problems)))
    told = [{"name": name, "number": str(number)} for name, number in found]
    stability = content.result.summary.stability
    return told if stability is None else [*told, {"name": "stability, of 100", "number": f"{stability:g}"}]


def _summary(content: Content) -> str:
    numbers = ", ".join(f"{number} {verdict.value}" for verdict, number in content.counts.items() if number)
    seconds = sum(case.duration_s for case in content.cases)
    many = len(content.problems)
    problems = f"{many} distinct problem{'' if many == 1 else 's'}" if many else "no problem"
    return f"{content.headline}. {len(content.cases)} cases in {seconds:.0f} s: {numbers or 'none'}; {problems}."


def _problem(content: Content, number: int, problem: Problem) -> dict[str, object]:
    case, finding = content.shown_by(problem), content.finding(problem)
    shown = excerpt(finding, _EXCERPT_LINES) if finding and finding.text else None
    command = reproduce(problem.evidence) or (content.command(case) if case else "")
    return {
        "number": number,
        "harm": HARM_WORDS[problem.harm],
        "title": one_line(problem.title),
        "short": one_line(problem.title, _SHORT),
        "cases": len(problem.cases),
        "shown_by": one_line(problem.cases[0]) if problem.cases else "",
        "known": one_line(problem.known),
        "command": one_line(command, 400),
        "reason": bounded(case.reason, _REASON_MOST) if case else "",
        "excerpt": [{"text": line.text.expandtabs(), "blamed": line.blamed} for line in shown.lines] if shown else [],
        "left_out": shown.left_out if shown else 0,
    }


def _matrix(content: Content) -> dict[str, object]:
    """Return the domains down, the kernels and configurations across, and how many cases have which verdict."""
    counted = Counter((case.domain, case.key.place, case.verdict) for case in content.cases)
    places = sorted({place for _, place, _ in counted})
    shown = places[:_PLACES_MOST]
    rows = [
        {
            "domain": one_line(domain),
            "cells": [
                [
                    {"verdict": verdict.value, "number": str(counted[domain, place, verdict])}
                    for verdict in Verdict
                    if counted[domain, place, verdict]
                ]
                for place in shown
            ],
        }
        for domain in sorted({domain for domain, _, _ in counted})
    ]
    return {"places": [one_line(each) for each in shown], "rows": rows, "left": len(places) - len(shown)}


def _case(case: CaseResult) -> dict[str, str]:
    reason = one_line(case.reason, _CASE_REASON_MOST) if case.verdict is not Verdict.PASSED else ""
    return {
        "verdict": case.verdict.value, "id": one_line(case.id), "reason": reason, "seconds": f"{case.duration_s:.1f}",
    }  # fmt: skip

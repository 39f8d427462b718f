"""A run as Markdown: a comment of a pull request, which GitHub bounds at 65,536 characters.

The verdict, the counts and the problems come first; excerpts and failed cases are folded behind them as long as there
is room. Guest text stands in code only: in fences longer than any run of backticks in it, or in code spans likewise.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from vexlab.model.case import CaseResult
from vexlab.model.problem import Problem
from vexlab.model.profile import summary
from vexlab.model.verdict import Verdict
from vexlab.report.advice import advice
from vexlab.report.content import (
    HARM_WORDS,
    Content,
    Tone,
    bounded,
    environment,
    excerpt,
    one_line,
    reproduce,
)

MOST = 65_000  # characters of the whole
_KEPT = 400  # of them for the last line
_PROBLEMS_MOST = 20  # on the first screen
_ROWS_MOST = 200
_EXCERPT_LINES = 30
_MARK = {Tone.RED: "❌", Tone.LAB: "⚠️", Tone.BLOCKED: "⚠️", Tone.GREEN: "✅"}


def render(content: Content) -> bytes:
    """Return the comment."""
    return compose(list(_first(content)), list(_rest(content))).encode()


def compose(first: Sequence[str], rest: Sequence[str]) -> str:
    """Return the blocks with blank lines between them; of ``rest`` those that fit, and how many do not."""
    text = "\n\n".join(first)
    if len(text) > MOST - _KEPT:  # cannot be: its parts are bounded; a cut may fall into a fence, so nothing follows
        return text[: MOST - _KEPT] + "\n"
    left_out = 0
    for block in rest:
        if len(text) + len(block) + 2 > MOST - _KEPT:
            left_out += 1
        else:
            text += f"\n\n{block}"
    if left_out:
        text += f"\n\n{left_out} more sections have no room here; `vexlab report --format html` has them all."
    return f"{text}\n"


def fence(text: str, language: str = "text") -> str:
    """Return ``text`` in a fence that nothing in it can close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    marks = "`" * max(3, longest + 1)
    return f"{marks}{language}\n{text}\n{marks}"


def code(text: str) -> str:
    """Return ``text`` as a code span of one line."""
    words = one_line(text) or " "
    marks = "`" * (max((len(run) for run in re.findall("`+", words)), default=0) + 1)
    pad = " " if words.startswith("`") or words.endswith("`") else ""
    return f"{marks}{pad}{words}{pad}{marks}"


def cell(text: str) -> str:
    """Return ``text`` as a code span in a table, whose cells end at a bar, in code as well."""
    return re.sub(r"\\*\|", r"\\|", code(text))  # a backslash of the guest's would undo ours


def _first(content: Content) -> Iterator[str]:
    head = content.headline
    run = content.result.run
    yield f"## {_MARK[head.tone]} vexlab: {head.word} · {code(run.target)} on kernel {code(', '.join(run.kernels))}"
    yield f"{head.words[:1].upper()}{head.words[1:]}."
    yield _counts(content)
    if content.problems:
        many = "1 distinct problem" if len(content.problems) == 1 else f"{len(content.problems)} distinct problems"
        lines = [f"**{many}**, the most harmful first:", ""]
        lines += [_problem(problem) for problem in content.problems[:_PROBLEMS_MOST]]
        if (rest := len(content.problems) - _PROBLEMS_MOST) > 0:
            lines.append(f"\nand {rest} more")
        yield "\n".join(lines)
    if found := advice(content):
        yield "\n".join(["**Recommended**", "", *(f"1. {code(str(each))}: {code(each.command)}" for each in found)])


def _counts(content: Content) -> str:
    counts = {verdict: number for verdict, number in content.counts.items() if number}
    words = " | ".join(verdict.value for verdict in counts)
    numbers = " | ".join(str(number) for number in counts.values())
    stability = content.result.summary.stability
    score = "" if stability is None else f"{stability:g}"
    rule = " | ".join(["--:"] * (len(counts) + 2))
    return f"| cases | {words} | stability |\n| {rule} |\n| {len(content.cases)} | {numbers} | {score} |"


def _problem(problem: Problem) -> str:
    cases = f"{len(problem.cases)} case{'s' * (len(problem.cases) != 1)}"
    known = f"; known issue: {code(problem.known)}" if problem.known else ""
    return f"1. **{HARM_WORDS[problem.harm]}** {code(problem.title)} ({cases}){known}"


def _rest(content: Content) -> Iterator[str]:
    for number, problem in enumerate(content.problems, 1):
        yield _details(f"{number}. {one_line(problem.title)}", "\n\n".join(_about(content, problem)))
    red = [case for case in content.cases if case.verdict in (Verdict.FAILED, Verdict.CRASHED)]
    lab = [case for case in content.cases if case.verdict in (Verdict.ERROR, Verdict.UNDECIDED)]
    if content.flaky:
        rows = ["| case | failed | runs at this revision |", "| --- | --: | --: |"]
        rows += [
            f"| {cell(str(each.key))} | {each.now.failed} | {each.now.runs} |" for each in content.flaky[:_ROWS_MOST]
        ]
        yield _details(f"{len(content.flaky)} case{'s' * (len(content.flaky) != 1)} flaky", "\n".join(rows))
    for title, cases in (("failed or crashed", red), ("without a verdict", lab)):
        if cases:
            yield _details(f"{len(cases)} case{'s' * (len(cases) != 1)} {title}", _table(cases))
    for profile in content.profiles:
        lines = bounded("\n".join(summary(profile)))
        yield _details(f"What the target can do on {one_line(profile.place)}", fence(lines))
    facts = "\n".join(f"{fact.name}: {one_line(fact.value)}" for fact in environment(content.result.run))
    yield _details(f"Environment, run {content.result.run.id}", fence(facts))


def _about(content: Content, problem: Problem) -> Iterator[str]:
    case = content.shown_by(problem)
    finding = content.finding(problem)
    if finding and finding.text:
        shown = excerpt(finding, _EXCERPT_LINES)
        lines = [f"{'>' if line.blamed else ' '} {line.text}" for line in shown.lines]
        lines += [f"  … {shown.left_out} more lines"] if shown.left_out else []
        yield fence("\n".join(lines))
    elif case and case.reason:
        yield fence(bounded(case.reason))
    if case:
        yield f"Shown by {code(case.id)} in {case.duration_s:.0f} s" + _more(problem) + ". Again, in a checkout:"
        yield fence(content.command(case), "sh")
        if origin := content.errno_command(case):
            yield f"Which function the error came from: {code(origin)}"
        if case.evidence:
            yield f"Exactly as it was, where it ran: {code(reproduce(case.evidence))}"


def _more(problem: Problem) -> str:
    rest = len(problem.cases) - 1
    more = f", and by {rest} more" if rest else ""
    return more + (f"; keeps {len(problem.blocked)} from running" if problem.blocked else "")


def _table(cases: Sequence[CaseResult]) -> str:
    lines = ["| case | verdict | s | why |", "| --- | --- | --: | --- |"]
    for case in cases[:_ROWS_MOST]:
        why = cell(case.reason.partition("\n")[0]) if case.reason else ""
        lines.append(f"| {cell(case.id)} | {case.verdict.value} | {case.duration_s:.1f} | {why} |")
    if (rest := len(cases) - _ROWS_MOST) > 0:
        lines.append(f"| and {rest} more | | | |")
    return "\n".join(lines)


def _details(title: str, body: str) -> str:
    # in <code> GitHub makes no links of @names and #numbers
    return f"<details><summary><code>{html.escape(title)}</code></summary>\n\n{body}\n\n</details>"

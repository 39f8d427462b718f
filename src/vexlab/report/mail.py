"""A problem as a mail to the authors of the module: plain text, as kernel mailing lists want it. Pure.

Documentation/admin-guide/reporting-issues.rst of the kernel says what belongs into a report: the version, how to
trigger it, the decoded log, since when.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from vexlab.model.case import CaseResult, RunInfo
from vexlab.model.control import Trial
from vexlab.model.history import History, Seen
from vexlab.model.verdict import Finding
from vexlab.report.content import HARM_WORDS, one_line
from vexlab.report.terminal import printable

_WIDTH = 72
_SUBJECT_MOST = 100
_LOG_LINES, _LOG_WIDTH = 80, 200
_REASON_LINES = 20


def render_mail(run: RunInfo, history: History, case: CaseResult, trials: Sequence[Trial], again: str) -> str:
    """Return the mail about a problem of ``run``, shown by its shortest ``case``; ``again`` is what shows it again."""
    problem = history.problem
    title = one_line(problem.title.partition("\n")[0])
    lines = [f"Subject: [BUG] {run.target}: {title[:_SUBJECT_MOST]}", "", "Hello,", ""]
    lines += _paragraph(_opening(run, history, case))
    lines += ["What happens", "------------", *_what(case, problem.finding), ""]
    lines += ["How to trigger it", "-----------------", *_trigger(case, trials, again), ""]
    lines += ["Where it was seen", "-----------------", *_environment(run, case), *_since(history), ""]
    if finding := _finding(case, problem.finding):
        lines += ["What the kernel said", "--------------------", *_log(finding), ""]
    return "\n".join(line.rstrip() for line in lines)


def _opening(run: RunInfo, history: History, case: CaseResult) -> str:
    revision = f" at revision {run.provenance.revision}" if run.provenance.revision else ""
    many = len(history.problem.cases)
    others = "" if many < 2 else f" {many} test cases show it; the shortest is described here."
    harm = HARM_WORDS[history.problem.harm]
    return printable(
        f"vexlab found a problem ({harm}) in {run.target}{revision} on Linux {_release(run, case)}, in a fresh virtual "
        f"machine that ran nothing else.{others}"
    )


def _release(run: RunInfo, case: CaseResult) -> str:
    used = {kernel.name: kernel.release for kernel in run.provenance.kernels}
    return used.get(case.kernel, case.kernel) or "(unknown)"


def _paragraph(words: str) -> Iterator[str]:
    yield from textwrap.wrap(words, _WIDTH, break_long_words=False, break_on_hyphens=False)
    yield ""


def _what(case: CaseResult, finding: str) -> Iterator[str]:
    lines = [printable(line) for line in (case.reason or finding).splitlines() if line.strip()]
    for line in lines[:_REASON_LINES]:
        yield from textwrap.wrap(line[:1000], _WIDTH, break_long_words=False, break_on_hyphens=False)
    if len(lines) > _REASON_LINES:
        yield f"[{len(lines) - _REASON_LINES} more lines]"


def _trigger(case: CaseResult, trials: Sequence[Trial], again: str) -> Iterator[str]:
    yield printable(f"The case {case.id} shows it in {case.duration_s:.0f} s:")
    if again:
        yield ""
        yield f"  $ {printable(again)}"
    if trials:
        yield ""
        yield from textwrap.wrap(printable(f"It fails {', '.join(map(str, trials))}."), _WIDTH)


def _environment(run: RunInfo, case: CaseResult) -> Iterator[str]:
    origin = run.provenance
    facts = {"target": run.target, "revision": origin.revision, "configuration": case.key.configuration}
    for kernel in origin.kernels:
        if kernel.name == case.kernel:
            facts["kernel"] = f"{kernel.release} ({kernel.flavour}, package {kernel.version})"
            facts["module"] = f"SHA-256 {kernel.module}" if kernel.module else ""
            facts["image"] = f"{kernel.image.name}, SHA-256 {kernel.image.digest}" if kernel.image else ""
            facts["machine"] = f"QEMU {origin.qemu}, accelerator {kernel.accelerator}"
    facts["tested with"] = f"vexlab {origin.vexlab}, run {run.id}"
    width = max(map(len, facts))
    yield from (printable(f"{name:{width}}  {words}") for name, words in facts.items() if words)


def _since(history: History) -> Iterator[str]:
    yield ""
    many = "once" if history.runs == 1 else f"in {history.runs} runs"
    on = f" on {', '.join(history.kernels)}" if history.kernels else ""
    yield printable(f"Seen {many}{on}, first {_seen(history.first)}; it is {history.standing.value}.")


def _seen(seen: Seen) -> str:
    return f"{seen.started[:10]}" + (f" at revision {seen.revision}" if seen.revision else "")


def _finding(case: CaseResult, title: str) -> Finding | None:
    return next((each for each in case.findings if each.title == title), next(iter(case.findings), None))


def _log(finding: Finding) -> Iterator[str]:
    if finding.frame:
        at = f", at {finding.place}" if finding.place else ""
        yield printable(f"The function at fault is {finding.frame}{at}.")
        yield ""
    lines = finding.text.splitlines()
    yield from (printable(line[:_LOG_WIDTH]) for line in lines[:_LOG_LINES])
    if len(lines) > _LOG_LINES:
        yield f"[{len(lines) - _LOG_LINES} more lines]"

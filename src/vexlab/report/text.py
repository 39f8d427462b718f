"""A run in one screen, as filesystem mailing lists read it: sums for each configuration, then what failed."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from vexlab.model.case import NOT_BEGUN, CaseResult
from vexlab.model.key import OWN
from vexlab.model.profile import summary
from vexlab.model.verdict import Verdict
from vexlab.report.advice import advice
from vexlab.report.content import HARM_WORDS, Content, bounded, environment, one_line, state_of

_WIDTH = 78
_HEAD_WIDTH = 13
_FAILURES_MOST = 40  # of a configuration
_PROBLEMS_MOST = 12
_RED = (Verdict.FAILED, Verdict.CRASHED)
_SKIPPED = (Verdict.SKIPPED, Verdict.BLOCKED)
_LAB = (Verdict.ERROR, Verdict.UNDECIDED)
_SHOWN = ("revision", "vexlab", "QEMU", "environment", "seed")


def render(content: Content) -> bytes:
    """Return the text; a line of sums reads ``vexfs/default: 164 tests, 3 failures, 10 skipped, 512 seconds``."""
    return ("\n".join(_lines(content)) + "\n").encode()


def _lines(content: Content) -> Iterator[str]:
    info = content.result.run
    yield _head("run", f"{info.id} ({state_of(info)}), {info.started}")
    for fact in environment(info):
        if fact.name in _SHOWN:
            yield _head(fact.name, fact.value)
    for kernel in _unique(case.kernel for case in content.cases):
        yield from _kernel(content, kernel)
    yield ""
    yield f"Totals: {_sums(content.cases)}"
    yield from _problems(content)
    for profile in content.profiles:
        yield f"Profile on {profile.place}:"
        for line in summary(profile):
            yield from _wrapped(line)
    yield from _advice(content)
    yield f"verdict: {content.headline}"


def _advice(content: Content) -> Iterator[str]:
    found = advice(content)
    if found:
        yield "Recommended:"
    for number, each in enumerate(found, 1):
        yield f"  {number}. {one_line(str(each))}"
        yield f"     {each.command}"


def _kernel(content: Content, kernel: str) -> Iterator[str]:
    words = [fact.value for fact in environment(content.result.run) if fact.name == f"kernel {kernel}"]
    yield ""
    yield _head("kernel", (kernel or "none") + (f" ({words[0]})" if words else ""))
    for name in _unique(case.key.configuration for case in content.cases if case.kernel == kernel):
        own = [case for case in content.cases if (case.kernel, case.key.configuration) == (kernel, name)]
        yield f"{content.result.run.target}/{name or OWN}: {_sums(own)}"
        begun = [case for case in own if not case.reason.startswith(NOT_BEGUN)]
        for title, verdicts in (("Failures", _RED), ("Errors", _LAB)):
            yield from _names(title, [case.id for case in begun if case.verdict in verdicts])
        yield from _flaky(content, kernel, name)
        if rest := len(own) - len(begun):
            yield f"  Not begun: {rest}"


def _flaky(content: Content, kernel: str, configuration: str) -> Iterator[str]:
    """Yield the cases that both passed and failed at the revision: how often they failed, of how many runs."""
    own = [each for each in content.flaky if (each.key.kernel, each.key.configuration) == (kernel, configuration)]
    if own:
        yield "  Flaky:"
    for each in own[:_FAILURES_MOST]:
        share = 100 * each.now.failed / each.now.runs
        yield f"    {one_line(str(each.key))}: {share:.0f}% ({each.now.failed}/{each.now.runs})"
    if (rest := len(own) - _FAILURES_MOST) > 0:
        yield f"    and {rest} more"


def _head(name: str, words: str) -> str:
    return f"{name.upper() + ':':{_HEAD_WIDTH}}{one_line(words)}"


def _wrapped(words: str) -> Iterator[str]:
    yield from textwrap.wrap(
        bounded(words), _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False
    )


def _names(title: str, ids: Sequence[str]) -> Iterator[str]:
    if not ids:
        return
    yield f"  {title}:"
    words = " ".join(one_line(name) for name in ids[:_FAILURES_MOST])
    yield from textwrap.wrap(
        words, _WIDTH, initial_indent="    ", subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    if (rest := len(ids) - _FAILURES_MOST) > 0:
        yield f"    and {rest} more"


def _sums(cases: Sequence[CaseResult]) -> str:
    red, skipped, lab = (sum(case.verdict in verdicts for case in cases) for verdicts in (_RED, _SKIPPED, _LAB))
    seconds = sum(case.duration_s for case in cases)
    errors = f"{lab} errors, " if lab else ""
    return f"{len(cases)} tests, {red} failures, {skipped} skipped, {errors}{seconds:.0f} seconds"


def _problems(content: Content) -> Iterator[str]:
    if not content.problems:
        return
    yield ""
    yield f"Distinct problems: {len(content.problems)}"
    for number, problem in enumerate(content.problems[:_PROBLEMS_MOST], 1):
        cases = f"{len(problem.cases)} case{'s' * (len(problem.cases) != 1)}"
        yield f"  {number}. [{HARM_WORDS[problem.harm]}, {cases}] {one_line(problem.title)}"
        if problem.known:
            yield f"     known issue: {one_line(problem.known)}"
        if shown := content.shown_by(problem):
            yield f"     {content.command(shown)}"
            if origin := content.errno_command(shown):
                yield f"     where the error came from: {origin}"
    if len(content.problems) > _PROBLEMS_MOST:
        yield f"  and {len(content.problems) - _PROBLEMS_MOST} more"
    yield ""


def _unique(names: Iterable[str]) -> list[str]:
    return sorted(dict.fromkeys(names))

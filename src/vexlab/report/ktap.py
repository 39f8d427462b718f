"""A run in the kernel's test protocol: KTAP version 1 (Documentation/dev-tools/ktap.rst)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vexlab.model.case import CaseResult
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.verdict import Verdict
from vexlab.report.content import Content, bounded, known_words, one_line

_VERSION = "KTAP version 1"
_NEST = "  "
_OK: dict[Verdict, tuple[str, str]] = {
    Verdict.PASSED: ("ok", ""),
    Verdict.FAILED: ("not ok", ""),
    Verdict.CRASHED: ("not ok", ""),
    Verdict.SKIPPED: ("ok", "SKIP"),
    Verdict.BLOCKED: ("ok", "SKIP"),
    Verdict.ERROR: ("not ok", "ERROR"),
    Verdict.UNDECIDED: ("not ok", "ERROR"),
}
_CHECK_OK: dict[SubVerdict, tuple[str, str]] = {
    SubVerdict.PASSED: ("ok", ""),
    SubVerdict.FAILED: ("not ok", ""),
    SubVerdict.REFUSED: ("ok", "SKIP"),
    SubVerdict.SKIPPED: ("ok", "SKIP"),
    SubVerdict.BLOCKED: ("ok", "SKIP"),
}
_LINES_MOST = 20  # of the words of a case


def render(content: Content) -> bytes:
    """Return a line for each case; the checks of a case are its subtests."""
    lines = [_VERSION, f"1..{len(content.cases)}", *_facts(content)]
    for number, case in enumerate(content.cases, 1):
        lines += _case(number, case)
    return ("\n".join(lines) + "\n").encode()


def _facts(content: Content) -> Iterator[str]:
    yield f"# vexlab: run {content.result.run.id}: {content.headline}"
    counts = ", ".join(f"{number} {verdict.value}" for verdict, number in content.counts.items() if number)
    yield f"# vexlab: {counts or 'no case'}, {len(content.problems)} distinct problems"


def _case(number: int, case: CaseResult) -> Iterator[str]:
    yield from (f"{_NEST}{line}" for line in _checks(case, case.subresults))
    name = _name(case.id)
    ok, directive = _OK[case.verdict]
    lines = bounded(case.reason).splitlines()[:_LINES_MOST]
    if case.verdict is not Verdict.PASSED and not (directive and len(lines) == 1):  # a directive says one line itself
        for line in lines:
            # the name before it keeps a guest's words from being taken for a line of the protocol's own
            yield f"# {name}: {line}"
    for finding in (each for each in case.findings if each.title not in case.reason):
        yield f"# {name}: kernel: {one_line(finding.title)}"
    if known := known_words(case):
        yield _result(number, name, *_OK[Verdict.SKIPPED], case.verdict.value, f"known issue: {known}")
        return
    yield _result(number, name, ok, directive, case.verdict.value, case.reason)


def _checks(case: CaseResult, checks: Sequence[SubResult]) -> Iterator[str]:
    if not checks:
        return
    yield _VERSION
    yield f"# Subtest: {_name(case.id)}"
    yield f"1..{len(checks)}"
    for number, check in enumerate(checks, 1):
        name = _name(check.name)
        ok, directive = _CHECK_OK[SubVerdict.SKIPPED if _is_known(case, check) else check.verdict]
        if check.words and not directive:
            yield f"# {name}: {one_line(check.words)}"
        yield _result(number, name, ok, directive, check.verdict.value, check.words)


def _is_known(case: CaseResult, check: SubResult) -> bool:
    return check.verdict is SubVerdict.FAILED and bool(known_words(case))


def _result(number: int, name: str, ok: str, directive: str, word: str, why: str) -> str:
    line = f"{ok} {number} {name}"
    return f"{line} # {directive} {word}: {one_line(why)}".rstrip(": ") if directive else line


def _name(name: str) -> str:
    """Return a description: one line, and no ``#``, which would begin a directive."""
    return one_line(name).replace("#", "%23") or "unnamed"

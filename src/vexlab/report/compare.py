"""A comparison of two runs, as lines for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vexlab.model.compare import Change, Compared, Comparison, Number
from vexlab.model.history import Standing
from vexlab.report.terminal import printable

_MOST = 20  # lines of one kind; --json has all
_WORDS_MOST = 160
_GOOD = ("passed", "refused")
_PROBLEMS = (
    ("new", Standing.NEW),
    ("still there", Standing.KNOWN),
    ("fixed", Standing.FIXED),
    ("open: not looked for in the second run", Standing.OPEN),
)


def render_comparison(found: Comparison) -> str:
    """Return what changed, the regressions first; the last line is the sum."""
    lines = [f"{found.before.id} → {found.after.id}, {found.after.target}: {found.compared} cases compared"]
    lines += [f"  {each.name}: {each.before or '-'} → {each.after or '-'}" for each in found.differences]
    if found.changed_code:
        many = len(found.changed_code)
        lines.append(f"  not compared: {many} cases, whose code is another one now, or was not noted")
    lines += _problems(found)
    for change in Change:
        lines += _changed(f"{change.value} cases", [each for each in found.cases if each.change is change])
        lines += _changed(f"{change.value} checks", [each for each in found.checks if each.change is change])
    lines += _numbers("worse", [each for each in found.numbers if not each.better])
    lines += _numbers("better", [each for each in found.numbers if each.better])
    return "\n".join([*lines, _sum(found)])


def _problems(found: Comparison) -> Iterator[str]:
    for words, standing in _PROBLEMS:
        some = [each.problem for each in found.problems if each.standing is standing]
        if some:
            yield f"problems, {words}: {len(some)}"
        for problem in some[:_MOST]:
            remark = f" (known issue: {problem.known})" if problem.known else ""
            if standing is Standing.NEW and not remark and problem.key not in found.new_problems:
                remark = " (only cases that were not compared show it)"
            yield f"  {printable(problem.title.partition(chr(10))[0][:_WORDS_MOST] + remark)}"
        yield from _rest(some)


def _changed(head: str, some: Sequence[Compared]) -> Iterator[str]:
    told = [each for each in some if each.change is not Change.APPEARED or each.after not in _GOOD]
    passed = len(some) - len(told)
    if some:
        yield f"{head}: {len(some)}" + (f", {passed} of them passed" if passed else "")
    some = told
    for each in some[:_MOST]:
        name = f"{each.case} {each.check}".rstrip()
        yield printable(f"  {name}: {each.before} → {each.after}")
        if each.known:
            yield printable(f"      known issue: {each.known}")
        elif each.words and each.change is not Change.NEWLY_PASSING:
            yield printable(f"      {each.words.partition(chr(10))[0][:_WORDS_MOST]}")
    yield from _rest(some)


def _numbers(head: str, some: Sequence[Number]) -> Iterator[str]:
    if some:
        beyond = sum(each.beyond for each in some)
        yield f"numbers, {head}: {len(some)}, {beyond} of them beyond the noise of earlier runs"
    for each in some[:_MOST]:
        unit = f" {each.unit}" if each.unit else ""
        percent = f"{100 * (each.after - each.before) / abs(each.before):+.0f} %" if each.before else "from zero"
        yield f"  {each.case} {each.name}: {each.before:g} → {each.after:g}{unit} ({percent}; {_noise(each)})"
    yield from _rest(some)


def _noise(each: Number) -> str:
    if each.p is None:
        return f"noise unknown: {each.runs} earlier runs"
    words = "beyond the noise" if each.beyond else "within the noise"
    return f"{words} of {each.runs} runs, p = {each.p:.1g}"


def _rest(some: Sequence[object]) -> Iterator[str]:
    if len(some) > _MOST:
        yield f"  and {len(some) - _MOST} more (--json)"


def _sum(found: Comparison) -> str:
    if found.regressions:
        return f"{found.regressions} regressions"
    if not found.compared:
        return "NOTHING COMPARED: no case came to its end in both runs with the same code"
    return "no regression"

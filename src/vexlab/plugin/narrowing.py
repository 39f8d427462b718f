"""Which of the collected cases a request asks for; pure, but for the files that it names."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from vexlab.model.aliases import current
from vexlab.model.benchmarks import benchmark_of
from vexlab.model.case import Safety
from vexlab.model.component import DOMAIN
from vexlab.model.key import SUITES, is_chosen
from vexlab.model.request import SHARD, Request
from vexlab.model.scenario import scenarios_of
from vexlab.plugin.marks import CaseMarks

_SAFETIES = tuple(Safety)  # from harmless to harmful


def is_wanted(asked: Request, marks: CaseMarks) -> bool:
    """Whether a case belongs to what ``asked`` narrows the cases down to, or to a component that it switches on."""
    return _is_allowed(asked, marks) and (_is_selected(asked, marks) or _is_of_component(asked, marks))


def _is_selected(asked: Request, marks: CaseMarks) -> bool:
    chosen = not asked.cases or any(is_chosen(marks.id, current(pattern)) for pattern in asked.cases)
    if marks.domain == SUITES:  # which have no levels, and are asked for by name
        return chosen
    return (
        asked.level in (0, marks.level)
        and asked.scenario in (0, marks.scenario)
        and (not asked.phase or marks.scenario in scenarios_of(asked.phase))
        and (not asked.domains or marks.domain in asked.domains)
        and (not asked.quick or marks.quick)
        and chosen
    )


def unanswered_of(asked: Request, marks: Sequence[CaseMarks]) -> tuple[str, ...]:
    """Return, in words, which of several patterns for cases take none of those of ``marks``; nothing where all do.

    Where no pattern takes any, nothing is left to run, and that is said elsewhere.
    """
    takes = {pattern: [each for each in marks if is_chosen(each.id, current(pattern))] for pattern in asked.cases}
    left = {pattern: any(_is_selected(asked, each) for each in found) for pattern, found in takes.items()}
    if not any(left.values()):
        return ()
    return tuple(_unanswered(pattern, takes[pattern], marks) for pattern, any_left in left.items() if not any_left)


def _unanswered(pattern: str, found: Sequence[CaseMarks], marks: Sequence[CaseMarks]) -> str:
    if found:
        levels = " or ".join(str(level) for level in sorted({each.level for each in found}))
        return f"`{pattern}` takes only cases of level {levels} that other options leave out, as {found[0].id}"
    near = difflib.get_close_matches(pattern, sorted({each.id for each in marks}), n=1)
    return f"no case matches `{pattern}`" + (f"; did you mean `{near[0]}`?" if near else "")


def _is_of_component(asked: Request, marks: CaseMarks) -> bool:
    """Whether a component that is switched on brings the case in, whatever else is selected."""
    return marks.domain == DOMAIN or (asked.benchmarks and benchmark_of(marks.id) is not None)


def _is_allowed(asked: Request, marks: CaseMarks) -> bool:
    return (
        not any(is_chosen(marks.id, current(pattern)) for pattern in asked.skip)
        and (not asked.only or marks.id in listed(Path(asked.only)))
        and (not asked.safety or _SAFETIES.index(marks.safety) <= _SAFETIES.index(Safety(asked.safety)))
    )


@cache
def listed(file: Path) -> frozenset[str]:
    """Return the ids in a file, one a line."""
    return frozenset(line.strip() for line in file.read_text().splitlines() if line.strip())


def shard_of(shard: str, seconds: Mapping[str, float]) -> frozenset[str]:
    """Return of cases, each with the seconds that it is expected to take, those of part I of N (``I/N``).

    The longest come first, each to the part that has least so far: parts of about equal time, the same on every
    machine that runs one, since the seconds are those of the table that ships with vexlab.
    """
    match = SHARD.fullmatch(shard)
    if not match:
        return frozenset(seconds)
    number, count = int(match[1]), int(match[2])
    sums = [0.0] * count
    mine = set()
    for case in sorted(seconds, key=lambda each: (-seconds[each], each)):
        least = sums.index(min(sums))
        sums[least] += seconds[case]
        if least == number - 1:
            mine.add(case)
    return frozenset(mine)


def shard_problem(shard: str) -> str:
    """Return what is wrong with ``I/N``, or an empty string."""
    match = SHARD.fullmatch(shard)
    if match and not 1 <= int(match[1]) <= int(match[2]):
        return f"there is no part {match[1]} of {match[2]}"
    return ""

"""What one run reached of a source and another did not, though lines moved between the two. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher

from vexlab.model.coverage import Coverage


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDifference:
    """The lines of a file, as it is now, that only one of two runs reached; ``new`` are those the earlier had not."""

    path: str
    gained: frozenset[int]
    lost: frozenset[int]
    new: int


def moved(before: str, now: str) -> dict[int, int]:
    """Return where each line of ``before`` stands ``now``; lines that changed are left out."""
    first, second = before.splitlines(), now.splitlines()
    found: dict[int, int] = {}
    for block in SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks():
        found |= {block.a + offset + 1: block.b + offset + 1 for offset in range(block.size)}
    return found


def difference(
    before: Coverage, now: Coverage, source_before: Callable[[str], str], source_now: Callable[[str], str]
) -> tuple[FileDifference, ...]:
    """Return what changed from one run to another, by file; files of which the same was reached are left out.

    ``source_before`` and ``source_now`` return the text of a file as the run built it, empty where there was none.
    """
    found = []
    for path, counts in now.files.items():
        places = moved(source_before(path), source_now(path))
        earlier = before.files.get(path)
        known = {places[line]: count for line, count in (earlier.lines if earlier else {}).items() if line in places}
        common = {line: count for line, count in counts.lines.items() if line in known}
        gained = frozenset(line for line, count in common.items() if count and not known[line])
        lost = frozenset(line for line, count in common.items() if not count and known[line])
        new = len(counts.lines) - len(common)
        if gained or lost or new:
            found.append(FileDifference(path=path, gained=gained, lost=lost, new=new))
    return tuple(found)


def changed_lines(before: str, now: str) -> frozenset[int]:
    """Return the lines of ``before`` that are not as they were ``now``; where lines were only put in, those beside."""
    found: set[int] = set()
    first = before.splitlines()
    for kind, start, end, _, _ in SequenceMatcher(None, first, now.splitlines(), autojunk=False).get_opcodes():
        if kind == "insert":
            found |= {line for line in (start, start + 1) if 1 <= line <= len(first)}
        elif kind != "equal":
            found |= set(range(start + 1, end + 1))
    return frozenset(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaching:
    """Which ``functions`` a change concerns, by file, and the ``cases`` that reach them, most useful first.

    ``whole`` are files of which a change concerns what is in no function, so that all that reach the file do.
    """

    functions: Mapping[str, tuple[str, ...]]
    whole: tuple[str, ...]
    cases: tuple[str, ...]


def reaching(
    coverage: Coverage, changed: Mapping[str, frozenset[int]], seconds: Callable[[str], float] = lambda _case: 0.0
) -> Reaching:
    """Return the cases that reach what changed: ``changed`` are lines of the sources that the run counted, by file.

    A case that reaches more of the changed functions comes first, and of those the one that takes fewest ``seconds``.
    """
    functions: dict[str, tuple[str, ...]] = {}
    whole: list[str] = []
    reached: dict[str, int] = {}
    for path, lines in changed.items():
        counts = coverage.files.get(path)
        inside = [each for each in (counts.functions if counts else ()) if _touches(each.first, each.last, lines)]
        functions[path] = tuple(dict.fromkeys(each.name for each in inside))
        parts = [frozenset(range(each.first, each.last + 1)) for each in inside]
        if counts and any(counts.function_at(line) is None for line in lines):
            whole.append(path)
            parts.append(frozenset(counts.lines))
        for part in parts:
            for case in coverage.reaching(path, part):
                reached[case] = reached.get(case, 0) + 1
    ordered = sorted(reached, key=lambda case: (-reached[case], seconds(case), case))
    return Reaching(
        functions={path: names for path, names in functions.items() if names}, whole=tuple(whole), cases=tuple(ordered)
    )


def _touches(first: int, last: int, lines: Iterable[int]) -> bool:
    return any(first <= line <= last for line in lines)

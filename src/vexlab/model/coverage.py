"""Which lines of a module ran. Paths are relative to the folder of the module's source; lines count from 1."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

RUN_FOLDER = "coverage"  # in a run's folder: for each kernel gcov's notes and the sources (vexlab.targets.counted)
CASE_FILE = "counters.zip"  # in a case's folder: MACHINE/KERNEL/OBJECT.gcda
UNREAD = "UNREAD"  # there in place of the files of a machine that did not give its counters


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCount:
    """A function of a file, from ``first`` to ``last`` line, and how often it was called."""

    name: str
    first: int
    last: int
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCounts:
    """How often each line of a file ran that holds code, and each branch that goes from a line.

    ``functions`` are in the order of their lines.
    """

    lines: Mapping[int, int] = field(default_factory=dict)
    branches: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    functions: tuple[FunctionCount, ...] = ()

    @property
    def reached(self) -> frozenset[int]:
        """The lines that ran."""
        return frozenset(line for line, count in self.lines.items() if count)

    def function_at(self, line: int) -> FunctionCount | None:
        """Return the function in which a line lies, ``None`` outside of all."""
        return next((each for each in self.functions if each.first <= line <= each.last), None)


Counts = Mapping[str, FileCounts]  # by file


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many of how many were reached."""

    reached: int
    of: int

    @property
    def percent(self) -> float:
        """The part that was reached, of 100; 100 where there is nothing to reach."""
        return 100 * self.reached / self.of if self.of else 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What was reached of a file, or of several."""

    lines: Share
    functions: Share
    branches: Share


def shares(files: Iterable[FileCounts]) -> Shares:
    """Return what was reached of ``files`` together."""
    files = tuple(files)
    branches = [count for each in files for ways in each.branches.values() for count in ways]
    functions = [function.calls for each in files for function in each.functions]
    lines = [count for each in files for count in each.lines.values()]
    return Shares(lines=_share(lines), functions=_share(functions), branches=_share(branches))


def _share(counts: list[int]) -> Share:
    return Share(reached=sum(count > 0 for count in counts), of=len(counts))


def added(parts: Iterable[Counts]) -> dict[str, FileCounts]:
    """Return counts of several machines, cases or kernels as one: the sums."""
    whole: dict[str, FileCounts] = {}
    for part in parts:
        for path, counts in part.items():
            whole[path] = _sum(whole[path], counts) if path in whole else counts
    return dict(sorted(whole.items()))


def _sum(one: FileCounts, other: FileCounts) -> FileCounts:
    lines = dict(one.lines)
    for line, count in other.lines.items():
        lines[line] = lines.get(line, 0) + count
    branches = dict(one.branches)
    for line, ways in other.branches.items():
        branches[line] = tuple(a + b for a, b in zip_longest(branches.get(line, ()), ways, fillvalue=0))
    functions = {(each.name, each.first): each for each in one.functions}
    for each in other.functions:
        known = functions.get((each.name, each.first))
        calls = each.calls + (known.calls if known else 0)
        last = max(each.last, known.last) if known else each.last
        functions[each.name, each.first] = FunctionCount(name=each.name, first=each.first, last=last, calls=calls)
    ordered = sorted(functions.values(), key=lambda each: (each.first, each.name))
    return FileCounts(
        lines=dict(sorted(lines.items())), branches=dict(sorted(branches.items())), functions=tuple(ordered)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What a run reached of a module.

    ``cases`` are the lines that each case reached, by case and file; ``unread`` says why one gave no counters.
    """

    files: Mapping[str, FileCounts]
    cases: Mapping[str, Mapping[str, frozenset[int]]]
    unread: Mapping[str, str] = field(default_factory=dict)

    def reaching(self, path: str, lines: Iterable[int]) -> dict[str, int]:
        """Return the cases that reach any of ``lines`` of a file, and how many of them; most first."""
        asked = frozenset(lines)
        found = {case: len(asked & files.get(path, frozenset())) for case, files in self.cases.items()}
        return {case: count for case, count in sorted(found.items(), key=lambda each: (-each[1], each[0])) if count}


def together(parts: Iterable[Coverage]) -> Coverage:
    """Return what several runs of the same source reached, as one: a case's lines are those of all its runs."""
    found = tuple(parts)
    cases: dict[str, dict[str, frozenset[int]]] = {}
    for each in found:
        for case, files in each.cases.items():
            known = cases.setdefault(case, {})
            for path, lines in files.items():
                known[path] = known.get(path, frozenset()) | lines
    unread = {case: why for each in found for case, why in each.unread.items()}
    return Coverage(files=added(each.files for each in found), cases=cases, unread=unread)


def spans(lines: Iterable[int]) -> str:
    """Return lines in short: ``3-7,12``."""
    return ",".join(f"{first}-{last}" if last > first else f"{first}" for first, last in runs(lines))


def runs(lines: Iterable[int]) -> list[tuple[int, int]]:
    """Return first and last of each run of lines that follow one another."""
    found: list[tuple[int, int]] = []
    for line in sorted(set(lines)):
        if found and line == found[-1][1] + 1:
            found[-1] = (found[-1][0], line)
        else:
            found.append((line, line))
    return found


def lines_of(text: str) -> frozenset[int]:
    """Return the lines that ``spans`` wrote; raise ``ValueError``."""
    found: set[int] = set()
    for word in filter(None, text.split(",")):
        first, _, last = word.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)

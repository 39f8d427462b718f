"""The overview: each target on each kernel at each level, what it came to last, and since when. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vexlab.serve.data import Cell, RunSums

_SLOW = 1.5  # times the median of before
_LEAST = 3  # runs, for a median to say something


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One run of a trend: how many of its decided cases passed, 0 to 1; ``None`` where none was decided."""

    run: str
    passed: float | None
    red: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the overview; ``last`` is the cell of the newest run that has one, ``run`` that run.

    ``failing`` is the id of the first run since which it has been red without a break, ``failing_since`` when that
    began. ``error`` says whether the newest run shows the problems of the one before, ``slow`` is by how much longer
    its cases took than before, 0 where they did not.
    """

    target: str
    kernel: str
    level: int
    last: Cell
    run: RunSums
    trend: tuple[Point, ...]
    failing: str = ""
    failing_since: str = ""
    red_runs: int = 0
    error: str = ""
    slow: float = 0.0


def rows_of(target: str, runs: Sequence[RunSums], keys: Callable[[str], frozenset[str]]) -> tuple[Row, ...]:
    """Return the lines of a target, whose ``runs`` come newest first; ``keys`` returns the problems of a run."""
    places = sorted({(cell.kernel, cell.level) for run in runs for cell in run.cells})
    return tuple(row for place in places if (row := _row(target, place, runs, keys)))


def _row(
    target: str, place: tuple[str, int], runs: Sequence[RunSums], keys: Callable[[str], frozenset[str]]
) -> Row | None:
    own = [(run, cell) for run in runs for cell in run.cells if (cell.kernel, cell.level) == place]
    if not own:
        return None
    newest, last = own[0]
    red = _red_runs(own)
    first = red[-1] if red else None
    return Row(
        target=target,
        kernel=place[0],
        level=place[1],
        last=last,
        run=newest,
        trend=tuple(
            Point(
                run=run.run.id,
                passed=(cell.decided - cell.red) / cell.decided if cell.decided else None,
                red=cell.red > 0,
            )
            for run, cell in reversed(own)
        ),
        failing=first.run.id if first else "",
        failing_since=first.run.started if first else "",
        red_runs=len(red),
        error=_error(red, own, keys),
        slow=_slow(own),
    )


def _red_runs(own: Sequence[tuple[RunSums, Cell]]) -> list[RunSums]:
    """Return the newest runs that are red, up to the first that is not; those that decided nothing do not count."""
    found = []
    for run, cell in own:
        if not cell.decided:
            continue
        if not cell.red:
            break
        found.append(run)
    return found


def _error(red: Sequence[RunSums], own: Sequence[tuple[RunSums, Cell]], keys: Callable[[str], frozenset[str]]) -> str:
    if not red or not red[0].run.finished:
        return ""
    now = keys(red[0].run.id)
    if len(red) == 1:
        return "new" if len(own) > 1 else ""
    before = keys(red[1].run.id)
    if not now - before:
        return "same"
    return "another one" if not now & before else f"same, and {len(now - before)} new"


def _slow(own: Sequence[tuple[RunSums, Cell]]) -> float:
    """Return how many times as long as the median of before a case took on average, where that is too long."""
    took = [cell.seconds / sum(cell.counts.values()) for run, cell in own if run.run.finished and cell.counts]
    if len(took) <= _LEAST:
        return 0.0
    usual = statistics.median(took[1:])
    return took[0] / usual if usual and took[0] > _SLOW * usual else 0.0


def sparkline(points: Sequence[Point], width: int = 120, height: int = 24) -> tuple[tuple[float, float, bool], ...]:
    """Return where the points of a trend lie in a box: x, y (downwards), whether the run was red."""
    known = [point for point in points if point.passed is not None]
    step = (width - 6) / max(1, len(known) - 1)
    return tuple(
        (round(3 + number * step, 1), round(3 + (1 - (point.passed or 0.0)) * (height - 6), 1), point.red)
        for number, point in enumerate(known)
    )

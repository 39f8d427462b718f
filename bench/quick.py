"""The everyday run against that of an older checkout, in turns, so that both meet the same load of the machine.

``python -m bench quick --against DIR [option of `vexlab run` ...]``; without options ``--level 1 --quick`` is run.
"""

from __future__ import annotations

import resource
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.measure import ROOT, run_vexlab
from bench.row import Row

ROUNDS = 3
QUICK = ("--level", "1", "--quick")
CPU_MOST, WALL_MOST = 0.7, 0.7  # what the project promises against commit a92e5cb
_NOW, _THEN = "now", "then"


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and of CPU, emulators included, of one run with so many cases."""

    wall: float
    cpu: float
    cases: int
    passed: int


def quick(against: Path, options: tuple[str, ...] = QUICK, rounds: int = ROUNDS) -> list[Row]:
    """Run both ``rounds`` times in turns, after one run each that fills the cache; the medians and their ratios."""
    trees = {_THEN: against, _NOW: ROOT}
    for tree in trees.values():
        _cost(tree, options)
    costs: dict[str, list[Cost]] = {name: [] for name in trees}
    for number in range(rounds):
        for name in sorted(trees, reverse=bool(number % 2)):
            costs[name].append(_cost(trees[name], options))
            print(f"  {name}: {costs[name][-1]}", file=sys.stderr)
    return [
        *(Row(f"{' '.join(options)} {name}", _shown(costs[name])) for name in trees),
        _ratio("CPU seconds, now / then", costs, lambda cost: cost.cpu, CPU_MOST),
        _ratio("wall, now / then", costs, lambda cost: cost.wall, WALL_MOST),
    ]


def _shown(costs: list[Cost]) -> str:
    wall, cpu = (statistics.median(each) for each in ([c.wall for c in costs], [c.cpu for c in costs]))
    return f"{wall:.1f} s, CPU {cpu:.1f} s, {costs[-1].passed} of {costs[-1].cases} cases pass"


def _ratio(name: str, costs: dict[str, list[Cost]], of: Callable[[Cost], float], most: float) -> Row:
    ratio = statistics.median(map(of, costs[_NOW])) / statistics.median(map(of, costs[_THEN]))
    return Row(name, f"{ratio:.2f}", f"≤ {most:g}", ratio <= most)


def _cost(tree: Path, options: tuple[str, ...]) -> Cost:
    target = str(tree / "targets" / "vexfs")
    before = _cpu_s()
    document, wall = run_vexlab(
        "--target", target, "--kernel", "6.1", "--jobs", "2", *options, PYTHONPATH=str(tree / "src")
    )
    cases = document["cases"]
    return Cost(
        wall=wall, cpu=_cpu_s() - before, cases=len(cases), passed=sum(case["verdict"] == "passed" for case in cases)
    )


def _cpu_s() -> float:
    """CPU seconds of all descendants that have ended and were waited for (getrusage(2)): a run waits for all of its."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime

"""The everyday run against that of an older checkout, in turns, so that both meet the same load of the machine.

``python -m bench quick --against DIR [option of `vexlab run` ...]``; without options ``--level 1 --quick`` is run.
With ``--same`` both run only the cases that both have, whatever was added since; then options are those of ``vexlab
list``.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.row import Row
from bench.running import ROOT, run_vexlab
from vexlab.model.aliases import current

ROUNDS = 3
QUICK = ("--level", "1", "--quick")
QUICK_MOST, WHOLE_MOST = 0.7, 0.55  # what the project promises against commit a92e5cb, of --quick and of all
_NOW, _THEN = "now", "then"


@dataclass(frozen=True)
class Cost:
    """Seconds on the clock and of CPU, emulators included, of one run with so many cases."""

    wall: float
    cpu: float
    cases: int
    passed: int


def quick(against: Path, options: tuple[str, ...] = QUICK, rounds: int = ROUNDS, *, same: bool = False) -> list[Row]:
    """Run both ``rounds`` times in turns, after one run each that fills the cache; the medians and their ratios."""
    trees = {_THEN: against, _NOW: ROOT}
    runs = dict.fromkeys(trees, options)
    if same:
        runs = dict(zip(trees, _shared(_listed(against, options), _listed(ROOT, options)), strict=True))
    for name, tree in trees.items():
        _cost(tree, runs[name] if not same else QUICK)
    costs: dict[str, list[Cost]] = {name: [] for name in trees}
    for number in range(rounds):
        for name in sorted(trees, reverse=bool(number % 2)):
            costs[name].append(_cost(trees[name], runs[name]))
            if same and costs[name][-1].cases * 2 != len(runs[name]):  # an id may be the beginning of another
                raise SystemExit(f"{name}: {costs[name][-1].cases} cases ran of {len(runs[name]) // 2} of both")
            print(f"  {name}: {costs[name][-1]}", file=sys.stderr)
    most = QUICK_MOST if "--quick" in options else WHOLE_MOST
    words = f"{' '.join(options)}{', cases of both' if same else ''}"
    return [
        *(Row(f"{words} {name}", _shown(costs[name])) for name in trees),
        _ratio("CPU seconds, now / then", costs, lambda cost: cost.cpu, most),
        _ratio("wall, now / then", costs, lambda cost: cost.wall, most),
    ]


def _shared(then: list[str], now: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the options that select what both lists have, each in its own names; a case may have another name now."""
    old = {current(case): case for case in then}
    both = [case for case in now if case in old]
    return _selected(old[case] for case in both), _selected(both)


def _selected(cases: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for case in cases for word in ("--case", case))


def _listed(tree: Path, options: tuple[str, ...]) -> list[str]:
    command = [sys.executable, "-m", "vexlab", "list", "--target", str(tree / "targets" / "vexfs"), "--kernel", "6.1"]
    done = subprocess.run(
        [*command, *options, "--json"],
        check=False,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(tree / "src")},
    )
    if done.returncode:
        raise SystemExit(f"{tree}: vexlab list: {done.stderr}")
    return [case["id"] for case in json.loads(done.stdout)]


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

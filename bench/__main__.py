"""Measure and print one table; exit 1 where a promise is not kept.

``python -m bench [NAME ...]`` measures all, or what is named; ``python -m bench quick --against DIR`` is in quick.py.
"""

from __future__ import annotations

import argparse
import functools
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import commands, kernel_logs, measure, quick, results, shifts, watch, xfstests
from bench.row import Row


def cluster() -> list[Row]:
    """Measure how far a coordinator carries; the engine is an extra, which the others do not need."""
    from bench.cluster import cluster as measured

    return measured()


PARTS: tuple[Callable[[], list[Row]], ...] = (
    kernel_logs.kernel_logs,
    measure.fresh_machine,
    measure.instrumented,
    commands.commands,
    measure.thirty,
    measure.runs,
    watch.watch,
    results.results,
    shifts.statistics,
    cluster,
    xfstests.xfstests,
)


def main() -> int:
    """Run the measurements that were asked for."""
    names = {part.__name__: part for part in PARTS}
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*names, "quick"]))
    parser.add_argument("--against", type=Path, metavar="DIR", help="an older checkout, for `quick`")
    parser.add_argument("--same", action="store_true", help="only the cases that both have, for `quick`")
    parser.add_argument("--rounds", type=int, default=quick.ROUNDS, help="runs of each, for `quick`")
    parser.add_argument("--size", type=int, default=results.SIZE, help="results of cases, for `results`")
    asked, options = parser.parse_known_args()
    if unknown := set(asked.names) - {*names, "quick"}:
        parser.error(f"no measurement {', '.join(sorted(unknown))}")
    names["results"] = functools.update_wrapper(lambda: results.results(asked.size), results.results)
    parts = [names[name] for name in asked.names or names if name in names]
    if "quick" in asked.names:
        if asked.against is None:
            parser.error("quick needs --against DIR")
        against, chosen = asked.against.resolve(), tuple(options) or quick.QUICK
        measured = functools.partial(quick.quick, against, chosen, asked.rounds, same=asked.same)
        parts.append(functools.update_wrapper(measured, quick.quick))
    elif options:
        parser.error(f"unknown options {' '.join(options)}")
    return _print(parts)


def _print(parts: list[Callable[[], list[Row]]]) -> int:
    table = Table("what", "measured", "promised", "", title="vexlab on this machine, in this one run")
    kept = True
    for part in parts:
        print(f"measuring {part.__name__.replace('_', ' ')} …", file=sys.stderr)
        for row in part():
            table.add_row(row.name, row.value, row.goal, {True: "kept", False: "MISSED", None: ""}[row.reached])
            kept = kept and row.reached is not False
    Console(width=120).print(table)
    return 0 if kept else 1


sys.exit(main())

"""Measure and print one table; exit 1 where a promise is not kept."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table

from bench import kernel_logs, measure


def main() -> int:
    """Run every measurement."""
    table = Table("what", "measured", "promised", "", title="vexlab on this machine, in this one run")
    kept = True
    for part in (kernel_logs.kernel_logs, measure.fresh_machine, measure.thirty, measure.runs):
        print(f"measuring {part.__name__.replace('_', ' ')} …", file=sys.stderr)
        for row in part():
            table.add_row(row.name, row.value, row.goal, {True: "kept", False: "MISSED", None: ""}[row.reached])
            kept = kept and row.reached is not False
    Console(width=100).print(table)
    return 0 if kept else 1


sys.exit(main())

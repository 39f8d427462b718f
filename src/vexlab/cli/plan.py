"""``vexlab run --plan``: which cases a run would take, and how long that would be. Nothing is built or booted."""

from __future__ import annotations

import json

import click

from vexlab.cli.list import collect
from vexlab.session import Request

_START_S = 10.0  # kernel, build and snapshot out of the cache


def show(request: Request, *, as_json: bool = False) -> int:
    """Print the cases of ``request`` in their order, and the time that they are expected to take; return the status."""
    rows = collect(request)
    total = sum(float(str(row["expected_s"])) for row in rows)
    longest = max((float(str(row["expected_s"])) for row in rows), default=0.0)
    lasts = _START_S + max(total / request.jobs, longest) if rows else 0.0
    if as_json:
        click.echo(json.dumps({"cases": rows, "seconds": round(lasts)}, indent=2))
        return 0 if rows else 4
    for row in rows:
        click.echo(f"{row['id']:56} level {row['level']}  {row['safety']:9} {row['expected_s']:5.0f} s")
    machines = f"{request.jobs} machine{'s' if request.jobs > 1 else ''} at a time"
    click.echo(f"{len(rows)} cases, about {_words(lasts)} with {machines}; nothing was run")
    return 0 if rows else 4


def _words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

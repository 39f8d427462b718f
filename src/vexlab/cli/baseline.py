"""``vexlab baseline``: the run of a target with which later ones are compared."""

from __future__ import annotations

import click

from vexlab.cli.store import opened, results_option
from vexlab.report.terminal import printable
from vexlab.results.baseline import baselines, set_baseline, unset_baseline


@click.group(name="baseline")
def command() -> None:
    """Name the run with which later runs of its target are compared, or show it."""


@command.command(name="set")
@click.argument("run")
@results_option
def set_run(*, run: str, results_dir: str | None) -> None:
    """Make a run the baseline of its target: its id, the beginning of it, or `last`. `prune` does not remove it."""
    with opened(results_dir, writing=True) as store:
        info = set_baseline(store, run)
    click.echo(printable(f"{info.id} ({info.provenance.revision or 'no revision'}) is the baseline of {info.target}"))


@command.command(name="unset")
@click.argument("target")
@results_option
def unset(*, target: str, results_dir: str | None) -> None:
    """Have a target no longer have a baseline."""
    with opened(results_dir, writing=True) as store:
        had = unset_baseline(store, target)
    click.echo(printable(f"{target} has no baseline" + (" any more" if had else "")))


@command.command(name="show")
@click.argument("target", default="")
@results_option
def show(*, target: str, results_dir: str | None) -> None:
    """Show the baseline of a target, or of all."""
    with opened(results_dir) as store:
        found = baselines(store, target)
    for info in found:
        click.echo(printable(f"{info.target:12} {info.id}  {info.provenance.revision or 'no revision'}"))
    if not found:
        click.echo("there is no baseline: `vexlab baseline set RUN` names one")

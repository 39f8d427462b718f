"""``vexlab flaky``: cases that pass and fail, and whether a new failure is a regression."""

from __future__ import annotations

import datetime

import click

from vexlab.cli.store import opened, results_option
from vexlab.cli.values import duration
from vexlab.report.flaky import render_flaky
from vexlab.report.jsonfile import encoded
from vexlab.results.trials import flaky


@click.command(name="flaky")
@click.option("--target", default="", help="Only runs of this target.")
@click.option("--period", type=duration, default="90d", show_default=True, metavar="TIME", help="How far back to look.")
@results_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, target: str, period: float, results_dir: str | None, as_json: bool) -> None:
    """List cases that fail, or passed and failed at one revision: how often, and how sure a regression is."""
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=period)
    with opened(results_dir) as store:
        found, storms = flaky(store, target, since=since.isoformat(timespec="seconds"))
    if as_json:
        click.echo(encoded({"cases": found, "storms": storms}))
        return
    click.echo(render_flaky(found, storms))

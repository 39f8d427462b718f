"""``vexlab trend``: how a case, a domain or a metric went over time."""

from __future__ import annotations

import datetime

import click
import msgspec

from vexlab.cli.store import opened, results_option
from vexlab.cli.values import duration
from vexlab.report.trend import render_trends
from vexlab.results.trend import trends_of


@click.command(name="trend")
@click.argument("what", metavar="CASE|METRIC|DOMAIN")
@click.option("--period", type=duration, default="7d", show_default=True, metavar="TIME", help="How far back to look.")
@click.option(
    "--by", "step", type=duration, default="1d", show_default=True, metavar="TIME", help="What a line covers."
)
@click.option("--target", default="", help="Only runs of this target.")
@results_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(*, what: str, period: float, step: float, target: str, results_dir: str | None, as_json: bool) -> None:
    """Show pass rates with their 95 % intervals, durations and metrics over time.

    Durations and values are those of results that passed. A star marks a time in which the code of the case is another
    one than before it.
    """
    since = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=period)
    with opened(results_dir) as store:
        found = trends_of(store, what, since=since, period_s=step, target=target)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    click.echo(render_trends(found))

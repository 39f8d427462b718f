"""``vexlab trend``: how a case, a domain or a metric went over time."""

from __future__ import annotations

import datetime
from pathlib import Path

import click

from vexlab.cli.store import opened, results_option
from vexlab.cli.values import duration
from vexlab.config import load_settings
from vexlab.errors import UsageError
from vexlab.model.trend import Trend
from vexlab.report import draw
from vexlab.report.jsonfile import encoded
from vexlab.report.trend import render_trends
from vexlab.report.trendchart import charts
from vexlab.results.trend import trends_of

_PICTURES = (".svg", ".png")


@click.command(name="trend")
@click.argument("what", metavar="CASE|METRIC|DOMAIN|problems")
@click.option(
    "--period", type=duration, metavar="TIME", help="How far back to look (default: `trend_days` in the settings, 7d)."
)
@click.option(
    "--by", "step", type=duration, default="1d", show_default=True, metavar="TIME", help="What a line covers."
)
@click.option("--target", default="", help="Only runs of this target.")
@click.option("--output", type=click.Path(dir_okay=False), help="Also draw the trends into this file: .svg or .png.")
@results_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    what: str,
    period: float | None,
    step: float,
    target: str,
    output: str | None,
    results_dir: str | None,
    as_json: bool,
) -> None:
    """Show pass rates with their 95 % intervals, durations and metrics over time.

    `problems` are the distinct ones that each run showed: a run that showed none has passed.

    Durations and values are those of results that passed. A star marks a time in which the code of the case is another
    one than before it.
    """
    if output and Path(output).suffix not in _PICTURES:
        raise UsageError(f"`{output}` is no picture of a kind that is known", hint=f"known: {', '.join(_PICTURES)}")
    back = datetime.timedelta(days=load_settings(None).results.trend_days)
    since = datetime.datetime.now(datetime.UTC) - (back if period is None else datetime.timedelta(seconds=period))
    with opened(results_dir) as store:
        found = trends_of(store, what, since=since, period_s=step, target=target)
    if output:
        _draw(found, Path(output))
    if as_json:
        click.echo(encoded(found))
        return
    click.echo(render_trends(found))


def _draw(trends: tuple[Trend, ...], file: Path) -> None:
    drawn = charts(trends)
    if not any(each.spec for each in drawn):
        raise UsageError("there is nothing to draw: no period has a value or a rate")
    picture = draw.together(drawn, "Trends")
    try:
        file.write_bytes(draw.png(picture) if file.suffix == ".png" else picture.encode())
    except OSError as error:
        raise UsageError(f"{file} cannot be written: {error.strerror}", hint="--output names another place") from error

"""``vexlab metrics``: the metrics of ``vexlab serve`` for who runs no server."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import click

from vexlab.cli.store import opened, results_option
from vexlab.errors import UsageError


@click.command(name="metrics")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write them there, whole or not at all: FILE.prom of node-exporter's textfile collector.",
)
@click.option("--push", metavar="URL", help="Give them to the Pushgateway there, e.g. http://localhost:9091.")
@click.option("--job", default="vexlab", show_default=True, help="With --push: the name they have there.")
@results_option
def command(*, output: Path | None, push: str | None, job: str, results_dir: str | None) -> None:
    """Print the metrics that `vexlab serve` offers to Prometheus, write them for node-exporter, or push them."""
    if importlib.util.find_spec("prometheus_client") is None:
        raise UsageError("`vexlab metrics` needs prometheus_client", hint="pip install 'vexlab[serve]'")
    from vexlab.metrics.exporter import Exporter

    with opened(results_dir) as store:
        exporter = Exporter(store)
        exporter.look()
        if output:
            exporter.write(output)
        if push:
            exporter.push(push, job)
        if not output and not push:
            click.echo(exporter.render()[0].decode(), nl=False)

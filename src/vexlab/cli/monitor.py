"""``vexlab monitor``: what a run does now, from another terminal than the one that started it."""

from __future__ import annotations

import os
import sys

import click
from rich.console import Console

from vexlab.cli.store import opened, results_option
from vexlab.live.attach import attach, entries
from vexlab.monitor.watch import Monitor, plain_lines
from vexlab.report.content import headline
from vexlab.results.journal import to_line


@click.command(name="monitor")
@click.argument("run", default="")
@click.option("--json", "as_json", is_flag=True, help="Print the run's events, a line of JSON each, until it ends.")
@click.option("--plain", is_flag=True, help="Print a line for each event; what is no terminal gets this anyway.")
@results_option
def command(*, run: str, as_json: bool, plain: bool, results_dir: str | None) -> None:
    """Watch a run while it goes on: progress, machines and what each does, findings, a console, the host.

    RUN is a run's id or the beginning of it; without it the newest that goes on. Any number of monitors may attach and
    detach at any time, and the run takes no notice of them. A run that has ended is shown as it ended.
    """
    with opened(results_dir) as store:
        attached = attach(store, run)
        if as_json:
            for entry in entries(store, attached):
                sys.stdout.buffer.write(to_line(entry.seq, entry.at, entry.event))
                sys.stdout.buffer.flush()
            return
        if plain or not (sys.stdout.isatty() and sys.stdin.isatty()) or os.environ.get("TERM") == "dumb":
            for line in plain_lines(entries(store, attached)):
                click.echo(line)
            return
        monitor = Monitor(store, attached)
        monitor.watch(Console(highlight=False))
    end = monitor.run.end
    if end:
        click.echo(str(headline(end.result)))
    elif not monitor.alive:
        click.echo(
            f"the process of run {attached.run.id} is gone; `vexlab results {attached.run.id}` shows what it left"
        )
    else:
        click.echo(f"detached from run {attached.run.id}, which goes on")

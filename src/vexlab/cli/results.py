"""``vexlab results``: earlier runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from vexlab.config import load_settings
from vexlab.model.case import RunInfo
from vexlab.report import jsonfile
from vexlab.report.content import Content, state_of
from vexlab.report.terminal import printable
from vexlab.results.store import Store

_FIGURES_MOST = 6


@click.command(name="results")
@click.argument("run", required=False)
@click.option("--results", "results_dir", type=click.Path(file_okay=False), help="Folder of the results' store.")
@click.option("--json", "as_json", is_flag=True, help="Print the run as JSON.")
def command(*, run: str | None, results_dir: str | None, as_json: bool) -> None:
    """List earlier runs, or show one: its id, the beginning of it, or `last`."""
    store = Store(Path(results_dir or load_settings(None).results.folder).absolute())
    if run is None:
        for each in store.runs():
            state = state_of(each.run)
            counts = each.summary
            click.echo(
                f"{each.run.id}  {each.run.target:12} {','.join(each.run.kernels):12} {state:11} "
                f"{counts.passed} passed {counts.failed} failed {counts.crashed} crashed "
                f"{counts.skipped} skipped {counts.blocked} blocked {counts.errors} errors"
                + (f" {counts.undecided} undecided" if counts.undecided else "")
            )
        return
    result = store.load(run)
    if as_json:
        content = Content.of(result, store.profiles(result.run.id))
        click.echo(jsonfile.render(content).decode(), nl=False)
        return
    info = result.run
    state = state_of(info)
    click.echo(f"{info.id}: {info.target} on kernel {', '.join(info.kernels)}, {state}, in {store.folder / info.id}")
    for line in _origin(info):
        click.echo(f"  {printable(line)}")
    for case in result.cases:
        click.echo(f"{case.verdict.value:9} {case.id:52} {case.duration_s:6.1f} s")
        for line in case.reason.splitlines():
            click.echo(f"          {printable(line)}")
        if case.metrics:
            click.echo(f"          {printable(' · '.join(map(str, case.metrics[:_FIGURES_MOST])))}")


def _origin(info: RunInfo) -> Iterator[str]:
    """Yield where the run's results come from, a line each; nothing for runs of before it was noted."""
    origin = info.provenance
    if origin.revision:
        yield f"revision {origin.revision}"
    for kernel in origin.kernels:
        module = f", module {kernel.module[:16]}" if kernel.module else ""
        built = f"{kernel.flavour} {kernel.release}, {kernel.version}"
        yield f"kernel {kernel.name}: {built}{module}, {kernel.accelerator}"
    if origin.vexlab:
        host = origin.host
        words = f"vexlab {origin.vexlab}, QEMU {origin.qemu}, {host.cores} cores, {host.memory} MiB, {host.cpu}"
        where = [word for word in (info.environment, host.name) if word]
        yield ", ".join([words, *where])

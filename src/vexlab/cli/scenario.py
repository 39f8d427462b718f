"""``vexlab scenario``: the scenarios, and each as a checklist with its criteria and a run's figures."""

from __future__ import annotations

import click

from vexlab.cli.list import collect
from vexlab.cli.options import request_options, settings_from
from vexlab.cli.store import opened, results_option
from vexlab.model.case import CaseResult
from vexlab.model.scenario import SCENARIOS
from vexlab.report.checklist import Step, render_checklist
from vexlab.session import Request


@click.command(name="scenario")
@click.argument("number", required=False, type=click.IntRange(1, len(SCENARIOS)))
@request_options("target", "kernels")
@click.option("--run", "run", help="Fill in the results of this run: its id, the beginning of it, or `last`.")
@results_option
def command(
    *, number: int | None, target: str, kernels: tuple[str, ...], run: str | None, results_dir: str | None
) -> None:
    """List the scenarios, or print one as a checklist: what is done, what must hold, and how a run of it went.

    `vexlab run --scenario N` runs one; `vexlab scenario N --run last` then shows its result.
    """
    if number is None:
        for scenario in SCENARIOS:
            click.echo(f"{scenario.number}  {scenario.phase:9} {scenario.title}")
        return
    results: tuple[CaseResult, ...] = ()
    configurations: tuple[str, ...] = ()
    if run:
        with opened(results_dir) as store:
            loaded = store.load(run)
        results, kernels = loaded.cases, loaded.run.kernels
        configurations = loaded.run.provenance.configurations
        click.echo(
            f"{loaded.run.target} on kernel {', '.join(kernels)} ({loaded.run.accelerator}), run {loaded.run.id}\n"
        )
    wanted = settings_from(kernels=kernels).kernels
    rows = collect(Request(target=target, kernels=wanted, configurations=configurations, scenario=number))
    steps = [Step(id=str(row["id"]), criterion=str(row["about"])) for row in rows]
    click.echo(render_checklist(SCENARIOS[number - 1], steps, results))

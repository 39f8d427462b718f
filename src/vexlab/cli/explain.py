"""``vexlab explain``: run a failed case again, here and elsewhere, and say what follows."""

from __future__ import annotations

import dataclasses

import click
import msgspec

from vexlab.cli.again import explain_all, one_a_problem, red_cases, say
from vexlab.cli.options import request_of, request_options
from vexlab.cli.store import place_of, results_option
from vexlab.config import settings_for
from vexlab.errors import UsageError
from vexlab.model.control import headlines
from vexlab.model.sequential import MOST
from vexlab.report.jsonfile import encoded
from vexlab.report.terminal import printable
from vexlab.results.store import Store
from vexlab.session.control import Control
from vexlab.targets.load import find_target

_OPTIONS = ("target", "config", "accel", "memory", "cpus", "sandbox", "build_args", "domains_dirs", "artifact", "probe")


@click.command(name="explain")
@click.argument("what", metavar="[RUN[/CASE]]", default="last")
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
@request_options(*_OPTIONS)
@click.option("--most", type=click.IntRange(1, 200), default=MOST, show_default=True, help="Runs in one place at most.")
@results_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *, what: str, paths: tuple[str, ...], most: int, results_dir: str | None, as_json: bool, **asked: object
) -> None:
    """Run a failed case of a run again: here, on the revision before, on ext4, and on another kernel.

    Each in fresh machines, as often as a sequential test needs. Without CASE it is the shortest case of each problem.
    The options are those that the run was made with: the target, its build's arguments, and PATHS of cases of your own.
    """
    request = request_of({**asked, "paths": paths})
    settings = settings_for(request)
    name, _, case = what.partition("/")
    folder, url = place_of(results_dir, settings)
    store = Store(folder, url)
    try:
        result = store.load(name)
        red = red_cases(result)
        chosen = tuple(each for each in red if each.id == case) if case else one_a_problem(red)
        if not chosen:
            run = result.run.id
            words = f"`{case}` is no failed case of the run {run}" if case else f"no case of the run {run} failed"
            raise UsageError(words, hint="`vexlab results RUN` lists its cases")
        target = find_target(request.target)
        if target.name != result.run.target:
            raise UsageError(
                f"the run is of {result.run.target}, not of {target.name}",
                hint="--target names where its target.toml is",
            )
        evidence = folder / result.run.id / "control"
        control = Control(dataclasses.replace(request, kernels=result.run.kernels), settings, evidence, say=say)
        found = tuple(explain_all(store, control, result, chosen, settings, most))
    finally:
        store.close()
    if as_json:
        listed = [{**msgspec.to_builtins(each), "line": each.line, "words": each.words} for each in found]
        click.echo(encoded(listed))
        return
    for line in headlines(found):
        click.echo(printable(line))

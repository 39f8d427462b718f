"""``vexlab problems``: the distinct problems of a run, and since when they are known."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import msgspec

from vexlab.cli.bundle import write_bundle
from vexlab.cli.store import opened, results_option
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, RunResult
from vexlab.model.history import History, Standing
from vexlab.model.request import Request, command_line
from vexlab.model.verdict import Finding
from vexlab.report.jsonfile import encoded
from vexlab.report.mail import render_mail
from vexlab.report.problems import render_problems, render_said
from vexlab.results.history import Told, problems_of
from vexlab.results.store import Store
from vexlab.results.trials import trials_of

_SCRIPT = "reproduce"
_CASES = "cases"  # folder of a run's evidence


@click.command(name="problems")
@click.argument("run", default="last")
@click.argument("number", type=click.IntRange(1), required=False)
@click.option("--target", default="", help="With `last`: the newest run of this target.")
@click.option("--all", "every", is_flag=True, help="Problems that only earlier runs showed, too.")
@click.option("--mail", "mail", is_flag=True, help="Print the problem NUMBER as a mail to the module's authors.")
@click.option(
    "--bundle",
    metavar="DIR|FILE.tar.zst",
    type=click.Path(path_type=Path),
    help="Write kernel, module, image and a script that shows the problem NUMBER without vexlab.",
)
@click.option(
    "--times",
    type=click.IntRange(1, 20),
    default=3,
    show_default=True,
    help="With --bundle: how often it is run before it is written.",
)
@results_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    *,
    run: str,
    number: int | None,
    target: str,
    every: bool,
    mail: bool,
    bundle: Path | None,
    times: int,
    results_dir: str | None,
    as_json: bool,
) -> None:
    """List the distinct problems of a run (its id, the beginning of it, or `last`), the most harmful first.

    Each with what runs before tell of it: new, known, come back, fixed by this run, or open: this run did not look.
    With NUMBER only the one that has this number in the list, with what the kernel said.
    """
    if (mail or bundle) and number is None:
        option = "--mail" if mail else "--bundle"
        hint = f"`vexlab problems RUN NUMBER {option}`, by its place in the list"
        raise UsageError(f"{option} is about one problem", hint=hint)
    with opened(results_dir) as store:
        told = problems_of(store, run, target)
        chosen = told.problems if every else tuple(each for each in told.problems if _is_of(each, told.run.id))
        left_out = len(told.problems) - len(chosen)
        chosen = _numbered(chosen, number)
        again = {each.problem.key: _again(store, told, each) for each in chosen}
        if bundle:
            words = _mail(store, chosen[0], again[chosen[0].problem.key])
            click.echo(f"{bundle}: {write_bundle(store, chosen[0], bundle, words, times)}")
            return
        if mail:
            click.echo(_mail(store, chosen[0], again[chosen[0].problem.key]))
            return
        said = _said(store, chosen[0]) if number is not None and not as_json else None
    if as_json:
        listed = [{**msgspec.to_builtins(each), "again": again[each.problem.key]} for each in chosen]
        document = {"run": told.run, "problems": listed, "left_out": left_out}
        click.echo(encoded(document))
        return
    click.echo(render_problems(told.run, chosen, left_out if number is None else 0, again))
    if said:
        click.echo("\n".join(render_said(said)))


def _numbered(chosen: tuple[History, ...], number: int | None) -> tuple[History, ...]:
    if number is None:
        return chosen
    if number > len(chosen):
        raise UsageError(f"no problem {number}: there are {len(chosen)}", hint="`vexlab problems RUN` lists them")
    return (chosen[number - 1],)


def _mail(store: Store, history: History, again: str) -> str:
    """Return the mail about a problem, as the newest run that shows it has it."""
    result, case = _shown(store, history)
    if case is None:
        raise UsageError("no case of the run shows the problem itself", hint="it only keeps other cases away")
    return render_mail(result.run, history, case, trials_of(store, result.run.id).get(case.id, ()), again)


def _said(store: Store, history: History) -> Finding | None:
    """Return what the kernel said when the problem was seen last, where it said anything."""
    _, case = _shown(store, history)
    findings = case.findings if case else ()
    return next((each for each in findings if each.title == history.problem.finding), None)


def _shown(store: Store, history: History) -> tuple[RunResult, CaseResult | None]:
    """Return the newest run that shows the problem, and the shortest case that does there."""
    result = store.load(history.last.run)
    shown = {case.id: case for case in result.cases}
    return result, next((shown[name] for name in history.problem.cases if name in shown), None)


def _is_of(history: History, run: str) -> bool:
    """Whether ``run`` itself shows the problem, or shows it gone."""
    if history.standing is Standing.FIXED:
        return history.fixed is not None and history.fixed.run == run
    return history.standing is not Standing.OPEN


def _again(store: Store, told: Told, history: History) -> str:
    """Return the command that shows the problem again: its evidence's script, or a run where that is gone."""
    problem = history.problem
    if not problem.cases:
        return ""
    noted = Path(problem.evidence)
    for folder in (noted, store.folder / history.last.run / _CASES / noted.name):
        if problem.evidence and (folder / _SCRIPT).is_file():
            return shlex.quote(str(folder / _SCRIPT))
    key = history.shown_by[0].key
    request = Request(
        target=told.run.target,
        kernels=tuple(filter(None, [key.kernel])),
        configurations=tuple(filter(None, [key.configuration])),
        cases=(str(key),),
    )
    return shlex.join(["vexlab", "run", *command_line(request)])

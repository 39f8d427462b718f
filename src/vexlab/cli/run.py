"""``vexlab run``: a prepared pytest session, its results saved as they come, a verdict."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click

from vexlab.cli.again import explain_all, one_a_problem, red_cases, say
from vexlab.cli.again import until_sure as settle
from vexlab.cli.options import request_of, request_options
from vexlab.cli.store import place_of, results_option
from vexlab.config import Settings, settings_for, suggest
from vexlab.domains import find_domains
from vexlab.errors import UsageError
from vexlab.model.case import RunState
from vexlab.model.control import headlines
from vexlab.model.sequential import MOST
from vexlab.report.files import ReportFiles
from vexlab.report.renderers import chosen
from vexlab.report.terminal import Progress, printable
from vexlab.results.earlier import earlier_runs
from vexlab.results.store import Store
from vexlab.results.writer import StoreWriter
from vexlab.session import Ended, Request, execute
from vexlab.session.control import Control

_ENDING_S = 10.0


@click.command(name="run")
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
@request_options()
@click.option("--all-levels", is_flag=True, help="Cases of every level (the default where no --level is given).")
@results_option
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False),
    help="Write the results as JSON; - for standard output.",
)
@click.option("--junit", "junit_file", type=click.Path(dir_okay=False), help="Write the results as JUnit XML.")
@click.option("--report-format", metavar="FORMAT,…", help="Also write these into the run's folder, as `vexlab report`.")
@click.option("--until-sure", is_flag=True, help="Run red cases again till it is clear: a regression, or flaky.")
@click.option(
    "--control", is_flag=True, help="Run a case of each problem again on other revisions, filesystems, kernels."
)
@click.option("--ci", is_flag=True, help="Plain output: no colour, no live line.")
def command(
    *,
    all_levels: bool,
    results_dir: str | None,
    json_file: str | None,
    junit_file: str | None,
    report_format: str | None,
    until_sure: bool,
    control: bool,
    ci: bool,
    **asked: object,
) -> int:
    """Run test cases against a target in fresh virtual machines and give a verdict.

    PATHS are folders or files of your own cases; without them the built-in domains run. Exit status: 0 all passed,
    1 the module is at fault, 2 wrong usage, 3 the lab failed, 4 nothing ran, 130 interrupted.
    """
    request = request_of(asked)
    if request.level and all_levels:
        raise UsageError("--level and --all-levels exclude each other")
    settings = settings_for(request)
    request = replace(request, kernels=settings.kernels)
    _check_domains(request)
    formats = chosen(report_format) if report_format is not None else ()
    for old in (json_file, junit_file):
        # An earlier run's results must not be taken for this one's; a device, a pipe or a link is not ours to remove.
        if old and Path(old).is_file() and not Path(old).is_symlink():
            Path(old).unlink()
    results, url = place_of(results_dir, settings)
    stop = _Stop()
    with closing(Store(results, url)) as store, Progress(plain=ci, verdict_to_stdout=json_file != "-") as progress:
        reports = ReportFiles(json_file or "", junit_file or "", formats, lambda result: earlier_runs(store, result))
        listeners = (StoreWriter(store), reports, progress)
        ended = execute(request, settings, results, listeners, interrupted=stop.asked)
        if (until_sure or control) and not stop.asked():
            _again(store, request, settings, ended, stop, until_sure=until_sure, control=control)
    _say_end(ended, request.cases)
    return ended.exit_code


def _again(
    store: Store, request: Request, settings: Settings, ended: Ended, stop: _Stop, *, until_sure: bool, control: bool
) -> None:
    """Run red cases again; the run's verdict stays what it is."""
    folder = store.folder / ended.result.run.id / "control"
    again = Control(request, settings, folder, say=say, interrupted=stop.asked)
    red = red_cases(ended.result)
    if until_sure:
        for line in settle(store, again, ended.result, red):
            click.echo(printable(line))
    if control:
        for each in explain_all(store, again, ended.result, one_a_problem(red), settings, MOST):
            click.echo(printable(headlines([each])))


def _check_domains(request: Request) -> None:
    known = find_domains(request.domains_dirs)
    for domain in request.domains:
        if domain not in known:
            raise UsageError(f"no domain `{domain}`", hint=suggest(domain, known))


class _Stop:
    """Treats a polite kill, and the end of the terminal, as Ctrl-C: machines are ended, results kept."""

    def __init__(self) -> None:
        self._asked = 0.0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup asks not to be told
                signal.signal(number, self._note)

    def asked(self) -> bool:
        """Whether somebody asked the run to stop."""
        return bool(self._asked)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        last, self._asked = self._asked, time.monotonic()
        if not last or self._asked - last > _ENDING_S:  # who presses the keys twice would lose what is being kept
            raise KeyboardInterrupt


def _say_end(ended: Ended, cases: tuple[str, ...]) -> None:
    chosen = f" {' or '.join(f'`{case}`' for case in cases)}" if cases else ""
    for error in ended.errors:
        click.echo(f"vexlab: {error}", err=True)
    if ended.result.run.state is RunState.INTERRUPTED:
        click.echo("vexlab: interrupted; every finished case is kept", err=True)
    elif not ended.result.cases and not ended.errors:
        click.echo(f"vexlab: no case matches{chosen}; `vexlab list` shows what there is", err=True)

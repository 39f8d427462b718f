"""``vexlab run``: a prepared pytest session, its results saved as they come, a verdict."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import FrameType

import click

from vexlab.alerts.watch import alerter
from vexlab.cli.options import request_of, request_options
from vexlab.config import Settings, settings_for, suggest
from vexlab.domains import find_domains
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, RunState
from vexlab.model.key import SUITES
from vexlab.model.request import suites_of
from vexlab.model.subresult import SubVerdict
from vexlab.model.verdict import Verdict
from vexlab.report.files import ReportFiles
from vexlab.report.renderers import Format, chosen
from vexlab.report.terminal import Progress, printable
from vexlab.results.earlier import earlier_runs
from vexlab.results.journal import Journal
from vexlab.results.store import Store
from vexlab.results.writer import StoreWriter
from vexlab.session import Ended, Request, Subscriber, execute

_ENDING_S = 10.0
_NAMES_SHOWN = 3


@click.command(name="run")
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
@request_options()
@click.option("--all-levels", is_flag=True, help="Cases of every level (the default where no --level is given).")
@click.option("--results", "results_dir", type=click.Path(file_okay=False), help="Folder of the results' store.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False),
    help="Write the results as JSON; - for standard output.",
)
@click.option("--junit", "junit_file", type=click.Path(dir_okay=False), help="Write the results as JUnit XML.")
@click.option("--report-format", metavar="FORMAT,…", help="Also write these into the run's folder, as `vexlab report`.")
@click.option("--ci", is_flag=True, help="Plain output: no colour, no live line.")
def command(
    *,
    all_levels: bool,
    results_dir: str | None,
    json_file: str | None,
    junit_file: str | None,
    report_format: str | None,
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
    return run_request(request, results_dir or "", json_file or "", junit_file or "", report_format, plain=ci)


def run_request(
    request: Request, results_dir: str, json_file: str, junit_file: str, report_format: str | None, *, plain: bool
) -> int:
    """Run what is asked for, show and keep its results, and return the exit status."""
    settings = settings_for(request)
    request = replace(request, kernels=settings.kernels)
    _check_domains(request)
    formats = chosen(report_format) if report_format is not None else ()
    for old in (json_file, junit_file):
        # An earlier run's results must not be taken for this one's; a device, a pipe or a link is not ours to remove.
        if old and Path(old).is_file() and not Path(old).is_symlink():
            Path(old).unlink()
    verdict_to_stdout = json_file != "-"
    files = (json_file, junit_file, formats)
    return carry_out(request, settings, results_dir, *files, plain=plain, verdict_to_stdout=verdict_to_stdout).exit_code


def carry_out(
    request: Request,
    settings: Settings,
    results_dir: str | None,
    json_file: str = "",
    junit_file: str = "",
    formats: Sequence[Format] = (),
    *,
    plain: bool = False,
    verdict_to_stdout: bool = True,
) -> Ended:
    """Run what is asked for, saving it in the store and showing how it goes; say what ended it, and return that."""
    results = Path(results_dir or settings.results.folder).absolute()
    stop = _Stop()
    with closing(Store(results)) as store, Progress(plain=plain, verdict_to_stdout=verdict_to_stdout) as progress:
        reports = ReportFiles(json_file, junit_file, formats, lambda result: earlier_runs(store, result))
        listeners: list[Subscriber] = [StoreWriter(store), Journal(), reports, progress]
        if alerts := alerter(settings.alerts, store):
            listeners.append(alerts)
        ended = execute(request, settings, results, listeners, interrupted=stop.asked)
    _say_end(ended, request.cases)
    if suites_of(request) and verdict_to_stdout:
        for line in not_run(ended.result.cases):
            click.echo(line)
    return ended


def not_run(cases: Sequence[CaseResult]) -> list[str]:
    """Return a table of why tests of suites did not run: how many, why, and some of their names."""
    reasons: dict[str, list[str]] = {}
    for case in cases:
        if case.key.domain == SUITES and case.verdict is Verdict.SKIPPED:
            reasons.setdefault(case.reason, []).append(case.key.parameters or case.key.name)
        for each in case.subresults if case.key.domain == SUITES else ():
            if each.verdict in (SubVerdict.SKIPPED, SubVerdict.REFUSED):
                reasons.setdefault(each.words, []).append(each.name)
    rows = sorted(reasons.items(), key=lambda row: (-len(row[1]), row[0]))
    shown = ((len(names), printable(why), printable(", ".join(names[:_NAMES_SHOWN]))) for why, names in rows)
    lines = [f"{count:6}  {why}  ({names}{', …' if count > _NAMES_SHOWN else ''})" for count, why, names in shown]
    return ["", "Not run:", *lines] if lines else []


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

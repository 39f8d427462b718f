"""``vexlab run``: a prepared pytest session, its results saved as they come, a verdict."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TypeVar

import click
from click.core import ParameterSource

from vexlab import runlog, temporary
from vexlab.alerts.watch import alerter
from vexlab.cli import plan as planning
from vexlab.cli.again import explain_all, one_a_problem, red_cases, say
from vexlab.cli.again import until_sure as settle
from vexlab.cli.earlier import Rest, last_failed
from vexlab.cli.level3 import Outputs, arm_lines, is_search, run_search
from vexlab.cli.options import request_of, request_options
from vexlab.cli.past import advice_lines, past_of, recommended
from vexlab.cli.store import place_of, results_option
from vexlab.config import Settings, settings_for, with_images
from vexlab.domains import find_domains
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, RunState
from vexlab.model.component import BUILT_IN, WITHOUT_FIELD
from vexlab.model.control import headlines
from vexlab.model.key import SUITES
from vexlab.model.request import suites_of
from vexlab.model.sequential import MOST
from vexlab.model.subresult import SubVerdict
from vexlab.model.verdict import Verdict
from vexlab.plugin.narrowing import shard_problem
from vexlab.report.actions import ActionsReport
from vexlab.report.files import ReportFiles
from vexlab.report.renderers import Format, chosen
from vexlab.report.terminal import Progress, printable
from vexlab.results.earlier import earlier_runs
from vexlab.results.journal import Journal
from vexlab.results.store import Store
from vexlab.results.writer import StoreWriter
from vexlab.session import Ended, Request, Subscriber, execute
from vexlab.session.control import Control
from vexlab.session.execution import Job
from vexlab.session.prepare import with_components
from vexlab.tables import suggest
from vexlab.targets.changes import HEAD
from vexlab.targets.load import find_target
from vexlab.vm.room import machines_at_once

_ENDING_S = 10.0
_NOTHING = 4  # exit status
_NAMES_SHOWN = 3
Command = TypeVar("Command", bound=Callable[..., object])


def _enabling(command: Command) -> Command:
    """Add ``--enable-NAME`` for each component of vexlab's own that is no field of a request."""
    for name in reversed(WITHOUT_FIELD):
        flag = click.option(f"--enable-{name}", is_flag=True, help=f"As --enable {name}: {BUILT_IN[name].about}.")
        command = flag(command)
    return command


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Which red cases run again once the run is over."""

    until_sure: bool = False
    control: bool = False


NOT_AGAIN = Again()


@dataclass(frozen=True, slots=True, kw_only=True)
class _How:
    """The options of a run that choose its cases by earlier runs or by changes, and what is written."""

    all_levels: bool
    last_failed: bool
    changed: str | None
    plan: bool
    results_dir: str | None
    json_file: str | None
    junit_file: str | None
    report_format: str | None
    until_sure: bool
    control: bool
    ci: bool


@click.command(name="run")
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
@request_options()
@_enabling
@click.option("--all-levels", is_flag=True, help="Cases of every level (the default where no --level is given).")
@click.option("--last-failed", is_flag=True, help="Only what the target's newest run did not pass.")
@click.option(
    "--changed",
    is_flag=False,
    flag_value=HEAD,
    metavar="[REV]",
    help="First the cases that reach what changed in the target since REV (default: since the last commit), where an "
    "earlier run has counted (--coverage); else only domains that the changes concern, by rules on files.",
)
@click.option("--plan", is_flag=True, help="Print the cases and the time that they take; run nothing.")
@results_option
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False),
    help="Write the results as JSON; - for standard output.",
)
@click.option("--junit", "junit_file", type=click.Path(dir_okay=False), help="Write the results as JUnit XML.")
@click.option("--report-format", metavar="FORMAT,…", help="Also write these into the run's folder, as `vexlab report`.")
@click.option("--ci", is_flag=True, help="Plain output; under GitHub Actions annotations and a summary of the job too.")
@click.option("--until-sure", is_flag=True, help="Run red cases again till it is clear: a regression, or flaky.")
@click.option(
    "--control", is_flag=True, help="Run a case of each problem again on other revisions, filesystems, kernels."
)
@click.option("--verbose", "-v", is_flag=True, help="Say what is done, as --log-level INFO.")
@click.option("--debug", is_flag=True, help="Say everything, with tracebacks, as --log-level DEBUG.")
@click.option(
    "--log-level",
    type=click.Choice(runlog.LEVELS, case_sensitive=False),
    help=f"From which level on to log, here and in run.log. Variable: {runlog.LEVEL}.",
)
def command(*, verbose: bool, debug: bool, log_level: str | None, **given: object) -> int:
    """Run test cases against a target in fresh virtual machines and give a verdict.

    PATHS are folders or files of your own cases; without them the built-in domains run. Exit status: 0 all passed,
    1 the module is at fault, 2 wrong usage, 3 the lab failed, 4 nothing ran, 130 interrupted.
    """
    _log(verbose=verbose, debug=debug, level=log_level)
    how = _How(**{name: given.pop(name) for name in _How.__slots__})  # type: ignore[arg-type] # click gives what is declared
    switched = [name for name in WITHOUT_FIELD if given.pop(f"enable_{name}")]
    request = request_of(given)
    request = with_images(replace(request, enabled=tuple(dict.fromkeys([*request.enabled, *switched]))))
    if request.level and how.all_levels:
        raise UsageError("--level and --all-levels exclude each other")
    chosen_by = (request.resume, how.last_failed, how.changed)
    if sum(map(bool, chosen_by)) > 1:
        raise UsageError("--resume, --last-failed and --changed exclude each other")
    settings = settings_for(request)
    results, url = place_of(how.results_dir, settings)
    searched = (*request.enabled, *(name for name, each in settings.components.items() if each.enabled))
    if is_search(replace(request, enabled=searched)) and not (how.last_failed or how.changed):
        return _search(replace(request, enabled=searched, jobs=_jobs(request, settings)), how, results)
    request = replace(with_components(request, settings), jobs=_jobs(request, settings))
    with temporary.folder("choice") if how.last_failed or how.changed else nullcontext(Path()) as folder:
        rest = _rest(request, how, folder, results, url)
        if rest.words:
            click.echo(rest.words, err=True)
        if rest.nothing:
            return _NOTHING
        if how.plan:
            _check(rest.request)
            return planning.show(replace(rest.request, kernels=settings_for(rest.request).kernels))
        files = (how.json_file or "", how.junit_file or "")
        again = Again(until_sure=how.until_sure, control=how.control)
        return run_request(rest.request, how.results_dir or "", *files, how.report_format, plain=how.ci, again=again)


def _search(request: Request, how: _How, results: Path) -> int:
    if how.plan:
        for line in arm_lines():
            click.echo(line)
        return 0
    if how.until_sure or how.control:
        raise UsageError("--until-sure and --control are about a run that ends, not a search of hours")
    _check(request)
    outputs = Outputs(
        results=results, json_file=how.json_file, junit_file=how.junit_file, report_format=how.report_format
    )
    return run_search(request, outputs)


def run_request(
    request: Request,
    results_dir: str,
    json_file: str,
    junit_file: str,
    report_format: str | None,
    *,
    plain: bool,
    again: Again = NOT_AGAIN,
) -> int:
    """Run what is asked for, show and keep its results, and return the exit status."""
    settings = settings_for(request)
    request = replace(request, kernels=settings.kernels)
    _check(request)
    names = report_format if report_format is not None else ",".join(settings.report.formats) or None
    formats = chosen(names) if names is not None else ()
    for old in (json_file, junit_file):
        # An earlier run's results must not be taken for this one's; a device, a pipe or a link is not ours to remove.
        if old and Path(old).is_file() and not Path(old).is_symlink():
            Path(old).unlink()
    verdict_to_stdout = json_file != "-"
    return carry_out(
        request,
        settings,
        results_dir,
        json_file,
        junit_file,
        formats,
        plain=plain,
        verdict_to_stdout=verdict_to_stdout,
        again=again,
    ).exit_code


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
    again: Again = NOT_AGAIN,
) -> Ended:
    """Run what is asked for, saving it in the store and showing how it goes; say what ended it, and return that."""
    results, url = place_of(results_dir, settings)
    stop = _Stop()
    with closing(Store(results, url)) as store, Progress(plain=plain, verdict_to_stdout=verdict_to_stdout) as progress:
        reports = ReportFiles(
            json_file, junit_file, formats, lambda result: earlier_runs(store, result), partial(past_of, store)
        )
        listeners: list[Subscriber] = [StoreWriter(store), Journal(), reports, progress]
        if alerts := alerter(settings.alerts, store):
            listeners.append(alerts)
        if plain:
            listeners.append(ActionsReport(os.environ, find_target(request.target).source))
        carrying = {"carry_out": _fleet(request)} if request.cluster else {}
        ended = execute(request, settings, results, listeners, interrupted=stop.asked, **carrying)
        if again != NOT_AGAIN and not stop.asked():
            _again(store, request, settings, ended, stop, again)
        if ended.result.cases and not stop.asked():
            for line in advice_lines(recommended(store, ended.result)):
                click.echo(line, err=not verdict_to_stdout)
    _say_end(ended, request.cases)
    if suites_of(request) and verdict_to_stdout:
        for line in not_run(ended.result.cases):
            click.echo(line)
    return ended


def _fleet(request: Request) -> Callable[[Job], int]:
    """Return what runs cases on the request's cluster; imported here, since only such a run needs the extra."""
    from vexlab.cluster.fleet import Fleet
    from vexlab.cluster.place import cluster_of

    return Fleet(cluster_of(request.cluster))


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


def _again(store: Store, request: Request, settings: Settings, ended: Ended, stop: _Stop, again: Again) -> None:
    """Run red cases again; the run's verdict stays what it is."""
    folder = store.folder / ended.result.run.id / "control"
    trials = Control(request, settings, folder, say=say, interrupted=stop.asked)
    red = red_cases(ended.result)
    if again.until_sure:
        for line in settle(store, trials, ended.result, red):
            click.echo(printable(line))
    if again.control:
        for each in explain_all(store, trials, ended.result, one_a_problem(red), settings, MOST):
            for line in headlines([each]):
                click.echo(printable(line))


def _log(*, verbose: bool, debug: bool, level: str | None) -> None:
    """Set the level of what is logged, in this process and in those that it starts."""
    if debug:
        os.environ[runlog.DEBUG] = "1"
    if chosen_level := level or ("INFO" if verbose else ""):
        os.environ[runlog.LEVEL] = chosen_level.upper()
    if debug or chosen_level:
        runlog.to_terminal()


def _jobs(request: Request, settings: Settings) -> int:
    given = click.get_current_context().get_parameter_source("jobs") is not ParameterSource.DEFAULT
    jobs = request.jobs if given else settings.run.jobs
    return jobs or machines_at_once(settings.memory)


def _check(request: Request) -> None:
    if problem := shard_problem(request.shard):
        raise UsageError(f"--shard {request.shard}: {problem}")
    known = find_domains(request.domains_dirs)
    for domain in request.domains:
        if domain not in known:
            raise UsageError(f"no domain `{domain}`", hint=suggest(domain, known))


def _rest(request: Request, how: _How, folder: Path, results: Path, url: str) -> Rest:
    """Return the request with what earlier runs, or changes of the source, leave to be run."""
    if not (how.last_failed or how.changed):
        return Rest(request=request, words="")
    with closing(Store(results, url)) as store:
        if how.changed:
            from vexlab.cli.changed import by_changes  # what it needs, no other run does

            return by_changes(request, how.changed, store, folder)
        return last_failed(request, store, folder)


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

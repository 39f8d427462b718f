"""``vexlab run``: a prepared pytest session, its results saved as they come, a verdict."""

from __future__ import annotations

import signal
import time
from contextlib import closing
from pathlib import Path
from types import FrameType

import click

from vexlab.cli.options import (
    CASE_HELP,
    kernel_option,
    machine_options,
    sandbox_option,
    seconds_of,
    settings_from,
    target_option,
)
from vexlab.config import suggest
from vexlab.domains import find_domains
from vexlab.errors import UsageError
from vexlab.model.case import RunState
from vexlab.report.files import ReportFiles
from vexlab.report.renderers import chosen
from vexlab.report.terminal import Progress
from vexlab.results.store import Store
from vexlab.results.writer import StoreWriter
from vexlab.session import Ended, Request, execute

_ENDING_S = 10.0


@click.command(name="run")
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
@target_option
@kernel_option
@click.option("--level", type=click.IntRange(1, 3), help="Only cases of this level.")
@click.option("--all-levels", is_flag=True, help="Cases of every level (the default where no --level is given).")
@click.option("--quick", is_flag=True, help="Only the shortest useful subset.")
@click.option("--duration", callback=seconds_of, metavar="TIME",
              help="Of the selected cases the most useful that fit into this time: 90s, 60m, 2h.")  # fmt: skip
@click.option("--domain", "domains", multiple=True, help="Only cases of this domain; repeatable.")
@click.option("--domains-dir", "domains_dirs", multiple=True, type=click.Path(exists=True, file_okay=False),
              help="A folder of further domains.")  # fmt: skip
@click.option("--scenario", type=click.IntRange(1, 6), help="Only cases of this scenario.")
@click.option("--case", "cases", multiple=True, help=CASE_HELP)
@click.option("--jobs", "-j", type=click.IntRange(1, 64), default=1, show_default=True, help="Machines side by side.")
@machine_options
@sandbox_option
@click.option("--build-arg", "build_args", multiple=True, help="A further argument for the module's make; repeatable.")
@click.option("--first-failure", is_flag=True, help="Stop after the first case that fails or crashes.")
@click.option("--order", type=click.Path(exists=True, dir_okay=False), help="Run these cases first: an id a line.")
@click.option("--seed", type=click.IntRange(0), help="Seed of what cases draw at random (default: another each time).")
@click.option(
    "--expect",
    multiple=True,
    metavar="NAME=VALUE",
    help="Fail where kernel, module or target are other ones; `reproduce` in a case's evidence says which.",
)
@click.option("--strict", is_flag=True, help="Fail where something works that target.toml declares as refused.")
@click.option("--accept-refusals", is_flag=True, help="Refusals that target.toml does not declare are no failure.")
@click.option("--no-probe", is_flag=True, help="Do not find out first what the filesystem can do: try everything.")
@click.option("--artifact", type=click.Path(exists=True), help="Test this module, or an earlier run's; build nothing.")
@click.option("--environment", envvar="VEXLAB_ENVIRONMENT", metavar="NAME",
              help="Where this run happens, noted with it: dev, ci, staging.")  # fmt: skip
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
    paths: tuple[str, ...],
    target: str,
    kernels: tuple[str, ...],
    level: int | None,
    all_levels: bool,
    quick: bool,
    duration: float,
    domains: tuple[str, ...],
    domains_dirs: tuple[str, ...],
    scenario: int | None,
    cases: tuple[str, ...],
    jobs: int,
    accel: str | None,
    memory: int | None,
    cpus: int | None,
    config: str | None,
    sandbox: str | None,
    build_args: tuple[str, ...],
    first_failure: bool,
    order: str | None,
    seed: int | None,
    expect: tuple[str, ...],
    strict: bool,
    accept_refusals: bool,
    no_probe: bool,
    artifact: str | None,
    environment: str | None,
    results_dir: str | None,
    json_file: str | None,
    junit_file: str | None,
    report_format: str | None,
    ci: bool,
) -> int:
    """Run test cases against a target in fresh virtual machines and give a verdict.

    PATHS are folders or files of your own cases; without them the built-in domains run. Exit status: 0 all passed,
    1 the module is at fault, 2 wrong usage, 3 the lab failed, 4 nothing ran, 130 interrupted.
    """
    if level and all_levels:
        raise UsageError("--level and --all-levels exclude each other")
    settings = settings_from(
        config=config, accel=accel, memory=memory, cpus=cpus, kernels=kernels, sandbox=sandbox, environment=environment
    )
    request = Request(
        target=target,
        kernels=settings.kernels,
        level=level or 0,
        quick=quick,
        duration_s=duration,
        domains=_known_domains(domains, domains_dirs),
        domains_dirs=domains_dirs,
        scenario=scenario or 0,
        cases=cases,
        paths=tuple(str(Path(path).absolute()) for path in paths),
        jobs=jobs,
        accel=accel or "",
        memory=memory or 0,
        cpus=cpus or 0,
        config=config or "",
        sandbox=sandbox or "",
        artifact=artifact or "",
        build_args=build_args,
        first_failure=first_failure,
        order=order or "",
        seed=seed,
        expect=expect,
        probe=not no_probe,
        strict=strict,
        accept_refusals=accept_refusals,
    )
    formats = chosen(report_format) if report_format is not None else ()
    for old in (json_file, junit_file):
        # An earlier run's results must not be taken for this one's; a device, a pipe or a link is not ours to remove.
        if old and Path(old).is_file() and not Path(old).is_symlink():
            Path(old).unlink()
    results = Path(results_dir or settings.results).absolute()
    stop = _Stop()
    with closing(Store(results)) as store, Progress(plain=ci, verdict_to_stdout=json_file != "-") as progress:
        listeners = (StoreWriter(store), ReportFiles(json_file or "", junit_file or "", formats), progress)
        ended = execute(request, settings, results, listeners, interrupted=stop.asked)
    _say_end(ended, cases)
    return ended.exit_code


def _known_domains(domains: tuple[str, ...], extra: tuple[str, ...]) -> tuple[str, ...]:
    known = find_domains(extra)
    for domain in domains:
        if domain not in known:
            raise UsageError(f"no domain `{domain}`", hint=suggest(domain, known))
    return domains


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

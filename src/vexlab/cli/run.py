"""``vexlab run``: a prepared pytest session, its results saved as they come, a verdict."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
import msgspec
import pytest

from vexlab.cli.options import (
    CASE_HELP,
    kernel_option,
    machine_options,
    sandbox_option,
    settings_from,
    target_option,
)
from vexlab.cli.session import Request, pytest_arguments
from vexlab.config import Settings, suggest
from vexlab.domains import find_domains
from vexlab.errors import BuildError, InfraError, UsageError
from vexlab.lab import Lab, Order
from vexlab.model.case import CaseResult, Plan, RunInfo, RunResult, RunState, Summary
from vexlab.model.kernel import Kernel
from vexlab.model.target import ModuleArtifact, Target
from vexlab.plugin.evidence import CASE
from vexlab.plugin.reproduce import SEED, check_expected, facts_of
from vexlab.report import jsonfile, junit
from vexlab.report.terminal import Progress
from vexlab.results.collector import Collector
from vexlab.results.store import Store, with_undecided
from vexlab.targets.build import kept_artifact
from vexlab.targets.load import find_target
from vexlab.vm.session import Session

_JSON = "result.json"
_JUNIT = "junit.xml"
_ENDING_S = 10.0
_NOTHING_COLLECTED = 5  # pytest's exit status
_INTERNAL = (3, 4)


@click.command(name="run")
@click.argument("paths", nargs=-1, type=click.Path(exists=True))
@target_option
@kernel_option
@click.option("--level", type=click.IntRange(1, 3), help="Only cases of this level.")
@click.option("--all-levels", is_flag=True, help="Cases of every level (the default where no --level is given).")
@click.option("--quick", is_flag=True, help="Only the shortest useful subset.")
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
@click.option("--artifact", type=click.Path(exists=True), help="Test this module, or an earlier run's; build nothing.")
@click.option("--results", "results_dir", type=click.Path(file_okay=False), help="Folder of the results' store.")
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False),
    help="Write the results as JSON; - for standard output.",
)
@click.option("--junit", "junit_file", type=click.Path(dir_okay=False), help="Write the results as JUnit XML.")
@click.option("--ci", is_flag=True, help="Plain output: no colour, no live line.")
def command(
    *,
    paths: tuple[str, ...],
    target: str,
    kernels: tuple[str, ...],
    level: int | None,
    all_levels: bool,
    quick: bool,
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
    artifact: str | None,
    results_dir: str | None,
    json_file: str | None,
    junit_file: str | None,
    ci: bool,
) -> int:
    """Run test cases against a target in fresh virtual machines and give a verdict.

    PATHS are folders or files of your own cases; without them the built-in domains run. Exit status: 0 all passed,
    1 the module is at fault, 2 wrong usage, 3 the lab failed, 4 nothing ran, 130 interrupted.
    """
    if level and all_levels:
        raise UsageError("--level and --all-levels exclude each other")
    settings = settings_from(config=config, accel=accel, memory=memory, cpus=cpus, kernels=kernels, sandbox=sandbox)
    request = Request(
        target=target,
        kernels=settings.kernels,
        level=level or 0,
        quick=quick,
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
    )
    return _run(request, settings, Path(results_dir or settings.results), json_file, junit_file, plain=ci)


def _known_domains(domains: tuple[str, ...], extra: tuple[str, ...]) -> tuple[str, ...]:
    known = find_domains(extra)
    for domain in domains:
        if domain not in known:
            raise UsageError(f"no domain `{domain}`", hint=suggest(domain, known))
    return domains


def _run(
    request: Request,
    settings: Settings,
    results: Path,
    json_file: str | None,
    junit_file: str | None,
    *,
    plain: bool,
) -> int:
    begin = time.monotonic()
    stop = _Stop()
    target = find_target(request.target, build_args=request.build_args)
    store = Store(results.absolute())
    with Progress(plain=plain) as progress, Session() as scratch:
        accelerator, broken = _prepare(target, request, settings, progress)
        run, folder = store.begin(target.name, request.kernels, accelerator)
        progress.begin(run)
        kept = _Kept(store, run, folder, progress)
        if request.seed is not None:
            os.environ[SEED] = str(request.seed)
        os.environ["PYTHONSAFEPATH"] = "1"  # workers begin in this folder, whatever modules lie in it
        status = int(pytest.main(pytest_arguments(request, folder, scratch.folder / "cases"), plugins=[kept.collector]))
        if kept.collector.plan.duplicates:
            raise UsageError(kept.collector.plan.refusal, hint="give each case a name, or parameters, of its own")
        result = kept.result(interrupted=bool(stop.asked))
        _write(result, folder, json_file, junit_file, kept.errors)
        progress.end(result, time.monotonic() - begin, os.path.relpath(folder), to_stdout=json_file != "-")
    store.close()
    if request.first_failure and result.summary.exit_code == 1:
        status = int(pytest.ExitCode.TESTS_FAILED)  # beside workers pytest takes its own stop for an interruption
    code = _exit_code(status, result, kept.errors, broken)
    return UsageError.exit_code if kept.collector.uncollected and code == InfraError.exit_code else code


class _Stop:
    """Treats a polite kill, and the end of the terminal, as Ctrl-C: machines are ended, results kept."""

    def __init__(self) -> None:
        self.asked = 0.0
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup asks not to be told
                signal.signal(number, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        last, self.asked = self.asked, time.monotonic()
        if not last or self.asked - last > _ENDING_S:  # who presses the keys twice would lose what is being kept
            raise KeyboardInterrupt


class _Kept:
    """What a run has come to so far, in memory as well as in the store: a disk that fills up takes nothing away."""

    def __init__(self, store: Store, run: RunInfo, folder: Path, progress: Progress) -> None:
        self._store = store
        self._run = run
        self._folder = folder
        self._progress = progress
        self._cases: list[CaseResult] = []
        self._errors: list[str] = []
        self._saved: set[str] = set()
        self.collector = Collector(folder, self._plan, progress.started, self._keep)

    @property
    def errors(self) -> list[str]:
        """What went wrong besides the cases, each once."""
        return list(dict.fromkeys([*self._errors, *self.collector.errors]))

    def result(self, *, interrupted: bool) -> RunResult:
        """Return the run with every case that was selected; of those without an end it is said why."""
        self._collect_written()
        plan, ended = self.collector.plan, tuple(self._cases)
        rest = "it was not begun: the run was interrupted" if interrupted else "it was not begun: the run ended before"
        busy = "the run was interrupted while it ran" if interrupted else "the run ended while it ran"
        reasons = {**dict.fromkeys(self.collector.running, busy), **self.collector.died}
        cases = with_undecided(plan, ended, reasons, rest)
        for case in cases:
            self._save(case)
        state = RunState.INCOMPLETE if len(cases) > len(ended) else RunState.FINISHED
        run = dataclasses.replace(self._run, state=RunState.INTERRUPTED if interrupted else state)
        with self._failing():
            self._store.finish(run, run.state)
        return RunResult(run=run, summary=Summary.of(cases), cases=cases)

    def _collect_written(self) -> None:
        """Take in what a worker had decided and written down, and could not tell us any more."""
        known = {case.id for case in self._cases}
        for file in sorted(self._folder.glob(f"cases/*/{CASE}")):
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                case = msgspec.json.decode(file.read_bytes(), type=CaseResult)
                if case.id not in known:
                    self._keep(case)

    def _plan(self, plan: Plan) -> None:
        self._progress.total = len(plan.cases)
        with self._failing():
            self._store.plan(self._run, plan)

    def _keep(self, case: CaseResult) -> None:
        self._cases.append(case)
        self._save(case)
        self._progress.finished(case)

    def _save(self, case: CaseResult) -> None:
        if case.id in self._saved:
            return
        with self._failing():
            self._store.save(self._run, case)
            self._saved.add(case.id)  # not where the run was interrupted in the middle of it

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except InfraError as error:
            self._errors.append(error.message)


def _prepare(target: Target, request: Request, settings: Settings, progress: Progress) -> tuple[str, BuildError | None]:
    """Fetch and build ahead of the cases, so that workers find everything in the cache and errors come first."""
    broken = None
    accelerators = set()
    with Lab(settings, progress=progress.say) as lab:
        lab.check_room()
        for name in request.kernels:
            progress.say(f"preparing kernel {name}")
            kernel = lab.kernels.get(name)
            accelerators.add(lab.accelerator(kernel))
            try:
                artifact = _artifact(lab, target, kernel, request.artifact)
            except BuildError as error:
                broken = error
                progress.console.print(error.message, markup=False, style="red")
                continue
            check_expected(request.expect, facts_of(target, kernel, artifact))
            for warning in artifact.warnings:
                progress.console.print(f"{name}: {warning}", markup=False, style="yellow")
            if artifact.foreign_warnings:
                words = f"{name}: {artifact.foreign_warnings} more warnings, of headers that are not the target's"
                progress.console.print(words, markup=False, style="yellow")
            progress.say(f"preparing a machine with kernel {name}")
            lab.snapshot(
                Order(target=target, kernel=kernel, artifact=artifact, memory=settings.memory, cpus=settings.cpus)
            )
    return ", ".join(sorted(accelerators)), broken


def _artifact(lab: Lab, target: Target, kernel: Kernel, given: str) -> ModuleArtifact:
    return kept_artifact(Path(given), target, kernel) if given else lab.artifact(target, kernel)


def _write(result: RunResult, folder: Path, json_file: str | None, junit_file: str | None, errors: list[str]) -> None:
    document = jsonfile.render(result)
    try:
        (folder / _JSON).write_bytes(document)
        (folder / _JUNIT).write_bytes(junit.render(result))
    except OSError as error:
        errors.append(f"the results cannot be written: {error}")
    try:
        if json_file == "-":
            click.echo(document.decode(), nl=False)
        elif json_file:
            Path(json_file).write_bytes(document)
        if junit_file:
            Path(junit_file).write_bytes(junit.render(result))
    except OSError as error:
        raise UsageError(f"the report cannot be written: {error}", hint=f"it is kept in {folder}") from error


def _exit_code(status: int, result: RunResult, errors: list[str], broken: BuildError | None) -> int:
    for error in errors:
        click.echo(f"vexlab: {error}", err=True)
    if result.run.state is RunState.INTERRUPTED:
        click.echo("vexlab: interrupted; every finished case is kept", err=True)
        return 130
    if broken:
        return BuildError.exit_code
    code = result.summary.exit_code
    if code == 1:
        return code
    if status in _INTERNAL or errors:
        return InfraError.exit_code
    if status == _NOTHING_COLLECTED or not result.cases:
        click.echo("vexlab: no case matches; `vexlab list` shows what there is", err=True)
    return code

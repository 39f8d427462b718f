"""``vexlab run``: a prepared pytest session, its results saved as they come, a verdict."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import FrameType

import click
import pytest

from vexlab.cli.options import kernel_option, machine_options, sandbox_option, settings_from, target_option
from vexlab.cli.session import Request, pytest_arguments
from vexlab.config import Settings, suggest
from vexlab.domains import find_domains
from vexlab.errors import BuildError, InfraError, UsageError
from vexlab.lab import Lab, Order
from vexlab.model.case import CaseResult, RunResult, Summary
from vexlab.model.kernel import Kernel
from vexlab.model.target import ModuleArtifact, Target
from vexlab.report import jsonfile, junit
from vexlab.report.terminal import Progress
from vexlab.results.collector import Collector
from vexlab.results.store import Store
from vexlab.targets.build import kept_artifact
from vexlab.targets.load import find_target

_JSON = "result.json"
_JUNIT = "junit.xml"
_NOTHING_COLLECTED = 5  # pytest's exit status
_INTERRUPTED = 2
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
@click.option(
    "--case",
    "cases",
    multiple=True,
    help="Only this case: an id of `vexlab list`, its beginning, or a pattern.",
)
@click.option("--jobs", "-j", type=click.IntRange(1, 64), default=1, show_default=True, help="Machines side by side.")
@machine_options
@sandbox_option
@click.option("--build-arg", "build_args", multiple=True, help="A further argument for the module's make; repeatable.")
@click.option("--first-failure", is_flag=True, help="Stop after the first case that fails or crashes.")
@click.option("--order", type=click.Path(exists=True, dir_okay=False), help="Run these cases first: an id a line.")
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
    target = find_target(request.target, build_args=request.build_args)
    store = Store(results.absolute())
    done: list[CaseResult] = []
    with Progress(plain=plain) as progress:
        accelerator, broken = _prepare(target, request, settings, progress)
        run, folder = store.begin(target.name, request.kernels, accelerator)
        progress.begin(run)

        def keep(case: CaseResult) -> None:
            store.save(run, case)
            done.append(case)
            progress.total = collector.total
            progress.finished(case)

        collector = Collector(progress.started, keep)
        signal.signal(signal.SIGTERM, _interrupt)
        os.environ["PYTHONSAFEPATH"] = "1"  # workers begin in this folder, whatever modules lie in it
        status = int(pytest.main(pytest_arguments(request, folder), plugins=[collector]))
        store.finish(run)
        result = store.load(run.id)
        _write(result, folder, json_file, junit_file)
        progress.end(result, time.monotonic() - begin, os.path.relpath(folder))
    store.close()
    if request.first_failure and result.summary.exit_code == 1:
        status = int(pytest.ExitCode.TESTS_FAILED)  # beside workers pytest takes its own stop for an interruption
    return _exit_code(status, result.summary, collector.errors, broken)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Treat a polite kill as Ctrl-C: machines are ended, results kept."""
    raise KeyboardInterrupt


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


def _write(result: RunResult, folder: Path, json_file: str | None, junit_file: str | None) -> None:
    document = jsonfile.render(result)
    (folder / _JSON).write_bytes(document)
    (folder / _JUNIT).write_bytes(junit.render(result))
    try:
        if json_file == "-":
            click.echo(document.decode(), nl=False)
        elif json_file:
            Path(json_file).write_bytes(document)
        if junit_file:
            Path(junit_file).write_bytes(junit.render(result))
    except OSError as error:
        raise UsageError(f"the report cannot be written: {error}", hint=f"it is kept in {folder}") from error


def _exit_code(status: int, summary: Summary, errors: list[str], broken: BuildError | None) -> int:
    for error in errors:
        click.echo(f"vexlab: {error}", err=True)
    if status == _INTERRUPTED and not errors:
        click.echo("vexlab: interrupted; every finished case is kept", err=True)
        return 130
    if broken:
        return BuildError.exit_code
    if summary.exit_code == 1:
        return 1
    if status in _INTERNAL or errors:
        return UsageError.exit_code if errors and status == _INTERRUPTED else InfraError.exit_code
    if status == _NOTHING_COLLECTED:
        click.echo("vexlab: no case matches; `vexlab list` shows what there is", err=True)
    return summary.exit_code

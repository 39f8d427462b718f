"""From a request to a result: a pytest session over the cases, its events, and what it could not decide."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from vexlab.classify.kernel_faults import KERNEL_FAULTS
from vexlab.classify.known import KnownIssue, load
from vexlab.config import Settings, with_images
from vexlab.errors import BuildError, InfraError, UsageError
from vexlab.kernels.table import flavour_of
from vexlab.model.case import (
    NOT_BEGUN,
    CaseResult,
    Plan,
    PlannedCase,
    RunInfo,
    RunResult,
    RunState,
    Summary,
    with_undecided,
)
from vexlab.model.event import (
    CaseFinished,
    CaseStarted,
    ProfileKnown,
    RunFinished,
    RunPlanned,
    RunStarted,
    StepStarted,
    Warned,
    WorkerEvent,
)
from vexlab.model.kernel import in_flavour
from vexlab.model.key import CaseKey
from vexlab.model.profile import RUN_FILE, Profile, encode_all
from vexlab.model.provenance import UsedKernel
from vexlab.model.request import Request
from vexlab.model.target import Target
from vexlab.model.verdict import Verdict
from vexlab.plugin.counting import keep_counted
from vexlab.plugin.evidence import CASE
from vexlab.plugin.reproduce import SEED
from vexlab.session.baseline import remember
from vexlab.session.collector import Collector
from vexlab.session.known import Tolerated, is_whole
from vexlab.session.log import RunLog
from vexlab.session.prepare import Prepared, prepare, with_components
from vexlab.session.provenance import provenance
from vexlab.session.request import pytest_arguments
from vexlab.session.resume import decided_in, find_earlier, leave_taken_over, note_tested, with_earlier
from vexlab.session.stream import Stream, Subscriber
from vexlab.targets.configurations import chosen
from vexlab.targets.load import find_target
from vexlab.vm.session import Session

BUILD = CaseKey(domain="kernel_module", name="build")  # the case that is about the build
# What steers pytest sessions of the user's is not meant for this one.
_OTHERS = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTEST_DISABLE_PLUGIN_AUTOLOAD")
_INTERNAL = (3, 4)  # pytest's exit status


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended. ``errors`` are what went wrong besides the cases; ``usage`` that it was the input's fault."""

    result: RunResult
    errors: tuple[str, ...]
    internal: bool
    usage: bool

    @property
    def exit_code(self) -> int:
        """The run's exit status (``docs/reference/command-line.md``)."""
        if self.result.run.state is RunState.INTERRUPTED:
            return 130
        code = self.result.exit_code
        if code == 1 or not (self.internal or self.errors):
            return code
        return UsageError.exit_code if self.usage else InfraError.exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be carried out once all is prepared: the cases of ``request``, with the evidence in ``folder``.

    Results go to ``collector``. ``began`` is when the preparation did, in seconds since 1970; ``say`` and ``warn`` tell
    the user something.
    """

    request: Request
    settings: Settings
    target: Target
    kernels: tuple[UsedKernel, ...]
    folder: Path
    scratch: Path
    collector: Collector
    began: float
    say: Callable[[str], None]
    warn: Callable[[str], None]


def carry_out_here(job: Job) -> int:
    """Run the cases on this machine, ``jobs`` side by side; return pytest's exit status."""
    return _pytest(pytest_arguments(job.request, job.folder, job.scratch), job.collector)


def execute(
    request: Request,
    settings: Settings,
    results: Path,
    subscribers: Sequence[Subscriber],
    *,
    interrupted: Callable[[], bool] = lambda: False,
    carry_out: Callable[[Job], int] = carry_out_here,
) -> Ended:
    """Run the cases that ``request`` selects; evidence goes to a new folder in ``results``.

    ``carry_out`` runs the cases, here or on other hosts (``vexlab.cluster``). ``interrupted`` tells whether a
    ``KeyboardInterrupt`` meant the run. Raises ``UsageError`` where the input is wrong and ``InfraError`` where nothing
    can be prepared; afterwards what fails is told in ``Ended``.
    """
    begin = time.monotonic()
    issues = load(Path(request.known)) if request.known else ()
    target = find_target(request.target, build_args=request.build_args)
    request = dataclasses.replace(
        with_images(request),
        configurations=chosen(target, request.configurations),
        kernels=tuple(in_flavour(name, request.flavour) for name in request.kernels),
    )
    request = with_components(request, settings)
    run_log = RunLog(settings.run.log_level)
    stream = Stream([run_log, *subscribers])
    if request.resume:
        request = dataclasses.replace(request, resume=find_earlier(results, request.resume).name)
    try:
        return _execute(request, settings, results, stream, target, issues, begin, interrupted, carry_out)
    finally:
        run_log.close()


def _execute(
    request: Request,
    settings: Settings,
    results: Path,
    stream: Stream,
    target: Target,
    issues: Sequence[KnownIssue],
    begin: float,
    interrupted: Callable[[], bool],
    carry_out: Callable[[Job], int],
) -> Ended:
    began = time.time()
    prepared = prepare(target, request, settings, stream)
    run = _run_info(target, request, settings, prepared)
    folder = _begin(results, run)
    stream.publish(RunStarted(run=run, folder=str(folder)))
    _tell_profiles(prepared.profiles, stream, run, folder)
    keep_counted(prepared.counted, folder)
    remember(results, folder, prepared.profiles, run.id, run.provenance.revision)
    releases = {each.name: each.release for each in run.provenance.kernels}
    tolerated = Tolerated(issues, releases, shipped=KERNEL_FAULTS)
    running = _Running(stream, run, folder, tolerated.mark)
    note_tested(folder, target.name, prepared.kernels, prepared.suites)
    if request.resume:
        running.go_on_with(find_earlier(results, request.resume), target.name, prepared)
    _set_environment(request)
    with Session() as scratch:
        status = carry_out(
            Job(
                request=request,
                settings=settings,
                target=target,
                kernels=prepared.kernels,
                folder=folder,
                scratch=scratch.folder / "cases",
                collector=running.collector,
                began=began,
                say=lambda words: stream.publish(StepStarted(words=words)),
                warn=lambda words: stream.publish(Warned(words=words)),
            )
        )
    collector = running.collector
    if collector.plan.unanswered:
        raise UsageError("; ".join(collector.plan.unanswered), hint="`vexlab list` shows what there is")
    if refusal := collector.plan.refusal:
        raise UsageError(refusal, hint="each case needs an id of its own, and marks with a meaning")
    running.add_broken(prepared.broken)
    result = running.result(interrupted=interrupted())
    stale = tolerated.stale(result.cases, whole=is_whole(request) and result.run.state is RunState.FINISHED)
    for words in stale:
        stream.publish(Warned(words=words, red=request.strict))
    result = dataclasses.replace(result, stale=stale if request.strict else ())
    errors = tuple(dict.fromkeys([*stream.errors, *collector.errors]))
    stream.publish(RunFinished(result=result, folder=str(folder), seconds=time.monotonic() - begin, errors=errors))
    return Ended(
        result=result,
        errors=tuple(dict.fromkeys([*errors, *stream.errors])),
        internal=status in _INTERNAL,
        usage=collector.uncollected or stream.misused,
    )


def _run_info(target: Target, request: Request, settings: Settings, prepared: Prepared) -> RunInfo:
    return RunInfo(
        id=_new_id(),
        target=target.name,
        kernels=request.kernels,
        accelerator=prepared.accelerator,
        started=_now(),
        environment=settings.environment,
        provenance=provenance(target, request, settings, prepared.kernels),
    )


def _set_environment(request: Request) -> None:
    """Set what workers take from the environment."""
    if request.seed is not None:
        os.environ[SEED] = str(request.seed)
    for name in _OTHERS:
        os.environ.pop(name, None)
    os.environ["PYTHONSAFEPATH"] = "1"  # workers begin in this folder, whatever modules lie in it


def _tell_profiles(profiles: Sequence[Profile], stream: Stream, run: RunInfo, folder: Path) -> None:
    """Leave the profiles where workers look for them, and where they stay with the run."""
    try:
        (folder / RUN_FILE).write_bytes(encode_all(profiles))
    except OSError as error:
        raise InfraError(f"the results folder {folder} cannot be written: {error}") from error
    for profile in profiles:
        stream.publish(ProfileKnown(run=run.id, profile=profile))


def _pytest(arguments: list[str], collector: Collector) -> int:
    """Return pytest's exit status. A ``conftest.py`` beside the cases is imported in this process, too."""
    try:
        with _no_silent_end():
            return int(pytest.main(arguments, plugins=[collector]))
    except (SystemExit, pytest.exit.Exception) as error:
        collector.uncollected = True
        collector.errors.append(f"a conftest.py ends the session when it is imported: {type(error).__name__}: {error}")
        return _INTERNAL[0]


@contextlib.contextmanager
def _no_silent_end() -> Iterator[None]:
    """Let ``os._exit`` raise ``SystemExit`` in this process: it would end with status 0 and without a verdict.

    The workers, where the cases run, are processes of their own: the end of one is seen from here.
    """
    real = os._exit

    def refuse(status: int) -> NoReturn:
        raise SystemExit(status)

    os._exit = refuse
    try:
        yield
    finally:
        os._exit = real


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def _new_id() -> str:
    return f"{datetime.datetime.now(datetime.UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _begin(results: Path, run: RunInfo) -> Path:
    folder = results.absolute() / run.id
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise InfraError(
            f"the results folder {results} cannot be written: {error}", hint="choose another with --results"
        ) from error
    return folder


class _Running:
    """What a run has come to so far."""

    def __init__(self, stream: Stream, run: RunInfo, folder: Path, mark: Callable[[CaseResult], CaseResult]) -> None:
        self._mark = mark
        self._stream = stream
        self._run = run
        self._folder = folder
        self._cases: list[CaseResult] = []
        self._earlier: tuple[CaseResult, ...] = ()
        self._red: Mapping[str, CaseResult] = {}
        self._resumes = ""
        self.collector = Collector(folder, self._planned, self._started, self._finished, self._told)

    def go_on_with(self, earlier: Path, target: str, prepared: Prepared) -> None:
        """Take over what stands of the run in the folder ``earlier``, and remember what failed there."""
        self._earlier, red = decided_in(earlier, target, prepared.kernels, prepared.suites)
        self._red = {case.id: case for case in red}
        self._resumes = earlier.name
        leave_taken_over(self._folder, self._earlier)

    def result(self, *, interrupted: bool) -> RunResult:
        """Return the run with every case that was selected; of those without an end it is said why."""
        self._collect_written()
        self._take_over()
        plan, ended = self.collector.plan, tuple(self._cases)
        rest = f"{NOT_BEGUN}: the run was interrupted" if interrupted else f"{NOT_BEGUN}: the run ended before"
        busy = "the run was interrupted while it ran" if interrupted else "the run ended while it ran"
        reasons = {**dict.fromkeys(self.collector.running, busy), **self.collector.died}
        cases = with_undecided(plan, ended, reasons, rest)
        state = RunState.INCOMPLETE if len(cases) > len(ended) else RunState.FINISHED
        run = dataclasses.replace(
            self._run,
            state=RunState.INTERRUPTED if interrupted else state,
            finished=_now(),
        )
        return RunResult(run=run, summary=Summary.of(cases), cases=cases)

    def _take_over(self) -> None:
        """Add what an earlier run decided and this one was not asked to run again."""
        known = {case.key for case in self._cases}
        for case in self._earlier:
            if case.id in self.collector.plan.taken_over and case.key not in known:
                self._finished(case)

    def add_broken(self, broken: Mapping[str, BuildError]) -> None:
        """Add a failed build as a case, where the case that is about it was not selected: the others only skip."""
        for kernel, error in broken.items():
            key = dataclasses.replace(BUILD, target=self._run.target, kernel=kernel, flavour=flavour_of(kernel))
            case = PlannedCase(key=key, node=f"{BUILD}", level=1)
            if key not in {dataclasses.replace(each.key, configuration="") for each in self.collector.plan.cases}:
                failed = dataclasses.replace(case.undecided(error.message), verdict=Verdict.FAILED)
                self._finished(failed)

    def _collect_written(self) -> None:
        """Take in what a worker had decided and written down, and could not tell us any more."""
        known = {case.key for case in self._cases}
        for file in sorted(self._folder.glob(f"cases/*/{CASE}")):
            with contextlib.suppress(OSError, msgspec.MsgspecError):
                case = msgspec.json.decode(file.read_bytes(), type=CaseResult)
                if case.key not in known:
                    self._finished(case)

    def _planned(self, plan: Plan) -> None:
        self._stream.publish(RunPlanned(run=self._run.id, plan=plan))
        if plan.left_out:
            total = len(plan.cases) + len(plan.left_out)
            words = f"{len(plan.left_out)} of {total} cases are left out: there is no time for them"
            self._stream.publish(Warned(words=words))

    def _started(self, node: str) -> None:
        keys = (case.key for case in self.collector.plan.cases if case.node == node)
        self._stream.publish(CaseStarted(run=self._run.id, node=node, key=next(keys, None)))

    def _finished(self, case: CaseResult) -> None:
        case = self._mark(with_earlier(case, self._red, self._resumes))
        self._cases.append(case)
        self._stream.publish(CaseFinished(run=self._run.id, case=case))

    def _told(self, event: WorkerEvent) -> None:
        self._stream.publish(dataclasses.replace(event, run=self._run.id))

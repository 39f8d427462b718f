"""A run is a stream of events; who listens to it, and fails, ends neither the run nor the others."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from vexlab.errors import InfraError
from vexlab.model.case import CaseResult, Plan, PlannedCase, RunInfo, RunResult, RunState, Summary
from vexlab.model.event import (
    CaseFinished,
    CaseStarted,
    Event,
    ProfileKnown,
    RunFinished,
    RunPlanned,
    RunStarted,
    StepStarted,
    Warned,
    decode,
    encode,
)
from vexlab.model.key import CaseKey
from vexlab.model.metric import measured
from vexlab.model.profile import Capability, Profile, State
from vexlab.model.provenance import Host, Provenance, UsedKernel
from vexlab.model.report import Severity
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.verdict import Finding, Source, Verdict
from vexlab.report.files import ReportFiles
from vexlab.report.terminal import Progress
from vexlab.results.store import Store
from vexlab.results.writer import StoreWriter
from vexlab.session import Ended, Stream

KERNEL = UsedKernel(
    name="6.1", release="6.1.0-9", version="6.1.27-1", flavour="distro", accelerator="tcg", module="ab" * 32
)
RUN = RunInfo(
    id="20261128-000000-0000",
    target="t",
    kernels=("6.1",),
    accelerator="tcg",
    started="2026-11-28T00:00:00",
    environment="ci",
    provenance=Provenance(
        revision="v1-2-g0123456-dirty",
        kernels=(KERNEL,),
        qemu="7.2.9",
        vexlab="0.1.0",
        host=Host(cores=2, memory=3900, cpu="a CPU", kernel="6.1.0-9"),
        seed=7,
    ),
)
PLANNED = PlannedCase(
    key=CaseKey(domain="d", name="a", kernel="6.1", target="t"), digest="0" * 16, node="t.py::test_a[6.1]", level=1
)
FINDING = Finding(
    title="T", type="BUG", severity=Severity.CRASH, text="\x1b\u202e\n", fingerprint="f" * 16, source=Source.TAINT
)
CHECK = SubResult(name="link.errors", verdict=SubVerdict.REFUSED, words="no hard links", duration_s=0.002)
CASE = dataclasses.replace(
    PLANNED.undecided(""),
    verdict=Verdict.CRASHED,
    findings=(FINDING,),
    metrics=(measured("load_s", 0.5),),
    subresults=(CHECK,),
)
PROFILE = Profile(
    target="t",
    fstype="t",
    kernel="6.1",
    digest="d",
    capabilities=(
        Capability(name="link", state=State.REFUSED, errno="EPERM", detail="\x1b[31m"),
        Capability(name="freeze", state=State.BROKEN, deadly=True, finding="\x1b[31m"),
        Capability(name="time_min", state=State.WORKS, limit=-(1 << 63), at_least=True),
    ),
)


def _result(*cases: CaseResult, state: RunState = RunState.FINISHED) -> RunResult:
    return RunResult(run=dataclasses.replace(RUN, state=state), summary=Summary.of(cases), cases=cases)


def _events(folder: Path) -> tuple[Event, ...]:
    return (
        StepStarted(words="preparing"),
        Warned(words="a.c:1: warning: x"),
        RunStarted(run=RUN, folder=str(folder)),
        RunPlanned(run=RUN.id, plan=Plan(cases=(PLANNED,))),
        CaseStarted(run=RUN.id, node=PLANNED.node, key=PLANNED.key),
        CaseFinished(run=RUN.id, case=CASE),
        RunFinished(result=_result(CASE), folder=str(folder), seconds=1.5, errors=("e",)),
    )


def test_every_event_comes_back_from_a_line_of_json(tmp_path: Path) -> None:
    for event in (*_events(tmp_path), ProfileKnown(run=RUN.id, profile=PROFILE)):
        line = encode(event)
        assert b"\n" not in line
        assert decode(line) == event


@pytest.mark.parametrize("line", [b"", b"{}", b"[]", b'{"event": "Nothing"}', b'{"event": "CaseStarted"}'])
def test_what_is_no_event_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="no event"):
        decode(line)


class Broken:
    """A subscriber that fails each time."""

    def take(self, event: Event) -> None:
        raise InfraError("the disk is full") if isinstance(event, CaseStarted) else ValueError(type(event).__name__)


class Heard:
    """A subscriber that remembers."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def take(self, event: Event) -> None:
        self.events.append(event)


def test_a_failing_subscriber_disturbs_nobody(tmp_path: Path) -> None:
    heard = Heard()
    stream = Stream((Broken(), heard))
    events = _events(tmp_path)
    for event in (*events, *events):
        stream.publish(event)
    assert heard.events == [*events, *events]
    assert len(stream.errors) == len(events), "each error once"
    assert "the disk is full" in stream.errors
    assert "Broken failed: ValueError: RunStarted" in stream.errors
    assert not stream.misused


def test_the_store_hears_the_whole_run(tmp_path: Path) -> None:
    stream = Stream((StoreWriter(Store(tmp_path)),))
    for event in _events(tmp_path):
        stream.publish(event)
    assert stream.errors == ()
    kept = Store(tmp_path).load("last")
    assert kept.cases == (CASE,)
    assert kept.run == dataclasses.replace(RUN, state=RunState.FINISHED)


def test_a_case_that_could_not_be_saved_is_saved_in_the_end(tmp_path: Path) -> None:
    writer = StoreWriter(Store(tmp_path))
    started, planned, finished, ended = (_events(tmp_path)[number] for number in (2, 3, 5, 6))
    with pytest.raises(InfraError):
        writer.take(planned)  # before the run is known
    for event in (started, planned, ended):
        writer.take(event)
    assert isinstance(finished, CaseFinished)
    assert Store(tmp_path).load("last").cases == (finished.case,)


def test_a_report_that_cannot_be_written_is_kept_with_the_run(tmp_path: Path) -> None:
    stream = Stream((ReportFiles(json_file=str(tmp_path / "missing" / "r.json")),))
    stream.publish(_events(tmp_path)[-1])
    assert stream.misused
    assert "the report cannot be written" in stream.errors[0]
    assert (tmp_path / "result.json").exists()
    assert (tmp_path / "junit.xml").exists()


@pytest.mark.parametrize(
    ("verdicts", "state", "errors", "more", "code"),
    [
        ((Verdict.PASSED,), RunState.FINISHED, (), {}, 0),
        ((Verdict.PASSED,), RunState.FINISHED, ("e",), {}, 3),
        ((Verdict.PASSED,), RunState.FINISHED, (), {"internal": True}, 3),
        ((Verdict.FAILED,), RunState.FINISHED, ("e",), {}, 1),
        ((Verdict.PASSED, Verdict.UNDECIDED), RunState.INCOMPLETE, (), {}, 3),
        ((Verdict.FAILED,), RunState.INTERRUPTED, (), {}, 130),
        ((), RunState.FINISHED, (), {}, 4),
        ((), RunState.FINISHED, ("e",), {"usage": True}, 2),
    ],
)
def test_exit_code(
    verdicts: tuple[Verdict, ...], state: RunState, errors: tuple[str, ...], more: dict[str, object], code: int
) -> None:
    cases = tuple(
        dataclasses.replace(CASE, key=CaseKey(domain="d", name=str(n)), verdict=verdict)
        for n, verdict in enumerate(verdicts)
    )
    ended = Ended(
        result=_result(*cases, state=state), errors=errors, internal=False, usage=False
    )  # fmt: skip
    assert dataclasses.replace(ended, **more).exit_code == code  # type: ignore[arg-type]


def test_the_head_of_a_run_says_in_three_lines_what_the_filesystem_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(plain=True) as progress:
        progress.take(RunStarted(run=RUN, folder=""))
        progress.take(ProfileKnown(run=RUN.id, profile=PROFILE))
        progress.take(RunStarted(run=dataclasses.replace(RUN, kernels=("6.1", "6.12")), folder=""))
        progress.take(ProfileKnown(run=RUN.id, profile=PROFILE))
    head, *lines, again, named, _, _ = capsys.readouterr().err.splitlines()
    assert head == again.replace(", 6.12", "") == "t on kernel 6.1 (tcg)"
    assert lines == [
        "  works: 1 of 3; no limits were found",
        "  refused: link (EPERM)",
        "  broken: freeze (\\x1b[31m)",
    ]
    assert named == "  6.1: works: 1 of 3; no limits were found"

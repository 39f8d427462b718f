"""A run as a recorded stream of events: no machine is needed to show it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

from vexlab.model.case import CaseResult, Plan, PlannedCase, RunInfo, RunResult, RunState, Summary
from vexlab.model.event import (
    CaseFinished,
    CaseStarted,
    CaseStep,
    Event,
    FindingSeen,
    MachineChanged,
    MachineState,
    RunFinished,
    RunPlanned,
    RunStarted,
    StepStarted,
)
from vexlab.model.key import CaseKey
from vexlab.model.metric import measured
from vexlab.model.provenance import Provenance
from vexlab.model.report import Severity
from vexlab.model.verdict import Finding, Verdict
from vexlab.results.journal import Journal
from vexlab.results.store import Store
from vexlab.results.writer import StoreWriter

# What a guest may print: markup, control characters, a change of direction, an end of a script.
HOSTILE = "<img src=x onerror=alert(1)></script>\x1b]0;title\x07\x1b[2J\u202e'\"&"
OOPS = Finding(
    title=f"BUG: NULL in f {HOSTILE}",
    type="NULL-POINTER-DEREFERENCE",
    severity=Severity.CRASH,
    frame="f",
    text=f"BUG: kernel NULL pointer dereference {HOSTILE}\n f+0x1/0x2 [vexfs]\n",
    fingerprint="a" * 16,
)
T0 = 1_795_000_000.0


def info(number: int = 1, target: str = "vexfs", revision: str = "") -> RunInfo:
    """Return the run that began on the day ``number``."""
    return RunInfo(
        id=f"202611{number:02}-000000-0000",
        target=target,
        kernels=("6.1",),
        accelerator="tcg",
        started=f"2026-11-{number:02}T00:00:00+00:00",
        provenance=Provenance(revision=revision or f"v{number}"),
    )


def planned(name: str, level: int = 1) -> PlannedCase:
    """Return a case before it runs."""
    key = CaseKey(domain="kernel_module", name=name, kernel="6.1", target="vexfs")
    return PlannedCase(key=key, node=f"t.py::test_{name}[6.1]", level=level, digest="0" * 16)


def ended(case: PlannedCase, verdict: Verdict, seconds: float = 5.0, **fields: object) -> CaseResult:
    """Return how a case ended."""
    made = dataclasses.replace(
        case.undecided(""), verdict=verdict, duration_s=seconds, metrics=(measured("load_s", 0.25),)
    )
    return dataclasses.replace(made, **fields)  # type: ignore[arg-type]


PLAN = tuple(planned(name) for name in ("build", "load", "stress", "unload"))


def begun(folder: Path, run: RunInfo) -> list[Event]:
    """Return the first events of a run of four cases: one passed, one crashed, one runs."""
    build, load, stress, _ = PLAN
    return [
        StepStarted(words="preparing kernel 6.1"),
        RunStarted(run=run, folder=str(folder)),
        RunPlanned(run=run.id, plan=Plan(cases=PLAN)),
        CaseStarted(run=run.id, node=build.node, key=build.key),
        CaseFinished(run=run.id, case=ended(build, Verdict.PASSED)),
        CaseStarted(run=run.id, node=load.node, key=load.key),
        machine(run, load, "gw0.m1"),
        FindingSeen(run=run.id, node=load.node, finding=OOPS),
        CaseFinished(
            run=run.id,
            case=ended(load, Verdict.CRASHED, findings=(OOPS,), reason=f"it crashed {HOSTILE}", evidence="/x/load"),
        ),
        CaseStarted(run=run.id, node=stress.node, key=stress.key),
        machine(run, stress, "gw0.m2"),
        CaseStep(run=run.id, node=stress.node, words="cycle 3 of 20"),
    ]


def rest(folder: Path, run: RunInfo) -> list[Event]:
    """Return the events that follow those of ``begun``, up to the run's end."""
    *_, stress, unload = PLAN
    cases = (
        ended(PLAN[0], Verdict.PASSED),
        ended(PLAN[1], Verdict.CRASHED, findings=(OOPS,), reason=f"it crashed {HOSTILE}", evidence="/x/load"),
        ended(stress, Verdict.PASSED),
        ended(unload, Verdict.SKIPPED, reason="not asked for"),
    )
    over = dataclasses.replace(run, finished=run.started, state=RunState.FINISHED)
    return [
        CaseFinished(run=run.id, case=cases[2]),
        CaseFinished(run=run.id, case=cases[3]),
        RunFinished(
            result=RunResult(run=over, summary=Summary.of(cases), cases=cases), folder=str(folder), seconds=20.0
        ),
    ]


def machine(run: RunInfo, case: PlannedCase, name: str, console: str = "") -> MachineChanged:
    """Return that a machine came up."""
    return MachineChanged(
        run=run.id, node=case.node, machine=name, state=MachineState.STARTED, kernel="6.1", memory=256, cpus=2,
        console=console,
    )  # fmt: skip


def record(store: Store, run: RunInfo, *parts: Iterable[Event]) -> Path:
    """Write events as ``vexlab run`` does, into the store and the run's journal; return the run's folder."""
    folder = store.folder / run.id
    listeners = (StoreWriter(store), Journal(clock=lambda: T0))
    for event in (event for part in parts for event in part):
        for listener in listeners:
            listener.take(event)
    return folder


def whole(store: Store, run: RunInfo) -> Path:
    """Write a run that has ended."""
    folder = store.folder / run.id
    return record(store, run, begun(folder, run), rest(folder, run))


def verdicts(store: Store, run: RunInfo, found: Sequence[Verdict]) -> None:
    """Write a run whose cases ended with these verdicts."""
    folder = store.folder / run.id
    cases = tuple(
        ended(planned(f"c{number}"), verdict, findings=(OOPS,) if verdict is Verdict.CRASHED else ())
        for number, verdict in enumerate(found)
    )
    over = dataclasses.replace(run, finished=run.started, state=RunState.FINISHED)
    end = RunFinished(
        result=RunResult(run=over, summary=Summary.of(cases), cases=cases), folder=str(folder), seconds=9.0
    )
    record(store, run, [RunStarted(run=run, folder=str(folder)), end])

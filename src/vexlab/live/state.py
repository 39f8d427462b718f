"""A run as its events tell it: what is done, what runs, what was found. The same from a journal of today or of May.

Pure: nothing here looks at a clock. Times are those of the entries, in seconds since the epoch.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from vexlab.model.case import CaseResult, PlannedCase, RunInfo
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
    Warned,
)
from vexlab.model.verdict import Finding, Verdict
from vexlab.results.journal import Entry

_FINDINGS_MOST = 200
_ENDED_MOST = 500
_WARNINGS_MOST = 50
LOST = "LOST_CONNECTION"  # the type of a finding about a machine that went away without a word


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningCase:
    """A case that has begun; ``step`` is what it said last, ``stepped`` when."""

    id: str
    node: str
    since: float
    step: str = ""
    stepped: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMachine:
    """A machine that is there, and the node of the case that it is of. ``console`` is a path, which nobody checked."""

    name: str
    node: str
    since: float
    pid: int
    kernel: str
    memory: int
    cpus: int
    console: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFinding:
    """What the kernel said, when, and in which case."""

    at: float
    case: str
    finding: Finding


class LiveRun:
    """What the entries taken so far come to."""

    def __init__(self) -> None:
        self.run: RunInfo | None = None
        self.folder = ""
        self.planned: tuple[PlannedCase, ...] = ()
        self.counts: Counter[Verdict] = Counter()
        self.running: dict[str, RunningCase] = {}
        self.machines: dict[str, LiveMachine] = {}
        self.findings: deque[SeenFinding] = deque(maxlen=_FINDINGS_MOST)
        self.ended: deque[CaseResult] = deque(maxlen=_ENDED_MOST)
        self.done: dict[str, float] = {}  # by node: seconds
        self.warnings: deque[str] = deque(maxlen=_WARNINGS_MOST)
        self.preparing = ""
        self.end: RunFinished | None = None
        self.seq = 0
        self.started = 0.0
        self.at = 0.0
        self.most_running = 0
        self.most_machines = 0
        self.retries = 0
        self.lost = 0

    def take(self, entry: Entry) -> None:
        """Take note of an entry; one that was taken before changes nothing."""
        if entry.seq <= self.seq:
            return
        self.seq, self.at = entry.seq, entry.at
        self.started = self.started or entry.at
        self._of_run(entry.event)
        self._of_case(entry.at, entry.event)

    @property
    def total(self) -> int:
        """How many cases the run is to decide; 0 until it is known."""
        return max(len(self.planned), sum(self.counts.values()))

    @property
    def over(self) -> bool:
        """Whether the run told its end."""
        return self.end is not None

    @property
    def left(self) -> tuple[PlannedCase, ...]:
        """The cases that are not decided, those that run included."""
        return tuple(each for each in self.planned if each.node not in self.done)

    @property
    def failure_rate(self) -> float:
        """Failed and crashed cases that no known issue excuses, of those that came to a verdict about the module."""
        red = sum(self.counts[each] for each in (Verdict.FAILED, Verdict.CRASHED)) - self._excused
        decided = red + self._excused + self.counts[Verdict.PASSED]
        return red / decided if decided else 0.0

    _excused = 0

    def machines_of(self, node: str) -> tuple[LiveMachine, ...]:
        """Return the machines of a case, the one that came last at the end."""
        return tuple(each for each in self.machines.values() if each.node == node)

    def case_of(self, machine: LiveMachine) -> RunningCase | None:
        """Return the case that a machine is of."""
        return self.running.get(machine.node)

    def _of_run(self, event: Event) -> None:
        match event:
            case StepStarted():
                self.preparing = event.words
            case Warned():
                self.warnings.append(event.words)
            case RunStarted():
                self.run, self.folder = event.run, event.folder
            case RunPlanned():
                self.planned, self.preparing = event.plan.cases, ""
            case RunFinished():
                self.end, self.run = event, event.result.run
                self.running, self.machines = {}, {}

    def _of_case(self, at: float, event: Event) -> None:
        match event:
            case CaseStarted():
                name = str(event.key) if event.key else event.node
                self.running[event.node] = RunningCase(id=name, node=event.node, since=at, stepped=at)
                self.most_running = max(self.most_running, len(self.running))
            case CaseStep() if event.node in self.running:
                self.running[event.node] = replace(self.running[event.node], step=event.words, stepped=at)
            case FindingSeen():
                self._found(at, self._name(event.node), event.finding)
            case MachineChanged():
                self._machine(at, event)
            case CaseFinished():
                self._finished(at, event.case)

    def _machine(self, at: float, event: MachineChanged) -> None:
        if event.state is MachineState.GONE:
            self.machines.pop(event.machine, None)
            return
        self.machines[event.machine] = LiveMachine(
            name=event.machine,
            node=event.node,
            since=at,
            pid=event.pid,
            kernel=event.kernel,
            memory=event.memory,
            cpus=event.cpus,
            console=event.console,
        )
        self.most_machines = max(self.most_machines, len(self.machines))

    def _finished(self, at: float, case: CaseResult) -> None:
        self.running.pop(case.node, None)
        self.machines = {name: each for name, each in self.machines.items() if each.node != case.node}
        self.counts[case.verdict] += 1
        self._excused += case.excused and case.verdict in (Verdict.FAILED, Verdict.CRASHED)
        self.ended.append(case)
        self.done[case.node] = case.duration_s
        self.retries += len(case.attempts)
        for finding in case.findings:
            self.lost += finding.type == LOST
            self._found(at, case.id, finding)

    def _found(self, at: float, case: str, finding: Finding) -> None:
        if all((each.case, each.finding.title) != (case, finding.title) for each in self.findings):
            self.findings.append(SeenFinding(at=at, case=case, finding=finding))

    def _name(self, node: str) -> str:
        return self.running[node].id if node in self.running else node


def counts_of(run: LiveRun) -> Mapping[str, int]:
    """Return how many cases have each verdict, of those that any has."""
    return {each.value: run.counts[each] for each in Verdict if run.counts[each]}

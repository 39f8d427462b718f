"""A finished case, a finished run, and their sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from vexlab.model.key import CaseKey
from vexlab.model.metric import Metric
from vexlab.model.provenance import Provenance
from vexlab.model.stability import stability
from vexlab.model.subresult import SubResult
from vexlab.model.verdict import Finding, Verdict


class Safety(StrEnum):
    """What a case may do to the machine it runs in."""

    SAFE = "safe"
    RISKY = "risky"
    DANGEROUS = "dangerous"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCase:
    """A case that was selected for a run.

    ``digest`` is that of the case's code (empty: unknown): what a case said before it was changed is not compared with
    what it says now. ``node`` is pytest's name of it.
    """

    key: CaseKey
    node: str
    level: int
    digest: str = ""
    scenario: int = 0
    safety: Safety = Safety.SAFE

    @property
    def id(self) -> str:
        """The key as people write it."""
        return str(self.key)

    @property
    def domain(self) -> str:
        """The domain of the key."""
        return self.key.domain

    @property
    def kernel(self) -> str:
        """The kernel's name, of the key."""
        return self.key.kernel

    def undecided(self, reason: str) -> CaseResult:
        """Return the result of a case that did not come to its end, and why."""
        return CaseResult(
            key=self.key,
            node=self.node,
            level=self.level,
            digest=self.digest,
            scenario=self.scenario,
            safety=self.safety,
            verdict=Verdict.UNDECIDED,
            reason=reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownProblem:
    """A problem, by its key, that a known-issues file covers; ``words`` are the reason, the owner and the last day."""

    key: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult(PlannedCase):
    """One case's verdict with everything needed to believe it.

    ``started`` is seconds since the epoch, ``duration_s`` wall time; ``overhead_s`` is the part of it spent in vexlab
    itself. ``machines`` is how many it used, ``None`` where that was not noted. ``evidence`` is the path of the case's
    folder; ``subresults`` are its checks where it is made of several; ``attempts`` holds the words of earlier attempts
    that only the lab made fail. ``known`` are those of its problems that a known-issues file covers; ``excused`` tells
    that these are all, so that the case does not turn the run's verdict red.
    """

    verdict: Verdict
    reason: str = ""
    started: float = 0.0
    duration_s: float = 0.0
    overhead_s: float = 0.0
    machines: int | None = None
    findings: tuple[Finding, ...] = ()
    metrics: tuple[Metric, ...] = ()
    subresults: tuple[SubResult, ...] = ()
    evidence: str = ""
    attempts: tuple[str, ...] = ()
    known: tuple[KnownProblem, ...] = ()
    excused: bool = False

    def metric(self, name: str) -> float | None:
        """Return the value of a metric, ``None`` where the case did not record it."""
        return next((each.value for each in self.metrics if each.name == name), None)


def with_undecided(
    plan: Plan, results: tuple[CaseResult, ...], reasons: Mapping[str, str], otherwise: str
) -> tuple[CaseResult, ...]:
    """Return ``results`` and, for each planned case that has none, one that says why: of ``reasons`` by node."""
    decided = {case.key for case in results}
    missing = (case for case in plan.cases if case.key not in decided)
    return (*results, *(case.undecided(reasons.get(case.node, otherwise)) for case in missing))


NOT_BEGUN = "it was not begun"  # how the reason of a case begins that a run did not come to
TAKEN_OVER = "taken-over.json"  # in a run's folder: digests, by id, of cases that an earlier run has decided
PLAN = "plan.json"  # in a run's folder: its ``Plan``, as JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The cases that were selected for a run, in the order in which they are to run.

    ``faults`` are reasons for which nothing can be run, ``left_out`` the ids of those for which there is no time,
    ``taken_over`` those of which an earlier run has decided. ``unanswered`` tells, in words, which of several patterns
    for cases take none, whereupon nothing is run: who named a case would take it for one that ran.
    """

    cases: tuple[PlannedCase, ...] = ()
    left_out: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    taken_over: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()

    @property
    def duplicates(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Ids that several cases bear, each with pytest's names of those."""
        found: dict[str, list[str]] = {}
        for case in self.cases:
            found.setdefault(case.id, []).append(case.node)
        return tuple((case, tuple(nodes)) for case, nodes in found.items() if len(nodes) > 1)

    @property
    def refusal(self) -> str:
        """What is wrong with a plan that cannot be run, or an empty string."""
        words = [*self.faults]
        words += [f"{case} is the id of {len(nodes)} cases: {', '.join(nodes)}" for case, nodes in self.duplicates]
        return "; ".join(words)


class RunState(StrEnum):
    """How a run ended, if it did. Of a run that was killed outright nobody could note it: it stays ``RUNNING``."""

    RUNNING = "running"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"  # by a signal
    INCOMPLETE = "incomplete"  # cases that were selected did not come to their end


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """What a run was about; ``started`` and ``finished`` are ISO 8601 in UTC, ``finished`` empty while it runs.

    ``environment`` is the user's word for where it ran, such as ``ci`` or ``staging``.
    """

    id: str
    target: str
    kernels: tuple[str, ...]
    accelerator: str
    started: str
    finished: str = ""
    state: RunState = RunState.RUNNING
    environment: str = ""
    provenance: Provenance = field(default_factory=Provenance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of verdicts, and the stability score (``vexlab.model.stability``), ``None`` where no case decided.

    ``known`` is how many of the failed and crashed cases show known issues only.
    """

    passed: int = 0
    failed: int = 0
    crashed: int = 0
    skipped: int = 0
    errors: int = 0
    undecided: int = 0
    blocked: int = 0
    known: int = 0
    stability: float | None = None

    @classmethod
    def of(cls, cases: Iterable[CaseResult]) -> Summary:
        """Count the verdicts of ``cases``."""
        cases = tuple(cases)
        verdicts = [case.verdict for case in cases]
        return cls(
            passed=verdicts.count(Verdict.PASSED),
            failed=verdicts.count(Verdict.FAILED),
            crashed=verdicts.count(Verdict.CRASHED),
            skipped=verdicts.count(Verdict.SKIPPED),
            errors=verdicts.count(Verdict.ERROR),
            undecided=verdicts.count(Verdict.UNDECIDED),
            blocked=verdicts.count(Verdict.BLOCKED),
            known=sum(case.excused and case.verdict in (Verdict.FAILED, Verdict.CRASHED) for case in cases),
            stability=stability((case.verdict, case.findings) for case in cases),
        )

    @property
    def exit_code(self) -> int:
        """The run's exit status: failures and findings that are not known 1, errors and undecided cases 3, else 0.

        It is 4 where nothing ran, or where cases were blocked by a problem that this run does not show.
        """
        if self.failed + self.crashed > self.known:
            return 1
        if self.errors or self.undecided:
            return 3
        return 0 if (self.passed or self.known) and not self.blocked else 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """A run with its cases.

    ``stale`` are entries of the known-issues file that no longer hold, where the run was told to be strict about it.
    """

    run: RunInfo
    summary: Summary
    cases: tuple[CaseResult, ...]
    stale: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """The summary's, and 1 where the known-issues file alone is at fault."""
        code = self.summary.exit_code
        return 1 if self.stale and code != 3 else code

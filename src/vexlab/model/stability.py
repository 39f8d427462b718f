"""The stability score: one number for how well a module stood a run, to compare two builds over the same cases. Pure.

``score = 100 * decided / (decided + harm)``, rounded to a tenth. ``decided`` counts the cases that say something of the
module: passed, failed or crashed; skipped ones and errors of the lab do not count. ``harm`` adds up what went wrong:

- each *distinct* finding of the kernel once, however many cases met it: 40 where the machine was finished (panic), 20
  for a crash or hang, 5 for a warning;
- 2 for each case that failed without a finding.

So it is 100 only where nothing at all was found; every further fault lowers it, every further sound case raises it; one
crash costs more than several failures; and one crash that fifty cases run into is one fault, not fifty.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from vexlab.model.report import Severity
from vexlab.model.verdict import Finding, Verdict

HARM: Mapping[Severity, int] = {Severity.FATAL: 40, Severity.CRASH: 20, Severity.WARNING: 5}
HARM_OF_FAILURE = 2
_DECIDED = (Verdict.PASSED, Verdict.FAILED, Verdict.CRASHED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A distinct finding with the ``harm`` that it counts for, and how many cases met it."""

    title: str
    severity: Severity
    harm: int
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The score and what it is made of; ``value`` is ``None`` where no case decided.

    ``faults`` are the most harmful first; ``failures`` counts the cases that failed without a finding.
    """

    value: float | None
    decided: int
    passed: int
    failures: int
    faults: tuple[Fault, ...] = ()

    @property
    def harm(self) -> int:
        """What went wrong, added up."""
        return sum(fault.harm for fault in self.faults) + HARM_OF_FAILURE * self.failures


def score(cases: Iterable[tuple[Verdict, tuple[Finding, ...]]]) -> Score:
    """Return the score of a run's verdicts with their findings, from 0 to 100."""
    decided = [(verdict, findings) for verdict, findings in cases if verdict in _DECIDED]
    worst: dict[str, Severity] = {}
    met: Counter[str] = Counter()
    for _, findings in decided:
        met.update({finding.title for finding in findings})
        for finding in findings:
            before = worst.get(finding.title, finding.severity)
            worst[finding.title] = max(before, finding.severity, key=HARM.__getitem__)
    faults = [
        Fault(title=title, severity=severity, harm=HARM[severity], cases=met[title])
        for title, severity in worst.items()
    ]
    found = Score(
        value=None,
        decided=len(decided),
        passed=sum(verdict is Verdict.PASSED for verdict, _ in decided),
        failures=sum(verdict is not Verdict.PASSED and not findings for verdict, findings in decided),
        faults=tuple(sorted(faults, key=lambda fault: -fault.harm)),
    )
    return replace(found, value=round(100 * len(decided) / (len(decided) + found.harm), 1)) if decided else found


def stability(cases: Iterable[tuple[Verdict, tuple[Finding, ...]]]) -> float | None:
    """Return the value of the score alone; ``None`` where no case decided."""
    return score(cases).value

"""From an outcome and findings to the verdict: the worse of the two, crash first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from vexlab.model.report import Severity


class Outcome(StrEnum):
    """What the case itself said."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    ERROR = "error"


class Verdict(StrEnum):
    """What is reported of a case."""

    PASSED = "passed"
    FAILED = "failed"
    CRASHED = "crashed"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the kernel said during a case; ``text`` is the bounded excerpt that shows it."""

    title: str
    type: str
    severity: Severity
    frame: str = ""
    text: str = ""


def judge(outcome: Outcome, findings: Iterable[Finding]) -> Verdict:
    """Return the worse of ``outcome`` and ``findings``.

    A crash outweighs everything, even an error of the lab's, since the error is then most likely its echo. A warning
    makes a passed or skipped case failed; an error stays an error, for nothing about the module was shown.
    """
    worst = {finding.severity for finding in findings}
    if worst & {Severity.FATAL, Severity.CRASH}:
        return Verdict.CRASHED
    if worst and outcome is not Outcome.ERROR:
        return Verdict.FAILED
    return Verdict(outcome.value)

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
    BLOCKED = "blocked"
    ERROR = "error"


class Verdict(StrEnum):
    """What is reported of a case; ``UNDECIDED`` of one that was selected and did not come to its end.

    ``BLOCKED`` is one that could not look at what it is about, because of a problem that another case reports.
    """

    PASSED = "passed"
    FAILED = "failed"
    CRASHED = "crashed"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    ERROR = "error"
    UNDECIDED = "undecided"


# How the reason of a case begins whose images are crafted, and which went wrong where images are trusted: it is listed
# with what was found, and skipped.
NOT_COUNTED = "images are trusted: not counted"


class Source(StrEnum):
    """Who said it."""

    CONSOLE = "console"
    KERNEL_LOG = "kernel log"  # read from the running kernel where its console was silent
    TAINT = "taint"
    POST_MORTEM = "post-mortem"
    AGENT = "agent"  # its silence, or what it said


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the kernel said during a case; ``text`` is the bounded excerpt that shows it.

    ``fingerprint`` is equal for the same bug across runs, kernels and addresses; empty where nothing tells what
    happened: a machine that fell silent or went away, a taint flag without a report. ``place`` is file and line in
    ``frame``, ``dir.c:120``, where the module's debug information tells them.
    """

    title: str
    type: str
    severity: Severity
    frame: str = ""
    text: str = ""
    fingerprint: str = ""
    source: Source = Source.CONSOLE
    place: str = ""


def judge(outcome: Outcome, findings: Iterable[Finding]) -> Verdict:
    """Return the worse of ``outcome`` and ``findings``.

    A finding outweighs everything that the case says, an error of the lab's too: the kernel did what it did, whatever
    else went wrong.
    """
    worst = {finding.severity for finding in findings}
    if worst & {Severity.FATAL, Severity.CRASH}:
        return Verdict.CRASHED
    if worst:
        return Verdict.FAILED
    return Verdict(outcome.value)

"""The verdict is the worse of outcome and findings, crash first."""

from __future__ import annotations

import pytest

from vexlab.model.case import CaseResult, Summary
from vexlab.model.key import CaseKey
from vexlab.model.report import Severity
from vexlab.model.verdict import Finding, Outcome, Verdict, judge

WARNING = Finding(title="WARNING in f", type="WARNING", severity=Severity.WARNING)
CRASH = Finding(title="KASAN", type="KASAN-READ", severity=Severity.CRASH)
PANIC = Finding(title="kernel panic", type="DoS", severity=Severity.FATAL)


@pytest.mark.parametrize(
    ("outcome", "findings", "verdict"),
    [
        (Outcome.PASSED, (), Verdict.PASSED),
        (Outcome.FAILED, (), Verdict.FAILED),
        (Outcome.SKIPPED, (), Verdict.SKIPPED),
        (Outcome.ERROR, (), Verdict.ERROR),
        (Outcome.PASSED, (WARNING,), Verdict.FAILED),
        (Outcome.SKIPPED, (WARNING,), Verdict.FAILED),
        (Outcome.ERROR, (WARNING,), Verdict.FAILED),
        (Outcome.PASSED, (CRASH,), Verdict.CRASHED),
        (Outcome.ERROR, (PANIC,), Verdict.CRASHED),
        (Outcome.FAILED, (WARNING, CRASH), Verdict.CRASHED),
    ],
)
def test_judge(outcome: Outcome, findings: tuple[Finding, ...], verdict: Verdict) -> None:
    assert judge(outcome, findings) is verdict


def _case(verdict: Verdict) -> CaseResult:
    return CaseResult(key=CaseKey(domain="d", name=verdict, kernel="6.1"), node="n", level=1, verdict=verdict)


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([], 4),
        ([Verdict.SKIPPED], 4),
        ([Verdict.PASSED, Verdict.SKIPPED], 0),
        ([Verdict.PASSED, Verdict.ERROR], 3),
        ([Verdict.ERROR, Verdict.FAILED], 1),
        ([Verdict.CRASHED], 1),
        ([Verdict.PASSED, Verdict.UNDECIDED], 3),
        ([Verdict.UNDECIDED, Verdict.FAILED], 1),
        ([Verdict.UNDECIDED], 3),
    ],
)
def test_exit_code(verdicts: list[Verdict], code: int) -> None:
    assert Summary.of(_case(verdict) for verdict in verdicts).exit_code == code

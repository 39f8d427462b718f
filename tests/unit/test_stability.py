"""The stability score falls with every fault, rises with every sound case, and counts one fault once."""

from __future__ import annotations

from vexlab.model.report import Severity
from vexlab.model.stability import stability
from vexlab.model.verdict import Finding, Verdict

CRASH = Finding(title="hang in f", type="HANG", severity=Severity.CRASH)
PANIC = Finding(title="kernel panic", type="DoS", severity=Severity.FATAL)
WARNING = Finding(title="WARNING in f", type="WARNING", severity=Severity.WARNING)
SOUND = (Verdict.PASSED, ())
FAILED = (Verdict.FAILED, ())


def test_nothing_found_is_a_hundred() -> None:
    assert stability([SOUND] * 3) == 100.0


def test_nothing_decided_is_no_score() -> None:
    assert stability([(Verdict.SKIPPED, ()), (Verdict.ERROR, (WARNING,))]) is None
    assert stability([]) is None


def test_the_formula() -> None:
    cases = [*[SOUND] * 17, FAILED, (Verdict.FAILED, (WARNING,)), (Verdict.CRASHED, (CRASH,))]
    assert stability(cases) == round(100 * 20 / (20 + 2 + 5 + 20), 1)


def test_one_crash_in_many_cases_is_one_fault() -> None:
    once = [*[SOUND] * 9, (Verdict.CRASHED, (CRASH,))]
    often = [*[SOUND] * 5, *[(Verdict.CRASHED, (CRASH,))] * 5]
    assert stability(once) == stability(often)


def test_more_faults_less_and_more_cases_more() -> None:
    base = [*[SOUND] * 10, FAILED]
    score = stability(base)
    assert score is not None
    for worse in (FAILED, (Verdict.FAILED, (WARNING,)), (Verdict.CRASHED, (CRASH,)), (Verdict.CRASHED, (PANIC,))):
        lower = stability([*base, worse])
        assert lower is not None
        assert lower < score
    higher = stability([*base, SOUND])
    assert higher is not None
    assert higher > score

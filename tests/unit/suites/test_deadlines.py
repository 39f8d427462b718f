"""The deadline of a suite's test, by what it took before."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vexlab.model.case import CaseResult
from vexlab.model.key import CaseKey
from vexlab.model.verdict import Verdict
from vexlab.suites.cases.deadlines import deadline_s, passed_in


@pytest.mark.parametrize(
    ("took", "scale", "expected"),
    [((), 1.0, 900.0), ((20.0, 7.0), 1.0, 300.0), ((400.0, 20.0), 1.0, 2000.0), ((400.0,), 4.0, 500.0)],
)
def test_a_deadline_follows_the_longest_time(took: tuple[float, ...], scale: float, expected: float) -> None:
    assert deadline_s(900.0, took, scale) == expected


def test_earlier_runs_are_read_where_the_test_passed(tmp_path: Path) -> None:
    name = "suites.xfstests[6.1-generic_001]-12"  # brackets mean something to a pattern
    key = CaseKey(domain="suites", name="xfstests", parameters="generic/001", kernel="6.1", target="vexfs")
    ends = [(Verdict.PASSED, 20.0), (Verdict.FAILED, 900.0), (Verdict.PASSED, 31.5)]
    for number, (verdict, took) in enumerate(ends):
        folder = tmp_path / f"2026010{number}" / "cases" / name
        folder.mkdir(parents=True)
        case = CaseResult(key=key, node="x", level=2, verdict=verdict, duration_s=took)
        (folder / "case.json").write_bytes(msgspec.json.encode(case))
    (tmp_path / "20260109" / "cases" / name).mkdir(parents=True)
    (tmp_path / "20260109" / "cases" / name / "case.json").write_text("{")
    now = tmp_path / "20260110" / "cases" / name
    assert passed_in(now) == (31.5, 20.0)
    assert passed_in(now.with_name("another")) == ()

"""How suites of others went, by target and kernel."""

from __future__ import annotations

import dataclasses
import json
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner
from tests.unit.test_history import OOPS, result, run_info

from vexlab.cli.main import cli
from vexlab.model.case import CaseResult, RunResult, Summary
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.verdict import Verdict
from vexlab.report.suites import SuiteRow, markdown, render, suite_rows
from vexlab.results.store import Store


def _case(suite: str, test: str = "", verdict: Verdict = Verdict.PASSED, **fields: object) -> CaseResult:
    case = dataclasses.replace(result(suite), verdict=verdict, duration_s=10.0, **fields)  # type: ignore[arg-type]
    return dataclasses.replace(case, key=dataclasses.replace(case.key, domain="suites", parameters=test))


def _run(number: int, *cases: CaseResult, target: str = "vexfs") -> RunResult:
    return RunResult(run=run_info(number, target), summary=Summary.of(cases), cases=cases)


CHECKS = tuple(
    SubResult(name=verdict.value, verdict=verdict) for verdict in SubVerdict for _ in range(1 + (verdict == "passed"))
)
WHOLE = _run(
    1,
    _case("xfstests", "generic/001"),
    _case("xfstests", "generic/002", Verdict.FAILED),
    _case("xfstests", "generic/003", Verdict.SKIPPED),
    _case("xfstests", "generic/004", Verdict.ERROR),
    _case("xfstests", "generic/005", Verdict.CRASHED, findings=(OOPS,)),
    _case("fsx", subresults=CHECKS, verdict=Verdict.FAILED),
    result("no_suite"),
)
ROW = SuiteRow(
    suite="xfstests", target="vexfs", kernel="6.1", run=WHOLE.run.id, passed=1, failed=2, not_run=1, undecided=1,
    seconds=50.0,
)  # fmt: skip


def test_tests_are_counted_by_suite_target_and_kernel() -> None:
    fsx, xfstests = suite_rows([WHOLE])
    assert xfstests == ROW
    assert (fsx.passed, fsx.failed, fsx.refused, fsx.not_run, fsx.undecided) == (2, 1, 1, 1, 1)


def test_one_test_run_again_does_not_stand_for_the_group() -> None:
    again = _run(2, _case("xfstests", "generic/002"))
    assert suite_rows([again, WHOLE])[1] == ROW
    whole = _run(3, *(case for case in WHOLE.cases if case.key.name == "xfstests"))
    assert suite_rows([whole, again, WHOLE])[1].run == whole.run.id
    other = _run(4, _case("xfstests", "generic/002"), target="ext4")
    assert [row.target for row in suite_rows([other, WHOLE]) if row.suite == "xfstests"] == ["ext4", "vexfs"]


def test_a_machine_that_died_in_a_whole_suite_is_a_failure() -> None:
    passed = (SubResult(name="a", verdict=SubVerdict.PASSED),)
    (row,) = suite_rows([_run(1, _case("dbench", verdict=Verdict.CRASHED, subresults=passed, findings=(OOPS,)))])
    assert (row.passed, row.failed) == (1, 1)


def test_table() -> None:
    assert render([]) == "no run in the results has run a suite"
    assert render([ROW]).splitlines()[1].split() == f"xfstests vexfs 6.1 1 2 0 1 1 50 s {ROW.run}".split()
    lines = markdown([dataclasses.replace(ROW, target="a|b")]).splitlines()
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert "`a\\|b`" in lines[2]


def test_command(tmp_path: Path) -> None:
    with closing(Store(tmp_path)) as store:
        store.begin(WHOLE.run, str(tmp_path / WHOLE.run.id))
        for case in WHOLE.cases:
            store.save(WHOLE.run.id, case)
        store.finish(WHOLE.run)

    def printed(*words: str) -> str:
        argv = ["suites", "table", "--results", str(tmp_path), *words]
        return CliRunner().invoke(cli, argv, catch_exceptions=False).stdout

    assert [row["suite"] for row in json.loads(printed("--json"))] == ["fsx", "xfstests"]
    assert printed("--markdown").startswith("| suite |")
    assert "no run" in printed("--target", "ext4")

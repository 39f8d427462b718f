"""Two runs side by side: what no longer runs is a regression; what is not the same case is not compared."""

from __future__ import annotations

import dataclasses
import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.test_history import OOPS, WARN, result, run_info

from vexlab.cli.compare import command
from vexlab.errors import UsageError
from vexlab.model.case import CaseResult, KnownProblem, RunResult, RunState, Summary
from vexlab.model.compare import Change, Compared, Comparison, compare, with_noise
from vexlab.model.history import Standing
from vexlab.model.metric import measured
from vexlab.model.subresult import SubResult, SubVerdict
from vexlab.model.verdict import Verdict
from vexlab.report.compare import render_comparison
from vexlab.results.store import Store

GOOD, BAD = result("a"), result("a", OOPS)


def _run(number: int, *cases: CaseResult) -> RunResult:
    return RunResult(run=run_info(number), summary=Summary.of(cases), cases=cases)


def _compared(before: tuple[CaseResult, ...], after: tuple[CaseResult, ...]) -> Comparison:
    return compare(_run(1, *before), _run(2, *after))


@pytest.mark.parametrize(
    ("before", "after", "change", "regressions"),
    [
        (GOOD, GOOD, None, 0),
        (GOOD, BAD, Change.NEWLY_FAILING, 2),  # the case, and the problem that it shows
        (BAD, BAD, Change.STILL_FAILING, 0),
        (result("a", WARN), BAD, Change.STILL_FAILING, 1),  # in another way
        (BAD, GOOD, Change.NEWLY_PASSING, 0),
        (GOOD, None, Change.DISAPPEARED, 1),
        (BAD, None, Change.DISAPPEARED, 1),
        (GOOD, result("a", verdict=Verdict.SKIPPED), Change.DISAPPEARED, 1),
        (GOOD, result("a", verdict=Verdict.BLOCKED), Change.DISAPPEARED, 1),
        (GOOD, result("a", verdict=Verdict.UNDECIDED), Change.DISAPPEARED, 1),
        (GOOD, result("a", verdict=Verdict.ERROR), Change.DISAPPEARED, 1),
        (result("a", verdict=Verdict.SKIPPED), None, None, 0),
        (None, GOOD, Change.APPEARED, 0),
        (None, BAD, Change.APPEARED, 0),
        (result("a", verdict=Verdict.SKIPPED), BAD, Change.APPEARED, 0),
    ],
)
def test_what_becomes_of_a_case(
    before: CaseResult | None, after: CaseResult | None, change: Change | None, regressions: int
) -> None:
    found = _compared(tuple(filter(None, [before])), tuple(filter(None, [after])))
    assert [each.change for each in found.cases] == ([change] if change else [])
    assert found.regressions == regressions


@pytest.mark.parametrize("digests", [("0" * 16, "1" * 16), ("", ""), ("", "0" * 16)])
def test_other_code_is_not_compared_and_counted(digests: tuple[str, str]) -> None:
    first, second = (result("a", digest=digests[0]), result("a", OOPS, digest=digests[1]))
    found = _compared((first,), (second,))
    assert (found.compared, found.changed_code, found.cases, found.regressions) == (0, ("d.a[6.1]",), (), 0)
    assert "not compared: 1 cases" in render_comparison(found)
    assert "only cases that were not compared show it" in render_comparison(found)
    assert "NOTHING COMPARED" in render_comparison(found)


def test_large_runs_are_compared_by_keys_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """To compare each result with each other one took six minutes for two runs of 10,000 cases."""
    before = tuple(result(f"c{at}", OOPS, digest=f"{at % 2:016}") for at in range(50))
    after = tuple(result(f"c{at}", digest="0" * 16) for at in range(100))

    def refuse(one: object, _other: object) -> bool:
        raise AssertionError(f"{one} was compared with another result")

    with monkeypatch.context() as patch:
        patch.setattr(CaseResult, "__eq__", refuse)
        patch.setattr(Compared, "__eq__", refuse)
        found = _compared(before, after)
        words = render_comparison(found)
    assert (found.compared, len(found.changed_code)) == (25, 25)
    assert "appeared cases: 50, 50 of them passed" in words


def test_another_configuration_is_another_case() -> None:
    other = dataclasses.replace(GOOD, key=dataclasses.replace(GOOD.key, configuration="debug"))
    found = _compared((GOOD,), (other,))
    assert [each.change for each in found.cases] == [Change.DISAPPEARED, Change.APPEARED]


def test_a_case_that_was_renamed_has_not_disappeared() -> None:
    key = dataclasses.replace(GOOD.key, domain="filesystem_operations", name="tree_kept")
    old = dataclasses.replace(GOOD, key=key)
    new = dataclasses.replace(GOOD, key=dataclasses.replace(key, name="tree_persists"), digest="1" * 16)
    found = _compared((old,), (new,))
    assert (found.cases, found.changed_code) == ((), ("filesystem_operations.tree_kept[6.1]",))
    gone = _compared((old,), (dataclasses.replace(new, verdict=Verdict.SKIPPED),))
    assert [each.change for each in gone.cases] == [Change.DISAPPEARED]


def _family(**checks: SubVerdict) -> CaseResult:
    failed = SubVerdict.FAILED in checks.values()
    return result(
        "family",
        verdict=Verdict.FAILED if failed else Verdict.PASSED,
        subresults=tuple(SubResult(name=name, verdict=verdict, words="w") for name, verdict in checks.items()),
    )


@pytest.mark.parametrize(
    ("before", "after", "change", "worse"),
    [
        (SubVerdict.PASSED, SubVerdict.PASSED, None, False),
        (SubVerdict.PASSED, SubVerdict.FAILED, Change.NEWLY_FAILING, True),
        (SubVerdict.PASSED, SubVerdict.REFUSED, Change.NEWLY_FAILING, True),
        (SubVerdict.PASSED, SubVerdict.SKIPPED, Change.DISAPPEARED, True),
        (SubVerdict.PASSED, SubVerdict.BLOCKED, Change.DISAPPEARED, True),
        (SubVerdict.PASSED, None, Change.DISAPPEARED, True),
        (SubVerdict.FAILED, None, Change.DISAPPEARED, True),
        (SubVerdict.FAILED, SubVerdict.FAILED, Change.STILL_FAILING, False),
        (SubVerdict.FAILED, SubVerdict.PASSED, Change.NEWLY_PASSING, False),
        (SubVerdict.REFUSED, SubVerdict.PASSED, Change.APPEARED, False),
        (SubVerdict.REFUSED, SubVerdict.FAILED, Change.NEWLY_FAILING, True),
        (SubVerdict.SKIPPED, SubVerdict.BLOCKED, None, False),
        (None, SubVerdict.PASSED, Change.APPEARED, False),
    ],
)
def test_what_becomes_of_a_check(
    before: SubVerdict | None, after: SubVerdict | None, change: Change | None, *, worse: bool
) -> None:
    first, second = (_family(**({"x": verdict} if verdict else {})) for verdict in (before, after))
    found = _compared((first,), (second,))
    assert [each.change for each in found.checks] == ([change] if change else [])
    assert [each.is_regression for each in found.checks] == ([worse] if change else [])
    assert bool(found.regressions) is worse


def test_what_is_known_is_told_and_is_no_regression() -> None:
    known = (KnownProblem(key=f"finding:{OOPS.fingerprint}", words="fixed in 2.1"),)
    found = _compared((GOOD,), (dataclasses.replace(BAD, known=known, excused=True),))
    assert found.regressions == 0
    assert "known issue: fixed in 2.1" in render_comparison(found)


def test_problems_are_new_still_there_fixed_or_open() -> None:
    before = (result("a", OOPS), result("b", WARN), result("c", verdict=Verdict.FAILED, reason="lost"))
    after = (result("a", OOPS), result("b"), result("c", verdict=Verdict.SKIPPED), result("e"))
    found = {each.problem.title: each.standing for each in _compared(before, after).problems}
    assert found == {"BUG: NULL in f": Standing.KNOWN, "WARNING in g": Standing.FIXED, "lost": Standing.OPEN}
    backwards = compare(_run(2, *after), _run(1, *before))
    assert {each.problem.title: each.standing for each in backwards.problems} == {
        "BUG: NULL in f": Standing.KNOWN,
        "WARNING in g": Standing.NEW,
        "lost": Standing.NEW,
    }


def test_numbers_that_differ_are_told_with_their_direction() -> None:
    def measures(**values: float) -> CaseResult:
        return dataclasses.replace(GOOD, metrics=tuple(measured(name, value) for name, value in values.items()))

    found = _compared(
        (measures(load_s=1.0, rate_per_s=100.0, cycles_count=5, near_s=1.0, leak_bytes=0, only_s=1),),
        (measures(load_s=2.0, rate_per_s=150.0, cycles_count=9, near_s=1.09, leak_bytes=64),),
    )
    assert [(each.name, each.relative, each.better) for each in found.numbers] == [
        ("leak_bytes", float("inf"), False),
        ("load_s", 1.0, False),
        ("rate_per_s", 0.5, True),
    ]
    assert found.regressions == 0, "one value against one is no proof"
    assert "load_s: 1 → 2 s (+100 %; noise unknown: 0 earlier runs)" in render_comparison(found)


def test_what_else_differs_is_named() -> None:
    found = _compared((GOOD,), (GOOD,))
    assert [(each.name, each.before, each.after) for each in found.differences] == [("revision", "v1", "v2")]
    assert "  revision: v1 → v2" in render_comparison(found).splitlines()


def _stored(folder: Path, *runs: tuple[CaseResult, ...], targets: tuple[str, ...] = ()) -> None:
    with closing(Store(folder)) as store:
        for number, cases in enumerate(runs, 1):
            info = run_info(number, targets[number - 1] if targets else "vexfs")
            store.begin(info, str(folder / info.id))
            for case in cases:
                store.save(info.id, case)
            store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))


def _ask(folder: Path, *argv: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, ["20261101", "20261102", "--results", str(folder), *argv], standalone_mode=False)
    return done.return_value, done.output


def test_the_exit_status_tells_regressions_and_that_nothing_was_compared(tmp_path: Path) -> None:
    _stored(tmp_path, (GOOD, result("b")), (BAD, result("b")))
    status, said = _ask(tmp_path)
    assert (status, said.splitlines()[-1]) == (1, "2 regressions")
    status, said = _ask(tmp_path, "--case", "d.b", "--domain", "d", "--kernel", "6.1")
    assert (status, said.splitlines()[-1]) == (0, "no regression")
    assert _ask(tmp_path, "--kernel", "6.12")[0] == 4
    status, said = _ask(tmp_path, "--json")
    document = json.loads(said)
    assert (status, document["regressions"], document["compared"]) == (1, 2, 2)
    assert [each["change"] for each in document["cases"]] == ["newly failing"]


def test_a_run_is_not_compared_with_itself(tmp_path: Path) -> None:
    """`vexlab compare last` would else say that there is no regression."""
    _stored(tmp_path, (GOOD,))
    done = CliRunner().invoke(command, ["last", "--results", str(tmp_path)])
    assert isinstance(done.exception, UsageError)
    assert "BEFORE and AFTER are one run" in done.exception.message


def test_runs_of_different_targets_are_refused(tmp_path: Path) -> None:
    _stored(tmp_path, (GOOD,), (GOOD,), targets=("vexfs", "ext4"))
    done = CliRunner().invoke(command, ["20261101", "--results", str(tmp_path)])
    assert "different targets, `vexfs` and `ext4`" in str(done.exception)


def test_numbers_are_told_from_their_noise() -> None:
    def case(**values: float) -> tuple[CaseResult, ...]:
        return (dataclasses.replace(GOOD, metrics=tuple(measured(name, value) for name, value in values.items())),)

    found = _compared(case(a_s=1.0, b_s=1.0, c_s=1.0), case(a_s=1.5, b_s=1.5, c_s=1.5))
    steady = [1.0 + 0.01 * (at % 5) for at in range(20)]
    wild = [1.0 + 0.4 * (at % 5) for at in range(20)]
    told = with_noise(found, {(GOOD.id, "a_s"): steady, (GOOD.id, "b_s"): wild, (GOOD.id, "c_s"): steady[:9]})
    assert [(each.name, each.beyond, each.runs) for each in told.numbers] == [
        ("a_s", True, 20), ("b_s", False, 20), ("c_s", False, 9),
    ]  # fmt: skip
    said = render_comparison(told)
    assert "numbers, worse: 3, 1 of them beyond the noise of earlier runs" in said
    assert "beyond the noise of 20 runs, p = " in said
    assert "noise unknown: 9 earlier runs" in said

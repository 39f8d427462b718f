"""What people read of a run: the verdict table, and a scenario's checklist."""

from __future__ import annotations

from rich.console import Console

from vexlab.model.case import CaseResult
from vexlab.model.key import CaseKey
from vexlab.model.metric import measured
from vexlab.model.scenario import SCENARIOS
from vexlab.model.verdict import Verdict
from vexlab.report.checklist import Step, render_checklist
from vexlab.report.matrix import verdict_table


def _case(name: str, kernel: str, verdict: Verdict, reason: str = "", **metrics: float) -> CaseResult:
    return CaseResult(
        key=CaseKey(domain="alpha", name=name, kernel=kernel),
        node=name,
        level=1,
        verdict=verdict,
        reason=reason,
        metrics=tuple(measured(name, value) for name, value in metrics.items()),
    )


def _table(*cases: CaseResult) -> list[list[str]]:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(verdict_table(cases))
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in capture.get().splitlines()]


def test_kernels_that_agree_have_one_row() -> None:
    rows = _table(*(_case("one", kernel, Verdict.PASSED) for kernel in ("6.1", "6.12")))
    assert rows == [["domain", "6.1", "6.12"], ["alpha", "1 passed", "1 passed"]]


def test_a_case_on_which_kernels_differ_is_named() -> None:
    rows = _table(
        _case("one", "6.1", Verdict.PASSED),
        _case("one", "6.12", Verdict.CRASHED),
        _case("two", "6.1", Verdict.PASSED),
    )
    assert rows[1] == ["alpha", "2 passed", "1 crashed"]
    assert rows[2:] == [["alpha.one", "passed", "crashed"]]


def test_every_scenario_has_a_number_of_its_own() -> None:
    assert [scenario.number for scenario in SCENARIOS] == [1, 2, 3, 4, 5, 6]
    assert {scenario.phase for scenario in SCENARIOS} == {"basic", "advanced", "specific"}


def test_a_checklist_tells_each_step() -> None:
    steps = [Step(id=f"alpha.{name}[6.1]", criterion=f"{name} holds") for name in ("one", "two", "three", "four")]
    text = render_checklist(
        SCENARIOS[0],
        steps,
        (
            _case("one", "6.1", Verdict.PASSED, load_s=0.25),
            _case("two", "6.1", Verdict.CRASHED, "kernel \x1b[31mpanic\nmore"),
            _case("three", "6.1", Verdict.SKIPPED, "no mkfs"),
        ),
    )
    assert "[x] one holds\n      alpha.one[6.1] · load 0.25 s" in text
    assert "[!] two holds\n      alpha.two[6.1]\n      kernel \\x1b[31mpanic\n" in text
    assert "[-] three holds" in text
    assert "[ ] four holds" in text
    assert "1 of 4 steps hold" in text

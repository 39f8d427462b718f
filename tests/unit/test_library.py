"""What `from vexlab import …` offers: as the documents of the old infrastructure show it, and what it refuses."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from tests.unit.plugin.conftest import Run, run  # noqa: F401 - a fixture
from tests.unit.reports.made import case

import vexlab
from vexlab import ResultCollector, StressTestFramework, TestResult, TestStatus, VMConfig, VMManager
from vexlab.components import VERBS
from vexlab.components.results import named
from vexlab.errors import UsageError
from vexlab.library.machines import _config
from vexlab.model.verdict import Verdict

# The custom domain of the documents; but for the line that imports, it is theirs.
CUSTOM = """
from vexlab import DomainBase, TestResult, TestStatus

class CustomDomain(DomainBase):
    def get_domain_description(self) -> str:
        return "Custom domain for specialized testing"

    async def setup_domain(self) -> bool:
        # Domain-specific setup
        return True

    async def teardown_domain(self) -> bool:
        # Domain-specific cleanup
        return True

    async def validate_domain_constraints(self) -> bool:
        # Domain-specific validation
        return True

    async def test_custom_functionality(self) -> TestResult:
        # Implement custom test logic
        return TestResult(
            status=TestStatus.PASSED,
            message="Custom test completed successfully"
        )
"""


def test_the_custom_domain_of_the_documents_runs(run: Run) -> None:  # noqa: F811
    ran = run(CUSTOM)
    assert ran.case("custom_functionality")["verdict"] == "passed"
    assert len(ran.machines) == 1, "it had a machine, and its kernel had nothing to say"


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("status=TestStatus.PASSED", "status=TestStatus.FAILED", "failed"),
        ("status=TestStatus.PASSED", "status=TestStatus.SKIPPED", "skipped"),
        ("status=TestStatus.PASSED", "status=TestStatus.ERROR", "error"),
        ("# Domain-specific setup\n        return True", "return False", "failed"),
        ("# Domain-specific cleanup\n        return True", "return False", "failed"),
        ("# Domain-specific validation\n        return True", "return False", "skipped"),
    ],
)
def test_what_it_returns_counts(run: Run, old: str, new: str, verdict: str) -> None:  # noqa: F811
    assert old in CUSTOM
    assert run(CUSTOM.replace(old, new)).case("custom_functionality")["verdict"] == verdict


def test_a_result_says_one_thing() -> None:
    assert TestResult(passed=True).status is TestStatus.PASSED
    assert TestResult(status=TestStatus.SKIPPED).passed is False
    with pytest.raises(TypeError, match="says whether"):
        TestResult()
    with pytest.raises(TypeError, match="has not the status"):
        TestResult(passed=True, status=TestStatus.FAILED)


def test_every_name_is_there_and_in_the_stub() -> None:
    stub = Path(vexlab.__file__).with_suffix(".pyi").read_text()
    for name, module in vexlab._WHERE.items():  # type: ignore[attr-defined]
        assert getattr(vexlab, name) is getattr(importlib.import_module(module), name)
        assert f"from {module} import {name} as {name}\n" in stub
    assert stub.count(" as ") == len(vexlab._WHERE)  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        vexlab.nonesuch  # type: ignore[attr-defined] # noqa: B018


def test_a_machine_is_described_by_known_words() -> None:
    assert _config({"memory_mb": 512}) == VMConfig(memory_mb=512)
    for wrong in ({"memory": 512}, {"memory_mb": "much"}):
        with pytest.raises(UsageError):
            _config(cast("dict[str, object]", wrong))


def test_a_machine_that_there_is_not(tmp_path: Path) -> None:
    from vexlab.config import Settings

    with VMManager(Settings(cache=str(tmp_path))) as manager:
        assert not manager.destroy_vm("x")
        with pytest.raises(UsageError, match="no machine `x`"):
            manager.execute_command("x", "true")
        manager.cleanup_all_vms()


def test_results_are_put_together() -> None:
    collector = ResultCollector("vexfs")
    collector.store_domain_results("a", [case("one"), case("two", Verdict.FAILED, "broken")])
    collector.store_domain_results("b", [case("three")])
    summary = collector.generate_summary_report()
    assert (summary["total"], summary["passed"], summary["failed"], summary["exit_code"]) == (3, 2, 1, 1)
    assert cast("dict[str, Any]", summary["domains"])["b"]["passed"] == 1
    assert len(json.loads(collector.export_results("json"))["cases"]) == 3
    assert "broken" in collector.export_results("md")
    with pytest.raises(UsageError, match="is no text"):
        collector.export_results("html")
    with pytest.raises(UsageError, match="no format"):
        collector.export_results("xls")


def test_a_result_without_a_kernel_is_none() -> None:
    with pytest.raises(UsageError, match="is no result of a run"):
        ResultCollector().store_domain_results("a", cast("Any", [TestResult(passed=True)]))


class Custom(StressTestFramework):
    """As the documents have it."""

    def __init__(self) -> None:
        super().__init__()
        self.custom_config = self.load_custom_config()
        self.duration_s = 0.01
        self.step: Callable[[], None] = lambda: None

    def run_custom_scenario(self) -> None:
        self.step()


def test_a_stress_is_a_component() -> None:
    stress = Custom()
    assert stress.custom_config == {}
    assert all(callable(getattr(stress, verb)) for verb in VERBS)
    stress.setup()
    stress.execute()
    stress.cleanup()
    ((_, result),) = named(stress.get_results())
    assert result.passed
    assert result.metrics["rounds_count"] >= 1


def test_the_first_failure_ends_it_and_none_is_no_pass() -> None:
    stress = Custom()
    assert not stress.get_results().passed

    def fail() -> None:
        raise AssertionError("lost a file")

    stress.step = fail
    stress.execute()
    assert (stress.rounds, stress.get_results().message) == (1, "round 1: lost a file")
    with pytest.raises(UsageError, match="does not override"):
        StressTestFramework().run_custom_scenario()


@pytest.mark.parametrize(
    ("name", "text"), [("s.toml", "duration_s = 2\nfiles = 3\n"), ("s.json", '{"duration_s": 2, "files": 3}')]
)
def test_its_configuration_is_a_file(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    stress = Custom()
    assert stress.load_custom_config(tmp_path / name)["files"] == 3
    assert stress.duration_s == 2
    (tmp_path / name).write_text(text.replace("2", "0", 1))
    with pytest.raises(UsageError, match="no length of time"):
        stress.load_custom_config(tmp_path / name)


@pytest.mark.parametrize("results", [None, 3, [True], {"a": 1}])
def test_results_of_a_component_are_test_results(results: object) -> None:
    with pytest.raises(UsageError):
        list(named(results))


def test_results_of_a_component_have_names() -> None:
    found = dict(named({"a": TestResult(passed=True), "b": TestResult(passed=False, message="no")}))
    assert (found["a"].passed, found["b"].message) == (True, "no")
    assert [name for name, _ in named([TestResult(passed=True)])] == ["result 1"]

"""Which cases run, and in which order."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from vexlab.domains import FOLDER
from vexlab.model.case import PLAN, Plan

CASES = """
import pytest
from vexlab.plugin.recorder import recorder_of

@pytest.fixture(autouse=True)
def _looked(request):  # as if it had had a machine
    recorder_of(request.node).looked = True

def test_a(): pass
@pytest.mark.level(2)
def test_b(): pass
@pytest.mark.slow
def test_c(): pass
@pytest.mark.quick
def test_d(): pass
@pytest.mark.level(3)
def test_e(): pass
"""

MEASURING = """
import pytest
from vexlab.plugin.recorder import recorder_of

@pytest.fixture(autouse=True)
def _looked(request):  # as if it had had a machine
    recorder_of(request.node).looked = True

@pytest.mark.domain("performance_metrics")
@pytest.mark.level(2)
def test_names(): pass
"""

Select = Callable[..., Plan]


@pytest.fixture
def select(tmp_path: Path) -> Select:
    """Return a function that has pytest collect five cases and returns the plan of the run."""
    folder, results = tmp_path / "mine", tmp_path / "results"
    folder.mkdir()
    results.mkdir()
    (folder / "test_mine.py").write_text(CASES)

    def call(*options: str) -> Plan:
        command = [sys.executable, "-m", "pytest", "-p", "vexlab.plugin", "-c", str(FOLDER / "pytest.ini")]
        command += [
            "--rootdir",
            str(FOLDER),
            str(folder),
            "-p",
            "no:cacheprovider",
            "--import-mode",
            "importlib",
            "-n1",
        ]
        command += ["--vexlab-results", str(results), *options]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        return msgspec.json.decode((results / PLAN).read_bytes(), type=Plan)

    return call


def _names(plan: Plan) -> str:
    return "".join(case.id[-1] for case in plan.cases)


def test_quick_cases_come_first_and_the_longest_not_last(select: Select) -> None:
    plan = select()
    assert _names(plan) == "dcabe"
    assert plan.left_out == ()


@pytest.mark.parametrize(
    ("seconds", "kept", "left_out"),
    [
        ("1000", "dcabe", ""),
        ("60", "dabe", "c"),
        ("40", "dab", "ce"),
        ("24", "da", "bce"),
        ("12", "d", "abce"),
    ],
)
def test_the_most_useful_cases_get_the_time(select: Select, seconds: str, kept: str, left_out: str) -> None:
    plan = select("--vexlab-duration", seconds)
    assert _names(plan) == kept
    assert "".join(sorted(case[-1] for case in plan.left_out)) == left_out


def test_benchmarks_are_added_to_what_is_selected(select: Select, tmp_path: Path) -> None:
    """The name is that of a case of `vexlab bench`: with the option it runs, whatever its level."""
    (tmp_path / "mine" / "test_more.py").write_text(MEASURING)
    assert sorted(_names(select("--vexlab-level", "1"))) == ["a", "c", "d"]
    assert sorted(_names(select("--vexlab-level", "1", "--vexlab-enable-benchmarks"))) == ["a", "c", "d", "s"]

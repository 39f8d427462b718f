"""What a case records is kept with its result; cases here have no machine, so that what passes is an error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HEAD = """
import pytest
from vexlab.model.subresult import SubVerdict

"""


@pytest.fixture(name="run")
def _run(tmp_path: Path) -> Any:
    def run(body: str, fixtures: str) -> tuple[int, dict[str, Any]]:
        lines = "\n".join(f"    {line}" for line in body.splitlines())
        folder = tmp_path / "own"
        folder.mkdir(exist_ok=True)
        (folder / "test_it.py").write_text(f"{HEAD}@pytest.mark.level(2)\ndef test_it({fixtures}):\n{lines}\n")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "vexlab", "-p", "no:cacheprovider", "--vexlab-target", "ext4",
             "--vexlab-results", str(tmp_path / "r"), "own"],
            capture_output=True, text=True, timeout=90, check=False, cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "HOME": str(tmp_path)},
        )  # fmt: skip
        (file,) = (tmp_path / "r" / "cases").glob("*/case.json")
        return done.returncode, json.loads(file.read_text())

    return run


def test_a_case_knows_its_key_and_its_code(run: Any) -> None:
    _, case = run("pass", "")
    key = {"domain": "own", "name": "it", "parameters": "", "kernel": "", "flavour": "distro"}
    assert case["key"] == {**key, "target": "ext4", "configuration": ""}
    assert len(case["digest"]) == 16
    assert case["verdict"] == "error"


def test_metrics_have_a_unit_and_a_direction(run: Any) -> None:
    _, case = run(
        'assert metrics.record("load_s", 0.25) == 0.25\nmetrics.record("kept_ratio", 1, better="higher")', "metrics"
    )
    assert case["metrics"] == [
        {"name": "load_s", "value": 0.25, "unit": "s", "direction": "lower"},
        {"name": "kept_ratio", "value": 1.0, "unit": "", "direction": "higher"},
    ]


def test_checks_are_kept_in_their_order(run: Any) -> None:
    body = (
        'subresults.record("b", SubVerdict.PASSED, duration_s=0.5)\n'
        'subresults.record("a", SubVerdict.REFUSED, "not \\ud800 supported")\n'
        'subresults.record("c" * 500, SubVerdict.SKIPPED, "w" * 5000)\n'
    )
    status, case = run(body, "subresults")
    assert (status, case["verdict"]) == (1, "error")
    first, second, third = case["subresults"]
    assert first == {"name": "b", "verdict": "passed", "words": "", "duration_s": 0.5}
    assert (second["verdict"], second["words"]) == ("refused", "not ? supported")
    assert (len(third["name"]), len(third["words"])) == (200, 1000), "a guest's words are bounded"


def test_a_failed_check_fails_a_case_that_says_nothing(run: Any) -> None:
    body = (
        'subresults.record("a", SubVerdict.FAILED, "wrong errno")\n'
        'subresults.record("a", SubVerdict.PASSED)\n'
        'subresults.record("b", SubVerdict.PASSED)\n'
    )
    status, case = run(body, "subresults")
    assert (status, case["verdict"], case["reason"]) == (1, "failed", "1 of 2 checks failed: a: wrong errno")


def test_the_words_of_the_case_itself_come_first(run: Any) -> None:
    _, case = run('subresults.record("a", SubVerdict.FAILED, "x")\nassert False, "its own words"', "subresults")
    assert (case["verdict"], case["reason"]) == ("failed", "its own words")

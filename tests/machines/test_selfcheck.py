"""The lab put to the test: a built-in mistake is found, the clean module is quiet, a second start goes on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.machine

VEXFS = Path(__file__).parents[2] / "targets" / "vexfs"


def _selfcheck(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vexlab", "selfcheck", "--target", str(VEXFS), "--json", "table.json", *argv]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=300)


def test_found_missed_and_resumed(tmp_path: Path) -> None:
    # Searching sees a wrong order, and cannot see a leak at unmount.
    case = ("--case", "vector_operations.search_exact[6.1-euclidean]", "--kernel", "6.1", "--jobs", "2")
    defects = ("--defect", "wrong_search_order", "--defect", "leak_on_unmount")
    first = _selfcheck(tmp_path, *case, *defects)
    assert first.returncode == 1, first.stderr
    table = json.loads((tmp_path / "table.json").read_text())
    assert [each["found"] for each in table["defects"]] == [True, False], first.stdout
    assert table["missed"] == ["leak_on_unmount"]
    assert table["false_alarms"] == 0
    assert "50% of 2 defects found" in first.stdout

    evidence = tmp_path / "vexlab-selfcheck" / "wrong_search_order"
    assert list(evidence.rglob("console*")), "no evidence of what was found"

    again = _selfcheck(tmp_path, *case, *defects)
    assert again.stdout == first.stdout
    other = _selfcheck(tmp_path, "--case", "vector_operations.delete", *defects)
    assert other.returncode == 2
    assert "name another folder with --state" in other.stderr


def test_a_budget_leaves_undecided_what_a_later_start_decides(tmp_path: Path) -> None:
    case = ("--case", "vector_operations.search_exact[6.1-euclidean]", "--kernel", "6.1", "--level", "1-2")
    words = (*case, "--defect", "wrong_search_order")
    short = _selfcheck(tmp_path, *words, "--budget", "1s")
    assert short.returncode == 1, short.stderr
    table = json.loads((tmp_path / "table.json").read_text())
    assert (table["undecided"], table["missed"]) == (["wrong_search_order"], [])
    assert "not found within 1 s: 0 of 1 cases" in " ".join(short.stdout.replace("│", " ").split())

    longer = _selfcheck(tmp_path, *words)
    assert longer.returncode == 0, longer.stderr
    table = json.loads((tmp_path / "table.json").read_text())
    assert table["undecided"] == []
    assert "comes after" in table["defects"][0]["findings"][0]

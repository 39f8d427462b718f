"""The control experiment in real machines: a case that crashes runs again, and its lines are whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.machines.conftest import CASES, PLANTED

pytestmark = [pytest.mark.machine, pytest.mark.long]

_CASE = "planted.oops_unnoticed[6.1]"


def _vexlab(tmp_path: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vexlab", *argv, "--results", str(tmp_path / "r"), "--target", str(PLANTED)]
    return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=2400)


def _line(printed: str) -> str:
    (line,) = (line for line in printed.splitlines() if line.startswith(f"{_CASE} fails"))
    return line


def test_a_crash_is_shown_again_here_and_elsewhere(tmp_path: Path) -> None:
    """``run --control`` and ``explain`` say the same of a case that always fails, and why it is not run elsewhere."""
    case = _CASE.partition("[")[0]
    ran = _vexlab(tmp_path, "run", str(CASES), "--no-probe", "--kernel", "6.1", "--case", case, "--control")
    assert ran.returncode == 1, ran.stderr
    first = _line(ran.stdout)
    assert "fails 5 of 5 here" in first
    assert "on the revision before: no run of another revision is known" in first
    assert "on ext4: a case of the user's own may be about its target alone" in first

    told = _vexlab(tmp_path, "explain", "last", str(CASES), "--no-probe", "--most", "2")
    assert told.returncode == 0, told.stderr
    assert "fails 5 of 5 here" in _line(told.stdout)

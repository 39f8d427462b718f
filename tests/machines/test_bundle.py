"""A bundle of a real problem: it shows the problem in another folder, and nothing of vexlab is needed for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machines.conftest import CASES, PLANTED, Run

pytestmark = [pytest.mark.machine, pytest.mark.long]

_TITLE = "BUG: unable to handle kernel NULL pointer dereference in planted_dereference"


def _problems(tmp_path: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vexlab", "problems", "last", *argv, "--results", str(tmp_path / "r")]
    return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=1500)


def test_a_bundle_shows_the_problem_without_vexlab(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    run = vexlab("--target", str(PLANTED), str(CASES), "--case", "planted.oops_unnoticed", timeout=900)
    assert run.verdicts == {"planted.oops_unnoticed": "crashed"}, run.stderr
    made = _problems(tmp_path, "1", "--bundle", "oops.tar.zst", "--times", "1")
    assert made.returncode == 0, made.stderr
    assert "it was run once and showed the problem once" in made.stdout

    other = tmp_path / "with, a blank"
    other.mkdir()
    subprocess.run(["tar", "--zstd", "-xf", str(tmp_path / "oops.tar.zst"), "-C", str(other)], check=True, timeout=120)
    script = other / "oops" / "run.sh"
    done = subprocess.run([str(script)], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"REPRODUCED: {_TITLE}" in done.stdout


def test_what_the_case_judged_itself_is_not_bundled(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    run = vexlab("--target", str(PLANTED), str(CASES), "--case", "planted.assertion", timeout=900)
    assert run.verdicts == {"planted.assertion": "failed"}, run.stderr
    refused = _problems(tmp_path, "1", "--bundle", "none")
    assert refused.returncode == 2
    assert "the case itself, outside the machine, judged what it saw" in refused.stderr
    assert "--mail" in refused.stderr
    assert not (tmp_path / "none").exists()

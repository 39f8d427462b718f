"""A case of a run again, stopped before one of its commands: a shell in its machine, gdb before the module's init."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machines.conftest import CASES, PLANTED, Run

pytestmark = pytest.mark.machine

CASE = "planted.assertion"
_S = 300.0


def _again(results: Path, command: str, *words: str, typed: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "vexlab", command, f"last/{CASE}[6.1]", *words, "--results", str(results)]
    return subprocess.run(argv, input=typed, capture_output=True, text=True, timeout=_S)


@pytest.fixture
def results(vexlab: Callable[..., Run], tmp_path: Path) -> Path:
    """Return the results of a run whose case loads the module and then fails."""
    run = vexlab("--target", str(PLANTED), str(CASES), "--case", CASE, timeout=900)
    assert run.verdicts == {CASE: "failed"}, run.stderr
    return tmp_path / "r"


def _commands(results: Path) -> list[str]:
    (file,) = results.glob(f"2*/cases/{CASE}*/commands.txt")
    return file.read_text().splitlines()


def test_the_case_waits_where_it_failed_before_and_goes_on(results: Path) -> None:
    lines = _commands(results)
    failed = lines.index("       the case failed here; what follows is its end, and our last questions")
    assert "/proc/modules" in lines[failed - 1]
    typed = "cut -d' ' -f1 /proc/modules\ncd /proc\ncat version\necho the kernel speaks >/dev/kmsg\nexit\n"
    done = _again(results, "shell", typed=typed)
    assert done.returncode == 0, done.stderr
    assert "planted" in done.stdout.split()
    assert "Linux version 6.1" in done.stdout, "a shell's directory is kept"
    assert f"stopped before command {failed - 1}: " in done.stderr, "the first line names the machine"
    assert "the kernel speaks" in done.stderr
    assert "the case ended as failed: the module is loaded" in done.stderr


@pytest.mark.long  # somebody thinks for 40 s, which is more than a command may take
def test_its_limits_do_not_count_what_is_typed(results: Path) -> None:
    done = _again(results, "shell", typed="sleep 40\nexit\n")
    assert "the case ended as failed: the module is loaded" in done.stderr


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("gdb"), reason="gdb is not installed (scripts/packages-test.txt)")
def test_gdb_stops_in_the_modules_init(results: Path) -> None:
    pytest.importorskip("drgn", reason="the extra vexlab[debug] is not installed")
    typed = "break planted_init\ngo\nshell sleep 40\ncontinue\nbacktrace 1\ndelete\ndetach\nquit\n"
    loads = next(line.split()[0] for line in _commands(results) if "planted.ko" in line)
    done = _again(results, "debug", "--stop-before", loads, typed=typed)
    assert done.returncode == 0, done.stderr
    assert "planted is not loaded yet: gdb stops before its init" in done.stdout
    assert "#0  planted_init () at " in done.stdout
    assert "the case ended as failed: the module is loaded" in done.stderr


def test_a_command_that_never_comes_is_said(results: Path) -> None:
    done = _again(results, "shell", "--stop-before", "5000", typed="")
    assert done.returncode == 2
    assert "never came to a command 5000: it ended as failed" in done.stderr
    assert "has the numbers of what was done" in done.stderr

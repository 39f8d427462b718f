"""The memory of a kernel that panicked or hangs tells who did what, and is kept for whoever wants to look on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machines.conftest import CASES, PLANTED, Run
from vexlab.debug.postmortem import is_installed
from vexlab.lab import Lab

pytestmark = [pytest.mark.machine, pytest.mark.long]  # drgn reads half a gigabyte of symbols for each


@pytest.fixture
def keeping(lab: Lab, tmp_path: Path) -> None:
    """Have memory kept; skip where nothing could be read of it."""
    if not is_installed():
        pytest.skip("drgn is not installed: pip install vexlab[debug]")
    if lab.kernels.debug(lab.kernels.get("6.1")) is None:
        pytest.skip("no symbols of kernel 6.1 in the cache: vexlab kernels fetch 6.1 --debug")
    (tmp_path / "vexlab.toml").write_text("[run]\nkeep_memory = true\n")


def _postmortem(run: Run, case: str) -> str:
    return (Path(run.case(case)["evidence"]) / "postmortem.txt").read_text()


@pytest.mark.usefixtures("keeping")
def test_a_panic_is_told_by_the_memory_and_can_be_looked_at_again(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    run = vexlab("--target", str(PLANTED), "--kernel", "6.1", "--case", "planted.panic", str(CASES), timeout=1500)
    assert run.verdicts == {"planted.panic": "crashed"}
    text = _postmortem(run, "planted.panic")
    assert "== what drgn finds in the machine's memory ==" in text
    assert "panic: planted" in text
    assert "Kernel panic - not syncing: planted" in text.partition("== the last lines of the kernel's log ==")[2]
    argv = [
        sys.executable,
        "-m",
        "vexlab",
        "debug",
        "last/planted.panic[6.1]",
        "--text",
        "--results",
        str(tmp_path / "r"),
    ]
    again = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, timeout=900)
    assert again.returncode == 0, again.stderr
    assert "panic: planted" in again.stdout


@pytest.mark.usefixtures("keeping")
def test_a_task_that_waits_for_ever_is_told_by_the_memory(vexlab: Callable[..., Run]) -> None:
    hangs = str(PLANTED / "hangs")
    run = vexlab("--target", str(PLANTED), "--kernel", "6.1", "--case", "hangs.quiet_block", hangs, timeout=1500)
    text = _postmortem(run, "hangs.quiet_block")
    _, _, stuck = text.partition("== tasks that run or wait uninterruptibly ==")
    assert "planted_forever (./planted.c:" in stuck, "the module's own frames come with file and line"
    assert "no panic" in text

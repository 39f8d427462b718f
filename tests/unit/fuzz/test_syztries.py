"""Programs of syzkaller's cut into parts, and kept so that they run without vexlab."""

from __future__ import annotations

import ast
import os
from pathlib import Path
from typing import cast

import pytest

from vexlab.config import Settings
from vexlab.fuzz.crash import Crash, Mode
from vexlab.fuzz.folder import PROGRAM
from vexlab.fuzz.regression import write_syz_case
from vexlab.fuzz.syztries import Runner, SyzPrograms, execprog_argv
from vexlab.lab import Lab, Order

ONE = "r0 = openat$x_kept(0x0, 0x0, 0x42, 0x1ff)\nioctl$X_GET(r0, 0x7, 0x0)\n"
LOG = f"executing program 0:\n{ONE}executing program 0:\nclose(0x3)\n"
CRASH = Crash(
    title='KASAN: slab-out-of-bounds in "x"', type="KASAN", frame="x", fingerprint="f", mode=Mode.SYZKALLER,
    seconds=1.0, programs=2, times=30,
)  # fmt: skip


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> SyzPrograms:
    """Return what cuts programs; no machine is started for that."""
    monkeypatch.setattr("vexlab.fuzz.syztries.why_not_loadable", lambda *_: "")
    order = cast("Order", type("Order", (), {"kernel": None, "target": None}))
    return SyzPrograms(Lab(Settings()), order, Runner.of(Path("/syz")))


@pytest.mark.parametrize("text", [ONE, LOG])
def test_parts_make_the_whole_again(programs: SyzPrograms, text: str) -> None:
    assert programs.text(programs.parts(text)) == text


def test_several_programs_are_cut_into_programs_one_into_calls(programs: SyzPrograms) -> None:
    assert programs.parts(LOG) == [ONE, "close(0x3)\n"]
    assert programs.parts(f"# {{Threaded:true}}\n{ONE}") == ONE.splitlines()
    (left,) = [each for each in programs.parts(LOG) if "X_GET" in each]
    assert programs.parts(programs.text([left])) == ONE.splitlines(), "of the programs that are left, the calls"


def test_the_case_runs_with_vexlab_and_without(tmp_path: Path) -> None:
    place, installed = tmp_path / "crash", tmp_path / "syzkaller"
    place.mkdir()
    (place / PROGRAM).write_text(ONE)
    for name in ("syz-execprog", "syz-executor"):
        file = installed / "bin/linux_amd64" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
        file.chmod(0o755)
    case = write_syz_case(place, CRASH, Runner.of(installed))
    text = case.read_text()
    ast.parse(text)
    assert "from vexlab.fuzz.syzcase import replay" in text
    assert "times=30" in text
    assert "pytest.mark.vm(memory=512)" in text, "execprog alone has 50 MB"
    script = (place / "run.sh").read_text()
    assert "-repeat=30" in script
    assert script.rstrip().endswith(PROGRAM)
    assert "mount --bind" in script
    assert os.access(place / "syz-executor", os.X_OK)


def test_execprog_has_the_patience_of_emulation() -> None:
    assert "-slowdown=10" in execprog_argv(1)
    assert "-sandbox=none" in execprog_argv(1)

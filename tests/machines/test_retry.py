"""An error of the lab is no fault of the module: the case is run again, once, and only then is it an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.machines.conftest import PLANTED, Run

pytestmark = pytest.mark.machine

ATTEMPTS = {"name": "attempts_count", "value": 2, "unit": "", "direction": "lower"}
CASES = """
import os, pathlib, signal
import pytest

pytestmark = pytest.mark.domain("host")
before = pathlib.Path({folder!r}, "before")

def kill(machine):
    os.kill(int(machine.files.pid.read_text()), signal.SIGKILL)
    machine.exec(["true"])

def test_killed_once(machine):
    if not before.exists():
        before.touch()
        kill(machine)
    assert machine.exec(["true"]).ok

def test_killed_always(machine):
    kill(machine)

@pytest.mark.vm(append="rdinit=/nowhere init=/nowhere panic=-1")
def test_never_boots(machine):
    assert machine.exec(["true"]).ok

def test_finding_stays(module):
    module.load("bug=oops")
"""


def test_a_killed_emulator_is_no_fault_of_the_module(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    case = tmp_path / "test_host.py"
    case.write_text(CASES.replace("{folder!r}", repr(str(tmp_path))))
    run = vexlab("--target", str(PLANTED), "--case", "host.killed", str(case))
    assert run.verdicts == {"host.killed_once": "passed", "host.killed_always": "error"}
    assert run.status == 3
    assert run.case("host.killed_once")["metrics"] == [ATTEMPTS]
    assert "SIGKILL" in run.case("host.killed_always")["reason"]
    folder = tmp_path / "r" / run.document["run"]["id"]
    assert "SIGKILL" in (folder / run.case("host.killed_once")["evidence"] / "first-attempt.txt").read_text()


def test_a_finding_is_not_tried_again(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    case = tmp_path / "test_host.py"
    case.write_text(CASES.replace("{folder!r}", repr(str(tmp_path))))
    run = vexlab("--target", str(PLANTED), "--case", "host.finding_stays", str(case))
    assert run.verdicts == {"host.finding_stays": "crashed"}
    assert run.case("host.finding_stays")["metrics"] == []


def test_a_machine_that_does_not_boot_is_no_fault_of_the_module(vexlab: Callable[..., Run], tmp_path: Path) -> None:
    case = tmp_path / "test_host.py"
    case.write_text(CASES.replace("{folder!r}", repr(str(tmp_path))))
    run = vexlab("--target", str(PLANTED), "--case", "host.never_boots", str(case))
    assert run.verdicts == {"host.never_boots": "error"}
    assert run.status == 3
    assert run.case("host.never_boots")["reason"].startswith("no machine could be prepared with kernel 6.1")

"""Fuzzing in real machines: a sound filesystem stands it, a planted mistake is found, known, made small and kept."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from vexlab.config import Settings
from vexlab.fuzz.crash import Crash, Mode
from vexlab.fuzz.guest import Ended, Guest, Round, order_for
from vexlab.fuzz.header import interface_of
from vexlab.fuzz.layout import render_table
from vexlab.fuzz.minimise import operations, programs_of
from vexlab.fuzz.tries import Limits, Programs, settle
from vexlab.lab import Lab, Order
from vexlab.model.target import Target
from vexlab.targets.load import find_target

pytestmark = pytest.mark.machine

VEXFS = Path(__file__).parents[2] / "targets" / "vexfs"
DEFECT = "rare_search_flag"
# A collection of two components, one vector, and a search with the flag 0x00400000 that looks into an index.
PROGRAM = """\
0 open 1 0 66
1 open 2 1 66
0 ioctl 1 1075901953 32:0100000002
0 stat 0
0 ioctl 1 3225482755 64:010000000200000001 g16=8:0000803f
0 read 1 0 100
0 ioctl 1 3225482758 64:010000000200000001000000000040 c16=8:0000803f c24=16:00
"""


# Each call fills as much memory as its structure says, and what the pointer leads to is shorter: the fault is the
# program's, made where a number was changed after the memory was drawn.
SHORT = """\
0 open 1 0 66
0 ioctl 1 1075901953 32:01000000030000000300000004
0 ioctl 1 3225482755 64:01000000030000000800000007 c16=96:0000803f
0 ioctl 1 3224958471 56:0100000008 c16=48:0200000000000000
0 ioctl 1 3225482758 64:010000000300000005 c16=12:000080bf c24=64:01000000000000000200000000000000
"""


@pytest.fixture(scope="module")
def table() -> str:
    return render_table(interface_of(find_target(str(VEXFS))))


def _order(lab: Lab, target: Target) -> Order:
    kernel = lab.kernels.get("6.1")
    return order_for(lab, Order(target=target, kernel=kernel, artifact=lab.artifact(target, kernel)))


@pytest.fixture(scope="module")
def clean(lab: Lab) -> Order:
    return _order(lab, find_target(str(VEXFS)))


@pytest.fixture(scope="module")
def broken(lab: Lab) -> Order:
    return _order(lab, find_target(str(VEXFS), build_args=[f"DEFECT={DEFECT}"]))


def test_a_sound_filesystem_stands_it(lab: Lab, clean: Order, table: str) -> None:
    with Guest(lab, clean, table) as guest:
        ended = guest.fuzz(Round(mode=Mode.IOCTL, seed=1, seconds=5))
        assert not ended.all, ended.all
        assert ended.last is not None
        assert ended.last.state == "done"
        assert ended.last.programs > 10
        assert 0 < ended.last.succeeded < ended.last.calls
        assert programs_of(ended.corpus)
        short = guest.replay(SHORT, times=3, seconds=20)
        assert not short.all, short.all
        assert short.last is not None
        assert short.last.succeeded == 3 * 5, "the short memory was written behind, as the structures say"
        finished = guest.finish()
        assert not finished.all, finished.all


def test_a_dead_kernel_does_not_hide_the_program(lab: Lab, broken: Order, table: str) -> None:
    with Guest(lab, broken, table) as guest:
        ended: Ended = guest.replay(PROGRAM, times=1, seconds=20)
    (finding,) = ended.findings
    assert "NULL pointer dereference in vexfs_vec_search" in finding.title
    assert operations(ended.programs[-1]) == operations(PROGRAM)


@pytest.mark.long
def test_a_crash_is_made_small_and_shown_again(lab: Lab, broken: Order, table: str) -> None:
    with Guest(lab, broken, table) as guest:
        (finding,) = guest.replay(PROGRAM, times=1, seconds=20).findings
    crash = Crash(title=finding.title, type=finding.type, frame=finding.frame, fingerprint=finding.fingerprint,
                  mode=Mode.IOCTL, seconds=0, programs=0)  # fmt: skip
    with Programs(lab, broken, table) as retry:
        settled, program = settle(retry, crash, ["0 sync\n", PROGRAM], Limits(tries=3))
    names = [line.split()[1] for line in operations(program)]
    assert names == ["open", "ioctl", "ioctl", "ioctl"]
    assert (settled.verified.hits, settled.verified.tries) == (3, 3)


@pytest.mark.long
@pytest.mark.parametrize("mode", ["ioctl", "image"])
def test_a_campaign_by_the_command_line(tmp_path: Path, mode: str) -> None:
    vexlab = [sys.executable, "-m", "vexlab", "fuzz"]
    words = ["--target", str(VEXFS), "--kernel", "6.1", "--duration", "20s", "--no-probe", "--results", str(tmp_path)]
    for _ in range(2):  # the second start has nothing left to do
        done = subprocess.run([*vexlab, mode, *words], capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    told = subprocess.run(
        [*vexlab, "report", "--results", str(tmp_path), "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    report = json.loads(told.stdout)
    assert report["programs"] == sum(line["programs"] for line in report["rounds_log"]) > 5
    assert not report["crashes"]


@pytest.mark.long
def test_a_crash_is_in_the_results_as_any_other(tmp_path: Path, lab: Lab, broken: Order, table: str) -> None:
    from vexlab.fuzz.folder import Asked, Folder
    from vexlab.fuzz.regression import record, write_case

    crash = Crash(title="NULL pointer dereference in vexfs_vec_search", type="NULL", frame="vexfs_vec_search",
                  fingerprint="", mode=Mode.IOCTL, seconds=0, programs=0)  # fmt: skip
    folder = Folder(tmp_path / "c")
    asked = Asked(mode=Mode.IOCTL, target="vexfs", kernel="6.1", build_args=(f"DEFECT={DEFECT}",))
    folder.begin(asked)
    place = folder.save_crash(crash, PROGRAM)
    case = write_case(place, replace(crash, times=1), broken.artifact, table)
    assert record(case, asked, VEXFS / "target.toml", tmp_path / "r") == 1
    listed = subprocess.run(
        [sys.executable, "-m", "vexlab", "problems", "last", "--results", str(tmp_path / "r")],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert "vexfs_vec_search" in listed.stdout
    assert lab.settings == Settings()

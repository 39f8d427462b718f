"""Rounds of syz-manager, of which a script of a few lines does the part that we see: words, crashes, its end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vexlab.errors import InfraError
from vexlab.fuzz.crash import Mode
from vexlab.fuzz.folder import Asked, State
from vexlab.fuzz.syzmanager import (
    Figures,
    ManagerRounds,
    candidates_in,
    figures_in,
    finding_in,
    new_crashes,
    programs_in,
)
from vexlab.model.verdict import Finding

STATUS = (
    "2026/11/29 22:28:59 candidates=0 corpus=4 coverage=503 exec total=84 (25/min) pending=0 reproducing=0 \n"
    "2026/11/29 22:29:09 candidates=0 corpus=5 coverage=511 exec total=90 (25/min) pending=0 reproducing=0 \n"
)
OOPS = (
    "[    5.1] BUG: kernel NULL pointer dereference, address: 0000000000000008\n"
    "[    5.1] #PF: supervisor read access in kernel mode\n"
    "[    5.1] Oops: 0000 [#1] PREEMPT SMP\n"
    "[    5.1] CPU: 0 PID: 77 Comm: x Not tainted 6.1.0 #1\n"
    "[    5.1] RIP: 0010:x_get+0x12/0x40 [x]\n"
    "[    5.1] Call Trace:\n[    5.1]  <TASK>\n[    5.1]  x_ioctl+0x1/0x2 [x]\n[    5.1]  </TASK>\n"
    "[    5.1] ---[ end trace 0000000000000000 ]---\n"
)
LOG = (
    "22:41:03 executing program 1:\n"
    "r0 = openat$x_kept(0xffffffffffffff9c, &(0x7f0000000000)='/syz-inputs/file0\\x00', 0x42, 0x1ff)\n"
    "ioctl$X_GET(r0, 0x7, &(0x7f0000000080))\n\n"
    "22:41:03 executing program 0 (id=17):\n"
    "ioctl$X_GET(0xffffffffffffffff, 0x7, 0x0) (fail_nth: 3)\n\n"
    f"{OOPS}"
)
STATE = State(asked=Asked(mode=Mode.SYZKALLER, target="x", kernel="6.1"))


def _crash(workdir: Path, name: str = "abc", logs: int = 1) -> Path:
    place = workdir / "crashes" / name
    place.mkdir(parents=True)
    (place / "description").write_text("theirs\n")
    for number in range(logs):
        (place / f"log{number}").write_text(LOG)
    return place


def _rounds(tmp_path: Path, script: str, **more: object) -> ManagerRounds:
    (tmp_path / "workdir").mkdir(exist_ok=True)
    return ManagerRounds(
        argv=("sh", "-c", script), folder=tmp_path, workdir=tmp_path / "workdir", module="x",
        **{"stop": lambda: False, **more},  # type: ignore[arg-type]
    )  # fmt: skip


def test_figures_are_those_said_last() -> None:
    assert figures_in(STATUS) == Figures(programs=90, corpus=5, cover=511)
    assert figures_in("2026/11/29 22:27:36 machine check:\n") == Figures()


def test_programs_of_a_log() -> None:
    first, second = programs_in(LOG)
    assert first.splitlines()[1] == "ioctl$X_GET(r0, 0x7, &(0x7f0000000080))"
    assert second == "ioctl$X_GET(0xffffffffffffffff, 0x7, 0x0) (fail_nth: 3)\n"


def test_our_title_comes_first_and_theirs_where_we_see_nothing(tmp_path: Path) -> None:
    place = _crash(tmp_path)
    assert "NULL pointer dereference in x_get" in finding_in(place, "x").title
    (place / "log0").write_text("nothing")
    assert finding_in(place, "x").title == "theirs"


def test_what_may_show_it_again_the_likeliest_first(tmp_path: Path) -> None:
    place = _crash(tmp_path)
    first, second = programs_in(LOG)
    assert candidates_in(place)[:2] == (second, first)
    assert candidates_in(place)[2].count("executing program 0:") == 2, "all of them together"
    (place / "repro.prog").write_text("its own\n")
    assert candidates_in(place)[0] == "its own\n"


def test_a_round_ends_with_its_first_crash_when_asked(tmp_path: Path) -> None:
    kept: list[Finding] = []

    def keep(finding: Finding) -> Path:
        kept.append(finding)
        return tmp_path / "kept"

    _crash(tmp_path / "ready", logs=2)
    script = f"printf '%s' '{STATUS}'; mv ready/crashes workdir; while :; do sleep 0.2; done"
    rounds = _rounds(tmp_path, f"cd {tmp_path}; {script}", first=True)
    did = rounds(STATE, "", 60.0, keep)
    assert (did.programs, did.cover) == (90, 511)
    (met,) = did.met
    assert met.finding is kept[0]
    assert met.seconds is not None
    assert met.seconds < 30
    assert (tmp_path / "kept" / "console.log").read_text() == LOG
    assert not new_crashes(tmp_path / "workdir"), "it is not told twice"
    assert json.loads((tmp_path / "workdir/crashes/abc/vexlab.json").read_text()) == {"logs": 2}


def test_a_crash_that_nobody_took_is_met_by_the_next_round(tmp_path: Path) -> None:
    _crash(tmp_path / "workdir")
    did = _rounds(tmp_path, "exec sleep 60")(STATE, "", 0.1, lambda _: tmp_path / "kept")
    assert len(did.met) == 1, "whoever was killed in between"


def test_a_manager_that_ends_is_no_quiet_round(tmp_path: Path) -> None:
    with pytest.raises(InfraError, match=r"status 3: .*no such config"):
        _rounds(tmp_path, "echo no such config >&2; exit 3")(STATE, "", 20.0, lambda _: tmp_path)


def test_it_stops_when_asked(tmp_path: Path) -> None:
    did = _rounds(tmp_path, "exec sleep 60", stop=lambda: True)(STATE, "", 60.0, lambda _: tmp_path)
    assert did.guest_seconds < 30

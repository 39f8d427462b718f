"""The user's syzkaller: found or not, judged, configured. Scripts stand in for programs that tell their revision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vexlab.config import FuzzSettings, Settings
from vexlab.errors import UsageError
from vexlab.fuzz.layout import Call, Interface
from vexlab.fuzz.syzkaller import Machines, configuration, crashes_in, examine, laid_over, place_of

ONE, TWO = "1" * 40, "2" * 40
INTERFACE = Interface(calls=(Call(name="X_GET", number=7, way="R"),))
MACHINES = Machines(
    kernel=Path("/k"), image=Path("/i"), key=Path("/s"), count=2, cpus=2, memory=512, append="console=ttyS0"
)


def _install(place: Path, *, executor: str = ONE, knows: str = "ioctl$X_GET") -> Path:
    for name, revision in (
        ("syz-manager", ONE),
        ("linux_amd64/syz-execprog", ONE),
        ("linux_amd64/syz-executor", executor),
    ):
        file = place / "bin" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n# {knows}\necho linux amd64 {revision} unknown\n")
        file.chmod(0o755)
    return place


def test_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VEXLAB_SYZKALLER", raising=False)
    with pytest.raises(UsageError, match="in no package") as error:
        place_of(Settings())
    assert "VEXLAB_SYZKALLER=DIR" in error.value.hint


def test_the_variable_goes_over_the_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, two = _install(tmp_path / "one"), _install(tmp_path / "two")
    monkeypatch.delenv("VEXLAB_SYZKALLER", raising=False)
    assert place_of(Settings(fuzz=FuzzSettings(syzkaller=str(one)))) == one
    monkeypatch.setenv("VEXLAB_SYZKALLER", str(two))
    assert place_of(Settings(fuzz=FuzzSettings(syzkaller=str(one)))) == two


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VEXLAB_SYZKALLER", str(_install(tmp_path)))
    (tmp_path / "bin" / "linux_amd64" / "syz-executor").unlink()
    with pytest.raises(UsageError, match="holds no bin/linux_amd64/syz-executor"):
        place_of(Settings())


def test_a_sound_installation(tmp_path: Path) -> None:
    found = examine(_install(tmp_path), INTERFACE)
    assert (found.revision, found.wrong) == (ONE, ())


def test_programs_of_two_revisions(tmp_path: Path) -> None:
    (wrong,) = examine(_install(tmp_path, executor=TWO), INTERFACE).wrong
    assert "several revisions" in wrong
    assert "syz-executor 222222222222" in wrong


def test_descriptions_that_are_not_compiled_in(tmp_path: Path) -> None:
    (wrong,) = examine(_install(tmp_path, knows="ioctl$OTHER"), INTERFACE).wrong
    assert "does not know 1 of 1 ioctls (X_GET)" in wrong
    assert "--describe" in wrong


def test_the_configuration_emulates_without_kvm(tmp_path: Path) -> None:
    made = configuration(tmp_path, tmp_path / "w", MACHINES, INTERFACE, port=5000, kvm=False, cover=False)
    assert made["type"] == "qemu"
    assert made["http"] == "127.0.0.1:5000", "on loopback only"
    assert isinstance(made["vm"], dict)
    assert made["vm"]["qemu_args"] == "-accel tcg -cpu max"
    assert (made["vm"]["count"], made["vm"]["mem"], made["vm"]["kernel"]) == (2, 512, "/k")
    assert made["cover"] is False
    assert json.dumps(made)


def test_keys_of_a_file_go_over_ours(tmp_path: Path) -> None:
    made = configuration(tmp_path, tmp_path / "w", MACHINES, INTERFACE, port=5000, kvm=False, cover=False)
    file = tmp_path / "syzkaller_config.json"
    file.write_text(json.dumps({"procs": 8, "vm": {"count": 4, "mem": 2048}}))
    merged = laid_over(made, file)
    assert merged["procs"] == 8
    assert isinstance(merged["vm"], dict)
    assert (merged["vm"]["count"], merged["vm"]["mem"], merged["vm"]["cpu"]) == (4, 2048, 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"proc": 8}', "unknown key `proc`"),
        ('{"vm": {"memory": 1}}', "unknown key `memory`"),
        ("[", "no JSON"),
        ("[]", "no configuration"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "c.json").write_text(text)
    with pytest.raises(UsageError, match=said):
        laid_over({"vm": {}}, tmp_path / "c.json")


def test_crashes_get_our_titles(tmp_path: Path) -> None:
    place = tmp_path / "crashes" / "abc"
    place.mkdir(parents=True)
    (place / "description").write_text("theirs\n")
    (place / "repro.prog").write_text("")
    (place / "log0").write_text(
        "[    5.1] BUG: kernel NULL pointer dereference, address: 0000000000000008\n"
        "[    5.1] #PF: supervisor read access in kernel mode\n"
        "[    5.1] Oops: 0000 [#1] PREEMPT SMP\n"
        "[    5.1] CPU: 0 PID: 77 Comm: x Not tainted 6.1.0 #1\n"
        "[    5.1] RIP: 0010:x_get+0x12/0x40 [x]\n"
        "[    5.1] Call Trace:\n[    5.1]  <TASK>\n[    5.1]  x_ioctl+0x1/0x2 [x]\n[    5.1]  </TASK>\n"
        "[    5.1] ---[ end trace 0000000000000000 ]---\n"
    )
    (found,) = crashes_in(tmp_path, "x")
    assert found.theirs == "theirs"
    assert "NULL pointer dereference in x_get" in found.ours
    assert (found.logs, found.program) == (1, True)

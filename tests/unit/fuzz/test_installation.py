"""The user's syzkaller: found or not, judged, configured. Files stand in for programs, which hold their revision."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from vexlab.config import FuzzSettings, Settings
from vexlab.errors import UsageError
from vexlab.fuzz.layout import Call, Interface
from vexlab.fuzz.syzkaller import Machines, configuration, examine, laid_over, place_of

ONE, TWO, DIGEST = "1" * 40, "2" * 40, "d" * 40
INTERFACE = Interface(calls=(Call(name="X_GET", number=7, way="R"),))
MACHINES = Machines(
    kernel=Path("/k"), image=Path("/i"), key=Path("/s"), count=2, cpus=2, memory=512, append="console=ttyS0"
)


def _install(
    place: Path, *, execprog: str = ONE, executor: str = ONE, digest: str = DIGEST, knows: str = "ioctl$X_GET"
) -> Path:
    """Leave files that hold what programs of syzkaller do: how they were linked, and digests."""
    linked = 'build\t-ldflags="-s -w -X github.com/google/syzkaller/prog.GitRevision={}"\0go{}\0'
    for name, text in (
        ("syz-manager", linked.format(ONE, DIGEST)),
        ("linux_amd64/syz-execprog", linked.format(execprog, DIGEST)),
        ("linux_amd64/syz-executor", f"\0{executor}\0linux\0{digest}\0{knows}\0"),
    ):
        file = place / "bin" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
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
    (wrong,) = examine(_install(tmp_path, execprog=TWO), INTERFACE).wrong
    assert "several revisions" in wrong
    assert "syz-execprog 222222222222" in wrong


@pytest.mark.parametrize("executor", [{"executor": TWO}, {"digest": "e" * 40}])
def test_an_executor_that_the_manager_would_not_take(tmp_path: Path, executor: dict[str, str]) -> None:
    wrong = examine(_install(tmp_path, **executor), INTERFACE).wrong
    assert [each.partition(" and ")[0] for each in wrong] == ["its syz-manager", "its syz-execprog"]


def test_descriptions_that_are_not_compiled_in(tmp_path: Path) -> None:
    (wrong,) = examine(_install(tmp_path, knows="ioctl$OTHER"), INTERFACE).wrong
    assert "does not know 1 of 1 ioctls (X_GET)" in wrong
    assert "--describe" in wrong


def _made(place: Path, machines: Machines = MACHINES) -> dict[str, object]:
    return configuration(place, place / "w", machines, ["ioctl$X_GET"], port=5000, kvm=False, cover=False)


def test_the_configuration_emulates_without_kvm(tmp_path: Path) -> None:
    made = _made(tmp_path)
    assert made["type"] == "qemu"
    assert made["http"] == "127.0.0.1:5000", "on loopback only"
    assert isinstance(made["vm"], dict)
    assert "-accel tcg" in made["vm"]["qemu_args"], "syz-manager takes its time tenfold where it reads that"
    assert (made["vm"]["count"], made["vm"]["mem"], made["vm"]["kernel"]) == (2, 512, "/k")
    assert made["cover"] is False
    assert made["run_fsck"] is False, "it would run on this host"
    assert "initrd" not in made["vm"], "a system of the user's boots by itself"
    assert json.dumps(made)


def test_a_machine_of_ours_has_virtio_alone(tmp_path: Path) -> None:
    made = _made(tmp_path, replace(MACHINES, initrd=Path("/r")))
    assert isinstance(made["vm"], dict)
    assert made["vm"]["initrd"] == "/r"
    assert "if=virtio" in made["vm"]["image_device"]
    assert made["vm"]["network_device"].startswith("virtio-net-pci")


def test_no_call_enables_hundreds_of_others(tmp_path: Path) -> None:
    calls = _made(tmp_path)["enable_syscalls"]
    assert isinstance(calls, list)
    assert "ioctl$X_GET" in calls
    assert not {"openat", "ioctl", "mount", "syz_mount_image"} & set(calls), "those are taken with all their variants"


def test_keys_of_a_file_go_over_ours(tmp_path: Path) -> None:
    made = _made(tmp_path)
    file = tmp_path / "syzkaller_config.json"
    file.write_text(json.dumps({"procs": 8, "vm": {"count": 4, "mem": 2048}}))
    merged = laid_over(made, file)
    assert merged["procs"] == 8
    assert isinstance(merged["vm"], dict)
    assert (merged["vm"]["count"], merged["vm"]["mem"], merged["vm"]["cpu"]) == (4, 2048, 2)


def test_machines_of_another_type_have_no_keys_of_qemu(tmp_path: Path) -> None:
    file = tmp_path / "isolated.json"
    file.write_text(json.dumps({"type": "isolated", "vm": {"targets": ["127.0.0.1:2222"], "target_dir": "/tmp/syz"}}))
    assert laid_over(_made(tmp_path), file)["vm"] == {"targets": ["127.0.0.1:2222"], "target_dir": "/tmp/syz"}


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

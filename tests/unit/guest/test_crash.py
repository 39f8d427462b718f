"""Crash states: the program's words, and a checker that sees what a crash may not leave."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import time
from pathlib import Path

import pytest

from vexlab.errors import MachineError
from vexlab.guest.crash import CrashPlan, no_journal, parse_crashes, parse_power_cut, run_argv
from vexlab.model.target import Target

TARGET = Target(
    name="fs",
    fstype="fs",
    module="fs",
    file=Path("target.toml"),
    mkfs=("mkfs.fs", "-q", "{device}"),
    fsck=("fsck.fs", "-n", "{device}"),
    refuses=(("fixed_inodes", "on demand"), ("xattr", "none"), ("tmpfile", "none"), ("acl", "none")),
)
OK = '{"state":0,"cut":1,"operation":0,"ok":true}'
BAD = (
    '{"state":1,"cut":9,"operation":3,"ok":false,"why":"a0: missing d0/f1","during":"fsync a0/d0/f2",'
    '"missing":["8+8","16+8 torn"],"missing_count":5}'
)
END = '{"states":2,"failures":1,"operations":4,"writes":12,"ms":10.0,"fsck_ms":1.0}'
_LACKS = "xattr,tmpfile,rename_exchange"


def test_the_command_names_devices_filesystem_and_program() -> None:
    plan = CrashPlan(seed=7, count=30, states=5, profile="names")
    argv = run_argv(TARGET, plan, disk="/dev/vda", log="/dev/vdb", layer="/dev/ram0", mountpoint="/m", size=16)
    text = " ".join(argv)
    assert argv[:2] == ["fscrash", "run"]
    assert "--mkfs mkfs.fs -q {device} --fsck fsck.fs -n {device}" in text
    assert "--size 16" in text
    assert "--slack 64" in text
    assert "--seed 7 --count 30 --profile names --without xattr,tmpfile" in text
    assert argv[-1] == "/m"


def test_what_the_kernel_may_say_is_handed_on() -> None:
    target = dataclasses.replace(TARGET, harmless=("invalid crc_offset", "two words"))
    argv = run_argv(target, CrashPlan(seed=1, count=3), disk="d", log="l", layer="c", mountpoint="/m", size=16)
    assert [argv[at + 1] for at, word in enumerate(argv) if word == "--harmless"] == ["invalid crc_offset", "two words"]


def test_a_failing_state_is_told_with_the_writes_it_lacks() -> None:
    report = parse_crashes("\n".join([OK, BAD, END]))
    assert [state.state for state in report.failed] == [1]
    told = str(report.failed[0])
    assert "a0: missing d0/f1" in told
    assert "fsync a0/d0/f2" in told
    assert "8+8, 16+8 torn and 3 more" in told


@pytest.mark.parametrize("lines", [[], [OK], [OK, BAD], [OK, END], ["nonsense", BAD, END]])
def test_output_that_breaks_off_is_no_result(lines: list[str]) -> None:
    with pytest.raises(MachineError):
        parse_crashes("\n".join(lines))


def test_a_filesystem_without_a_journal_says_so() -> None:
    assert not no_journal(TARGET)
    other = Target(name="x", fstype="x", module="x", file=Path(), refuses=(("crash_consistency", "no journal"),))
    assert no_journal(other) == "no journal"


def test_the_same_seed_makes_the_same_program(programs: Path) -> None:
    def listed(seed: int, profile: str) -> str:
        argv = [str(programs / "fscrash"), "list", "--seed", str(seed), "--count", "500", "--profile", profile]
        return subprocess.run(argv, text=True, capture_output=True, timeout=60, check=True).stdout

    for profile in ("data", "names", "hooks"):
        text = listed(5, profile)
        assert text == listed(5, profile) != listed(6, profile)
        assert text.count("\n") >= 500
    for word in ("rename", "exchange", "unlink while open", "O_TMPFILE", "syncfs", "fdatasync", "mkdir"):
        assert word in listed(5, "names")


@pytest.fixture
def written(programs: Path, tmp_path: Path) -> tuple[Path, list[str]]:
    """A finished program in a folder, and the command that verifies it."""
    return _written(programs, tmp_path, 300)


def _written(programs: Path, tmp_path: Path, count: int) -> tuple[Path, list[str]]:
    folder, witness = tmp_path / "fs", tmp_path / "witness"
    folder.mkdir()
    witness.write_bytes(bytes(4096))
    words = ["--seed", "3", "--count", str(count), "--profile", "names", "--without", _LACKS, str(folder), str(witness)]
    with subprocess.Popen([str(programs / "fscrash"), "write", *words], stderr=subprocess.PIPE) as writer:
        try:
            deadline = time.monotonic() + 60
            while int(witness.read_bytes().partition(b"\n")[0].strip(b"o\0") or 0) < count:
                if writer.poll() is not None and writer.stderr:
                    pytest.skip(f"it cannot be run here: {writer.stderr.read().decode()}")  # O_DIRECT on tmpfs
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            writer.kill()
    return folder, [str(programs / "fscrash"), "verify", *words]


def _verdict(command: list[str]) -> tuple[bool, str]:
    cut = parse_power_cut(subprocess.run(command, text=True, capture_output=True, timeout=60, check=False).stdout)
    return cut.ok, cut.why


def _file(folder: Path) -> Path:
    return next(path for path in sorted(folder.rglob("[fnr]*")) if path.is_file() and path.stat().st_size >= 64)


def test_what_the_program_left_may_be_there(written: tuple[Path, list[str]]) -> None:
    assert _verdict(written[1]) == (True, "")


def test_bytes_of_others_are_seen(written: tuple[Path, list[str]]) -> None:
    folder, command = written
    with _file(folder).open("r+b") as file:
        file.write(b"STLE" + bytes(12))
    good, why = _verdict(command)
    assert not good
    assert "bytes" in why


def test_a_lost_name_and_a_strange_one_are_seen(written: tuple[Path, list[str]]) -> None:
    folder, command = written
    one = _file(folder)
    one.rename(one.with_name("q"))
    good, why = _verdict(command)
    assert not good
    assert f"{one.parent.name}/{one.name} is missing" in why
    assert "should not be there" in why


def test_a_wrong_mode_and_a_wrong_link_are_seen(written: tuple[Path, list[str]]) -> None:
    folder, command = written
    one = _file(folder)
    mode = one.stat().st_mode
    one.chmod(0o111)
    assert "mode" in _verdict(command)[1]
    one.chmod(mode)
    os.link(one, folder.parent / "outside")
    assert "link count" in _verdict(command)[1]


def _unordered(command: list[str]) -> list[str]:
    return [word if word != _LACKS else f"{_LACKS},ordered_names" for word in command]


def test_names_of_several_moments_are_allowed_by_their_word_alone(written: tuple[Path, list[str]]) -> None:
    folder, command = written
    assert _verdict(_unordered(command)) == (True, "")
    one = _file(folder)
    one.rename(one.with_name("q"))
    assert _verdict(_unordered(command))[1].endswith("q should not be there")
    one.with_name("q").unlink()
    assert _verdict(_unordered(command))[1].endswith(f"{one.parent.name}/{one.name} is missing")


def test_links_and_bytes_count_where_names_need_no_order(written: tuple[Path, list[str]]) -> None:
    folder, command = written
    one = _file(folder)
    os.link(one, folder.parent / "outside")
    assert "link count" in _verdict(_unordered(command))[1]
    (folder.parent / "outside").unlink()
    with one.open("r+b") as file:
        file.write(b"STLE" + bytes(12))
    assert "bytes" in _verdict(_unordered(command))[1]


def test_a_durable_file_that_was_renamed_is_there_under_one_of_its_names(programs: Path, tmp_path: Path) -> None:
    listed = subprocess.run(
        [programs / "fscrash", "list", "--seed", "3", "--count", "29", "--profile", "names", "--without", _LACKS],
        text=True, capture_output=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    assert listed.splitlines()[-2:] == ["27: fsync a2/d1/t40", "28: rename a2/d1/t40 to d1/s0/n46"]
    folder, command = _written(programs, tmp_path, 29)
    renamed = folder / "a2/d1/s0/n46"
    renamed.rename(folder / "a2/d1/t40")
    assert _verdict(_unordered(command)) == (True, "")
    (folder / "a2/d1/t40").unlink()
    assert _verdict(_unordered(command)) == (False, "a2: d1/t40 is missing")

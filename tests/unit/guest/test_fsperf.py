"""fsperf does the work it says, on each side in turn, and says when it could not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from vexlab.errors import MachineError
from vexlab.guest.fsperf import REFERENCE, TARGET, Sample, fsperf_argv, parse_samples


def _run(
    programs: Path, phases: str, folders: list[Path], *options: str
) -> tuple[tuple[Sample, ...], subprocess.CompletedProcess[str]]:
    argv = [str(programs / "fsperf"), *options, phases, *map(str, folders)]
    done = subprocess.run(argv, text=True, capture_output=True, timeout=60, check=False)
    return parse_samples(done.stdout), done


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "a", tmp_path / "b"]
    for folder in made:
        folder.mkdir()
    return made


def test_sides_take_turns_and_change_places(programs: Path, folders: list[Path]) -> None:
    samples, done = _run(programs, "create,stat,unlink", folders, "-r", "2", "-n", "10")
    assert not done.returncode, done.stderr
    assert [(each.round, each.phase, each.side) for each in samples] == [
        (number, phase, side)
        for number in (0, 1)
        for phase in ("create", "stat", "unlink")
        for side in ((TARGET, REFERENCE) if number == 0 else (REFERENCE, TARGET))
    ]
    assert all(each.count == 10 and each.ns > 0 and each.per_second > 0 for each in samples)


def test_the_work_is_really_done(programs: Path, folders: list[Path]) -> None:
    samples, done = _run(programs, "create,write,link,readdir", folders, "-r", "1", "-n", "8", "-t", "2")
    assert not done.returncode, done.stderr
    for folder in folders:
        for thread in ("t00", "t01"):
            assert {each.name for each in (folder / thread).iterdir()} == {f"f{n:06}" for n in range(4)} | {"w"}
            assert (folder / thread / "w").stat().st_size == 4 * 4096
    assert {each.threads for each in samples} == {2}


def test_growing_goes_on_where_the_last_round_ended(programs: Path, folders: list[Path]) -> None:
    samples, _ = _run(programs, "create", folders, "-r", "3", "-n", "5", "-g")
    assert len(samples) == 6
    assert len(list((folders[0] / "t00").iterdir())) == 15


def test_apart_does_one_side_after_the_other(programs: Path, folders: list[Path]) -> None:
    samples, _ = _run(programs, "create,unlink", folders, "-r", "1", "-a")
    assert [each.side for each in samples] == [TARGET, TARGET, REFERENCE, REFERENCE]


def test_the_first_round_warms_up(programs: Path, folders: list[Path]) -> None:
    argv = fsperf_argv(["create", "unlink"], list(map(str, folders)), rounds=2, count=3)
    done = subprocess.run([str(programs / argv[0]), *argv[1:]], text=True, capture_output=True, check=True)
    assert {each.round for each in parse_samples(done.stdout)} == {1, 2}


def test_a_failed_operation_ends_it_with_its_errno(programs: Path, folders: list[Path]) -> None:
    _, done = _run(programs, "unlink", folders, "-n", "1")
    assert done.returncode == 1
    assert "No such file" in done.stderr


def test_a_name_that_is_there_is_not_absent(programs: Path, folders: list[Path]) -> None:
    (folders[0] / "t00").mkdir()
    (folders[0] / "t00" / "f1000000").touch()
    _, done = _run(programs, "absent", folders, "-n", "1")
    assert done.returncode == 1


@pytest.mark.parametrize("argv", [["-r", "0", "create"], ["nonsense"], ["-t", "99", "create"], []])
def test_wrong_usage(programs: Path, folders: list[Path], argv: list[str]) -> None:
    folder = [str(folders[0])] if argv else []
    done = subprocess.run([programs / "fsperf", *argv, *folder], capture_output=True, check=False)
    assert done.returncode == 2


def test_output_that_is_no_sample() -> None:
    with pytest.raises(MachineError, match="no sample"):
        parse_samples('{"round": 0}')

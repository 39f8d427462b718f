"""A hang that a case of the run has shown is recognised in others: the same function, in two looks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import cast

import msgspec
import pytest

from vexlab.errors import GuestTimeout, HangAgain
from vexlab.plugin.hangs import Hang, HangWatch, known_hangs
from vexlab.plugin.live import CommandWatch
from vexlab.vm.machine import Machine

HANG = Hang(frame="demo_read_super", case="d.first[6.1]", title="hang in demo_read_super")


class FakeMachine:
    """As much of a machine as the watch asks."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked_at = 100.0
        self.streams = True
        self.heard: list[str] = []
        self.watch = self.heard.append
        self.last_command = "mount /dev/vdb /mnt"

    def clock(self) -> float:
        return self.now


class Looks:
    """Says in turn where a task is stuck."""

    def __init__(self, frames: Iterable[str]) -> None:
        self._frames = iter(frames)
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        return next(self._frames)


def _watch(folder: Path, *frames: str) -> tuple[FakeMachine, Looks, HangWatch]:
    folder.joinpath("a").write_bytes(msgspec.json.encode(HANG))
    machine = FakeMachine()
    looks = Looks(frames)
    return machine, looks, HangWatch(cast("Machine", machine), looks, folder)


def _wait(machine: FakeMachine, watch: HangWatch, seconds: int) -> None:
    for _ in range(seconds):
        machine.now += 1
        watch("")


def test_a_command_of_a_second_is_told_once() -> None:
    machine = FakeMachine()
    told: list[str] = []
    watch = CommandWatch(cast("Machine", machine), told.append)
    watch("text")
    assert (told, machine.heard) == ([], ["text"])
    machine.now += 1
    watch("")
    watch("")
    assert told == ["mount /dev/vdb /mnt"]
    machine.asked_at, machine.last_command = machine.now, "umount /mnt"
    watch("")
    assert len(told) == 1
    machine.now += 2
    watch("")
    assert told[1:] == ["umount /mnt"]


def test_the_same_place_twice_is_the_known_hang(tmp_path: Path) -> None:
    machine, looks, watch = _watch(tmp_path, HANG.frame, HANG.frame)
    _wait(machine, watch, 29)
    assert looks.count == 1
    with pytest.raises(
        HangAgain, match=r'blocked by "hang in demo_read_super", which d\.first\[6\.1\] shows'
    ) as caught:
        _wait(machine, watch, 5)
    assert caught.value.by == HANG.title


@pytest.mark.parametrize("frames", [("", ""), ("other", "other"), (HANG.frame, ""), (HANG.frame, "other")])
def test_what_moves_or_is_elsewhere_is_waited_for(tmp_path: Path, frames: tuple[str, str]) -> None:
    machine, looks, watch = _watch(tmp_path, *frames)
    _wait(machine, watch, 50)
    assert looks.count == 2


def test_what_is_elsewhere_is_looked_at_ever_more_seldom(tmp_path: Path) -> None:
    machine, looks, watch = _watch(tmp_path, *[""] * 20)
    _wait(machine, watch, 600)
    assert looks.count == 5  # after 20, 40, 80, 160 and 320 seconds


def test_another_command_begins_anew(tmp_path: Path) -> None:
    machine, looks, watch = _watch(tmp_path, HANG.frame)
    _wait(machine, watch, 25)
    machine.asked_at = machine.now
    _wait(machine, watch, 15)
    assert looks.count == 1


def test_without_a_known_hang_nobody_looks(tmp_path: Path) -> None:
    machine, looks, watch = _watch(tmp_path)
    tmp_path.joinpath("a").unlink()
    _wait(machine, watch, 300)
    assert looks.count == 0
    assert known_hangs(tmp_path / "none") == {}


BLOCKED = "[   61.0] INFO: task sync:7 blocked for more than 30 seconds.\n"


def _first_hang(folder: Path, *frames: str) -> tuple[FakeMachine, Looks, HangWatch]:
    machine, looks, watch = _watch(folder, *frames)
    folder.joinpath("a").unlink()
    return machine, looks, watch


def test_a_first_hang_that_the_kernel_tells_of_ends_soon(tmp_path: Path) -> None:
    machine, looks, watch = _first_hang(tmp_path, "demo_lock", "demo_lock")
    _wait(machine, watch, 40)
    watch(BLOCKED)
    _wait(machine, watch, 30)
    assert looks.count == 0
    watch(BLOCKED)
    assert looks.count == 1
    with pytest.raises(GuestTimeout, match=r"does not end: after 80 s .* stuck in demo_lock") as caught:
        _wait(machine, watch, 15)
    assert (caught.value.command, caught.value.seconds) == (machine.last_command, 80)


@pytest.mark.parametrize(
    ("told", "frames"),
    [
        ([BLOCKED, BLOCKED], ["demo_lock", "demo_other"] * 5),
        ([BLOCKED.replace("sync", "my prog")] * 2, [""] * 5),
        ([BLOCKED, BLOCKED.replace("sync:7", "rm:8")], []),
        ([BLOCKED], []),
    ],
)
def test_what_goes_on_although_a_task_was_blocked_is_waited_for(
    tmp_path: Path, told: list[str], frames: list[str]
) -> None:
    machine, looks, watch = _first_hang(tmp_path, *frames)
    _wait(machine, watch, 40)
    for words in told:
        watch(words)
    _wait(machine, watch, 30)
    assert looks.count == min(len(frames), 4 if frames and frames[0] else 1)


def test_another_command_is_not_blamed_for_what_was_told_before(tmp_path: Path) -> None:
    machine, looks, watch = _first_hang(tmp_path)
    _wait(machine, watch, 40)
    watch(BLOCKED)
    machine.asked_at = machine.now
    watch(BLOCKED)
    _wait(machine, watch, 60)
    assert looks.count == 0


def test_what_watched_before_still_hears(tmp_path: Path) -> None:
    machine, _, watch = _watch(tmp_path)
    watch("words")
    assert machine.heard == ["words"]

"""Commands of a case are numbered as they come, and the one in which it failed is found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.cli.halted import failing_command
from vexlab.model.machine import CommandResult
from vexlab.model.replay import Act, Step
from vexlab.plugin.evidence import FAILED_HERE
from vexlab.vm.transcript import Transcript


def test_each_command_is_told_before_it_is_done_and_has_the_number_that_is_kept() -> None:
    transcript = Transcript()
    told: list[tuple[int, str]] = []
    transcript.begin_with([Step(act=Act.BEGIN, number=1, at=3.0, argv=("modprobe", "dep"))])
    transcript.before = lambda number, words: told.append((number, words))
    with transcript.command(["mkfs", "/dev/vdc"]) as ended:
        assert told == [(2, "mkfs /dev/vdc")]
        ended(CommandResult(argv=("mkfs",), status=0, signal=0, stdout=b"", stderr=b"", duration=0.1))
    transcript.put(b"x", "/tmp/file", 0o644)
    with transcript.paused(), transcript.command(["ps"]):
        pass
    transcript.cannot("an open end")
    with transcript.command(["mount"]):
        pass
    assert told == [(2, "mkfs /dev/vdc"), (3, "write /tmp/file"), (4, "mount")]
    assert transcript.count == 4, "counted, though nothing is kept any more"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (
            f"     1     0.1 s  status 0   mkfs\n    12     0.2 s  -  mount 3 x\n       {FAILED_HERE}\n    13  0.3 s\n",
            12,
        ),
        ("     1     0.1 s  status 0   mkfs\n", 1),
        ("", 1),
    ],
)
def test_the_command_in_which_a_case_failed(tmp_path: Path, text: str, number: int) -> None:
    (tmp_path / "commands.txt").write_text(text)
    assert failing_command(tmp_path / "commands.txt") == number
    assert failing_command(tmp_path / "none") == 1

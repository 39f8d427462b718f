"""Commands of a case are numbered as they come, and the one in which it failed is found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.cli.halted import _place, failing_command
from vexlab.errors import UsageError
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
    assert [(number, each.words, each.status) for number, each in transcript.done.items()] == [
        (2, "mkfs /dev/vdc", 0), (3, "write /tmp/file", None), (4, "mount", None),
    ]  # fmt: skip
    assert transcript.count == 4, "counted, though nothing is kept any more"


def test_the_command_in_which_a_case_failed(tmp_path: Path) -> None:
    file = tmp_path / "commands.txt"
    lines = [
        "machine 2",
        "     1     0.1 s  status 0   mkfs",
        "    12     0.2 s  -  mount 3 x",
        f"       {FAILED_HERE}",
        "    13",
    ]
    file.write_text("\n".join(lines))
    assert failing_command(file) == (2, 12)
    for text in ("machine 1\n     1     0.1 s  status 0   mkfs\n", "", f"machine 1\n       {FAILED_HERE}\n"):
        file.write_text(text)
        with pytest.raises(UsageError, match="did not write down in which command"):
            failing_command(file)


@pytest.mark.parametrize(("given", "place"), [("9", (1, 9)), ("2:9", (2, 9))])
def test_a_command_of_a_machine(given: str, place: tuple[int, int]) -> None:
    assert _place(given) == place


@pytest.mark.parametrize("given", ["0", "x", "1:0", "2:", "-1", "1:2:3"])
def test_what_names_no_command_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="names no command"):
        _place(given)

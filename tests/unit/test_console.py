"""A guest's words, made safe for a terminal, and read on from where one left off."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vexlab.vm.console import Console, printable


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("[    0.1] ok\r\n", "[    0.1] ok\n"),
        ("\x1b[1;31mred\x1b[0m\ttab\n", "red\ttab\n"),
        ("\x1b]0;title\x07x\x1b]8;;http://a\x1b\\y", "xy"),
        ("\x1bc reset", "\\x1bc reset"),
        ("\x1b\x1b[m[31m nested", "\\x1b[31m nested"),
        ("\x9b31mred\x9c", "red\\x9c"),
        ("over\rwritten", "over\\rwritten"),
        ("abc\u202etxt.exe", "abc\\u202etxt.exe"),
        ("\x1b]unfinished\nnext line stays\n", "\nnext line stays\n"),
    ],
)
def test_control_sequences_do_not_pass(raw: str, shown: str) -> None:
    assert printable(raw) == shown


@given(st.text(alphabet=st.sampled_from("\x1b[]0;m\x07\x9b\x9c\\\r\nPx\x00é")))
def test_no_control_character_ever_passes(raw: str) -> None:
    assert not [char for char in printable(raw) if char != "\n" and (ord(char) < 32 or 127 <= ord(char) < 160)]


def test_reading_goes_on_where_it_left_off(tmp_path: Path) -> None:
    file = tmp_path / "console.log"
    console = Console(file)
    assert (console.so_far(), console.new()) == ("", "")
    file.write_text("one\ntw")
    assert console.so_far() == "one\ntw"
    with file.open("a") as log:
        log.write("o\nthree\npart")
    assert console.new() == "o\nthree\n"
    assert console.new() == ""

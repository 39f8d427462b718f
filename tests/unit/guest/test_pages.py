"""The times of the first and last pages of lists, from the program that lists names, on this host."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from vexlab.guest.pages import Pages, parse_pages
from vexlab.workloads import SCRIPTS


def test_a_line_for_each_round_is_read() -> None:
    told = parse_pages("1203344 1184312\n1199000 1201100\n")
    assert told == (Pages(first_ns=1203344, last_ns=1184312), Pages(first_ns=1199000, last_ns=1201100))


@pytest.mark.parametrize("text", ["1", "1 2 3", "1 x"])
def test_other_lines_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unpack|invalid literal"):
        parse_pages(text)


def test_names_are_timed(tmp_path: Path) -> None:
    argv = [sys.executable, str(SCRIPTS / "time_names.py"), str(tmp_path), "2", "4000"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120)
    rounds = parse_pages(done.stdout)
    assert len(rounds) == 2
    assert all(each.first_ns > 0 and each.last_ns > 0 for each in rounds)

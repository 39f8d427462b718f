"""Expected durations: which line of the table is whose, and that the table is of cases that exist."""

from __future__ import annotations

import re

import pytest

from vexlab.domains import FOLDER
from vexlab.plugin.durations import SLOW_S, UNKNOWN_S, expected_s, name_of, parse, render, table


@pytest.mark.parametrize(
    ("case", "kernel", "name"),
    [
        ("d.a[6.1]", "6.1", "d.a"),
        ("d.a[6.1-x]", "6.1", "d.a[x]"),
        ("d.a[x-6.1]", "6.1", "d.a[x]"),
        ("d.a[6.1-amd64-x-y]", "6.1-amd64", "d.a[x-y]"),
        ("d.a[6.12-6.1x]", "6.12", "d.a[6.1x]"),
        ("d.a[6.12]", "6.1", "d.a[6.12]"),
        ("d.a", "", "d.a"),
        ("d.a[x]", "", "d.a[x]"),
    ],
)
def test_a_name_has_no_kernel(case: str, kernel: str, name: str) -> None:
    assert name_of(case, kernel) == name


def test_a_table_comes_back_as_it_was_written() -> None:
    assert parse(render({"d.b[x]": 12.4, "d.a": 0.2})) == {"d.a": 1.0, "d.b[x]": 12.0}


def test_what_is_not_in_the_table_is_guessed() -> None:
    assert expected_s("mine.a[6.1]", "6.1") == UNKNOWN_S
    assert expected_s("mine.a[6.1]", "6.1", slow=True) == SLOW_S


def test_the_table_is_of_cases_that_exist() -> None:
    cases = {
        f"{file.parent.name}.{name}"
        for file in FOLDER.glob("*/test_*.py")
        for name in re.findall(r"^def test_(\w+)\(", file.read_text(), re.MULTILINE)
    }
    assert table()
    assert {name.partition("[")[0] for name in table()} - cases == set()

"""What was seldom tried is told as a list, over several runs."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from vexlab.coverage.rare import rare, rare_in
from vexlab.errors import UsageError
from vexlab.model.inputs import CASE_FILE, OperationInputs, Rare, parse_rare, render_rare
from vexlab.model.request import Request
from vexlab.session.prepare import _check_rare


def _of(operation: str, kind: str, inputs: dict[str, OperationInputs]) -> list[int]:
    return [each.digits for each in rare(inputs) if (each.operation, each.kind) == (operation, kind)]


def test_what_was_never_or_seldom_had_is_rare() -> None:
    often = {digits: 1000 for digits in range(26) if digits not in (3, 7)}
    inputs = {"pwrite": OperationInputs(calls=24_007, sizes={**often, 7: 7})}
    assert _of("pwrite", "size", inputs) == [3, 7], "0 and 7 of 24,007 calls; the mean of a partition is 923"
    assert _of("pwrite", "size", {"pwrite": OperationInputs(calls=1, sizes=dict.fromkeys(range(26), 1))}) == []
    assert _of("pread", "offset", inputs) == list(range(42)), "was never called"


def test_a_list_is_read_as_it_was_written() -> None:
    found = (
        Rare(operation="pwrite", kind="size", digits=18),
        Rare(operation="copy_file_range", kind="offset", digits=0),
    )
    assert parse_rare(render_rare(found)) == found
    with pytest.raises(ValueError, match="line 2 is not OPERATION"):
        parse_rare("pwrite size 18\npwrite errno 5\n")


def test_runs_are_added_up(tmp_path: Path) -> None:
    for number, digits in enumerate((1, 2)):
        case = tmp_path / str(number) / "cases" / "case"
        case.mkdir(parents=True)
        inputs = {"write": OperationInputs(calls=5, sizes={digits: 5})}
        (case / CASE_FILE).write_bytes(msgspec.json.encode(inputs))
    words = rare_in([tmp_path / "0", tmp_path / "1", tmp_path / "2"]).splitlines()
    assert "write size 3" in words
    assert not {"write size 1", "write size 2"} & set(words)
    assert rare_in([tmp_path / "2"]) == "", "a run that counted nothing says nothing of what is rare"


def test_a_list_that_is_none_is_refused_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("\x1b[2J")
    with pytest.raises(UsageError, match="line 1"):
        _check_rare(Request(rare=str(tmp_path / "list")))
    for wrong, words in (
        ("pwrit size 18\n", "no operation pwrit is counted"),
        ("", "has 0 lines"),
        ("write size 1\n" * 2000, "2000"),
    ):
        (tmp_path / "list").write_text(wrong)
        with pytest.raises(UsageError, match=words):
            _check_rare(Request(rare=str(tmp_path / "list")))
    (tmp_path / "list").write_text("pwrite size 18\n")
    _check_rare(Request(rare=str(tmp_path / "list")))
    with pytest.raises(UsageError, match="is no list"):
        _check_rare(Request(rare=str(tmp_path)))

"""What programs of the guest say, and what is taken for the end of one."""

from __future__ import annotations

import pytest

from vexlab.guest.program import Outcome, parse_outcome


def test_lines_before_the_numbers_are_what_is_wrong() -> None:
    told = parse_outcome('add dim 0: OK, not EINVAL\nlist room 0: OK, not EINVAL\n{"calls": 310}\n')
    assert told.wrong == ("add dim 0: OK, not EINVAL", "list room 0: OK, not EINVAL")
    assert told.counts == {"calls": 310}
    assert told.ended
    assert str(told) == "add dim 0: OK, not EINVAL; list room 0: OK, not EINVAL"


@pytest.mark.parametrize(
    "text", ["", "something is wrong", "7", "[1]", '{"calls": "many"}', '{"calls": true}', '{"calls": 1', "null"]
)
def test_without_numbers_it_did_not_end(text: str) -> None:
    assert parse_outcome(text) == Outcome(wrong=tuple(text.splitlines()))
    assert not parse_outcome(text).ended


def test_of_many_things_the_first_are_told() -> None:
    told = str(parse_outcome("\n".join(f"call {number}" for number in range(40))))
    assert told.startswith("call 0; call 1; ")
    assert told.endswith("; call 11; and 28 more")

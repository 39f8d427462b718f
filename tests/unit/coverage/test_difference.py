"""What changed between two sources, and which cases that concerns."""

from __future__ import annotations

from vexlab.coverage.difference import changed_lines, difference, moved, reaching
from vexlab.model.coverage import Coverage, FileCounts, FunctionCount

OLD = "a\nb\nc\nd\n"


def _coverage(lines: dict[int, int], **cases: set[int]) -> Coverage:
    functions = (
        FunctionCount(name="first", first=1, last=2, calls=1),
        FunctionCount(name="second", first=4, last=6, calls=1),
    )
    counts = FileCounts(lines=lines, functions=functions)
    return Coverage(files={"x.c": counts}, cases={case: {"x.c": frozenset(own)} for case, own in cases.items()})


def test_lines_move() -> None:
    assert moved(OLD, "new\na\nb\nchanged\nd\n") == {1: 2, 2: 3, 4: 5}


def test_changed_lines_are_those_of_the_earlier_text() -> None:
    assert changed_lines(OLD, "a\nb\nx\nd\n") == {3}
    assert changed_lines(OLD, "a\nd\n") == {2, 3}
    assert changed_lines(OLD, "a\nb\nnew\nc\nd\n") == {2, 3}, "what is put in concerns the lines beside"
    assert changed_lines(OLD, OLD) == frozenset()


def test_a_difference_looks_through_moved_lines() -> None:
    before, now = _coverage({1: 1, 2: 0, 4: 5}), _coverage({2: 1, 3: 4, 4: 1, 5: 0})
    found = difference(before, now, lambda _: OLD, lambda _: "new\na\nb\nc\nd\n")
    (only,) = found
    assert (only.gained, only.lost, only.new) == (frozenset({3}), frozenset({5}), 1)
    assert not difference(now, now, lambda _: f"{OLD}e\n", lambda _: f"{OLD}e\n")


def test_cases_that_reach_most_of_what_changed_come_first_then_the_quicker_ones() -> None:
    known = _coverage({1: 1, 2: 1, 4: 1, 5: 1}, both={1, 4}, slow={5}, quick={4}, other={1})
    seconds = {"both": 9.0, "slow": 8.0, "quick": 1.0, "other": 0.0}
    found = reaching(known, {"x.c": frozenset({5})}, seconds.__getitem__)
    assert found.functions == {"x.c": ("second",)}
    assert found.cases == ("quick", "slow", "both")
    assert reaching(known, {"x.c": frozenset({2, 5})}, seconds.__getitem__).cases[0] == "both"


def test_a_change_outside_of_functions_concerns_all_who_reach_the_file() -> None:
    known = _coverage({1: 1, 2: 1, 4: 1, 5: 1}, one={1}, two={4}, none=set())
    found = reaching(known, {"x.c": frozenset({3})})
    assert (found.whole, found.cases) == (("x.c",), ("one", "two"))


def test_a_file_that_was_not_counted_concerns_nobody() -> None:
    assert reaching(_coverage({1: 1}, one={1}), {"y.c": frozenset({1})}).cases == ()

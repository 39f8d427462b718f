"""Reproducers are made small without losing what they show."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vexlab.fuzz.crash import Crash, Mode, same
from vexlab.fuzz.minimise import fewest, operations, programs_of, simplest
from vexlab.fuzz.tries import Limits, settle
from vexlab.model.report import Severity
from vexlab.model.verdict import Finding

CRASH = Crash(title="BUG in f", type="BUG", frame="f", fingerprint="1", mode=Mode.IOCTL, seconds=1, programs=10)


@given(st.sets(st.integers(0, 30), min_size=1, max_size=5))
def test_exactly_the_needed_parts_are_left(needed: set[int]) -> None:
    assert fewest(range(31), lambda parts: needed <= set(parts)) == sorted(needed)


def test_no_single_part_can_be_left_out() -> None:
    def shows(parts: Sequence[int]) -> bool:  # either way shows it
        return {1, 2} <= set(parts) or {7, 8, 9} <= set(parts)

    left = fewest(range(12), shows)
    assert shows(left)
    assert not any(shows(each) for each in itertools.combinations(left, len(left) - 1))


def test_arguments_are_made_simpler() -> None:
    line = "2 ioctl 1 77 x16:0100 g8=64:00ff c12=4:01 f0=4:ffffffff"
    (found,) = simplest([line], lambda lines: " g8=" in lines[0])
    assert found == "0 ioctl 1 77 16:0100 g8=64:00ff"


def test_programs_are_told_apart() -> None:
    text = "0 open 1 0 66\nend\n# words\n0 close 1\n"
    assert programs_of(text) == ["0 open 1 0 66\n", "# words\n0 close 1\n"]
    assert operations(text) == ["0 open 1 0 66", "0 close 1"]


class _Fake:
    """Shows the crash where every word of ``needed`` is in the program, from so many times on, so often in a row."""

    def __init__(self, needed: Sequence[str], *, from_times: int = 1, hits: int = 1000, late: bool = False) -> None:
        self.needed, self.from_times, self.hits, self.late = needed, from_times, hits, late
        self.tries = 0

    def parts(self, text: str) -> list[str]:
        programs = programs_of(text)
        return programs if len(programs) > 1 else operations(text)

    def text(self, parts: Sequence[str]) -> str:
        return "end\n".join(parts) if any("\n" in part for part in parts) else "".join(f"{part}\n" for part in parts)

    def shows(self, crash: Crash, text: str, *, times: int) -> bool:
        self.tries += 1
        return (
            all(word in operations(text) for word in self.needed)
            and times >= self.from_times
            and self.tries <= self.hits
            and crash.late >= self.late
        )

    def fresh(self) -> None:
        pass

    def simplify(self, parts: list[str], shows: object) -> list[str]:
        del shows
        return parts


def test_a_crash_is_made_small_and_verified() -> None:
    crash, program = settle(_Fake(["b", "d"]), CRASH, ["a\nb\nc\nd\ne\n"], Limits(tries=4))
    assert program == "b\nd\n"
    assert (crash.verified.hits, crash.verified.tries) == (4, 4)
    assert (crash.parts_before, crash.parts, crash.times, crash.settled) == (5, 2, 1, True)


def test_several_programs_become_the_one_that_is_needed() -> None:
    _, program = settle(_Fake(["d"]), CRASH, ["a\n", "a\nend\nb\nc\nend\nc\nd\n"], Limits())
    assert program == "d\n"


def test_a_race_is_repeated() -> None:
    crash, _ = settle(_Fake(["b"], from_times=30), CRASH, ["a\nb\n"], Limits())
    assert crash.times == 30


def test_what_shows_only_at_the_end_is_tried_to_the_end() -> None:
    crash, program = settle(_Fake(["b"], late=True), CRASH, ["a\nb\n"], Limits())
    assert crash.late
    assert program == "b\n"


def test_what_is_not_shown_again_is_kept_and_says_so() -> None:
    crash, program = settle(_Fake(["z"]), CRASH, ["a\nb\n", "c\n"], Limits())
    assert program == "a\nb\n"
    assert crash.settled
    assert crash.verified.hits == 0


def test_a_rare_crash_is_verified_honestly() -> None:
    shown = _Fake(["a"], hits=3)  # the try that finds it, one that verifies it, and one more
    crash, _ = settle(shown, CRASH, ["a\n"], Limits(tries=5))
    assert 0 < crash.verified.hits < 5
    assert crash.verified.tries == 5


@pytest.mark.parametrize(
    ("title", "frame", "fingerprint", "is_same"),
    [
        ("BUG in f", "", "", True),
        ("GPF", "", "1", True),
        ("GPF", "f", "", True),
        ("GPF", "g", "2", False),
        ("GPF", "", "", False),
    ],
)
def test_when_two_are_the_same(title: str, frame: str, fingerprint: str, *, is_same: bool) -> None:
    finding = Finding(title=title, type="BUG", severity=Severity.CRASH, frame=frame, fingerprint=fingerprint)
    assert same(CRASH, finding) is is_same

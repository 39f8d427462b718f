"""Excerpts mark the blamed function, and words are bounded and visible."""

from __future__ import annotations

import dataclasses

import pytest
from tests.unit.reports.made import everything

from vexlab.model.case import Summary
from vexlab.model.verdict import Verdict
from vexlab.report.content import bounded, excerpt, headline

CONTENT = everything("A" * 1000)


def test_the_blamed_function_is_marked_and_no_other() -> None:
    problem = next(each for each in CONTENT.problems if len(each.cases) == 2)
    found = CONTENT.finding(problem)
    assert found
    marked = [line.text for line in excerpt(found).lines if line.blamed]
    assert marked == ["RIP: 0010:vexfs_lookup+0x5c/0x120 [vexfs]", " vexfs_lookup+0x5c/0x120 [vexfs]"]


def test_an_excerpt_keeps_the_blamed_line_and_counts_what_it_leaves_out() -> None:
    found = CONTENT.cases[2].findings[0]
    long = dataclasses.replace(found, text="\n".join(["noise"] * 100 + [" vexfs_lookup+0x5c/0x120"] + ["noise"] * 9))
    shown = excerpt(long, 10)
    assert (len(shown.lines), shown.left_out) == (11, 99)
    assert shown.lines[-1].blamed


def test_words_are_bounded_and_visible() -> None:
    assert bounded("a\x1b\u202e\x00\n\tb") == "a\\x1b\\u202e\\x00\n\tb"
    assert bounded("x" * 50, 10) == "x" * 10 + " …"


@pytest.mark.parametrize(
    ("machines", "words"),
    [
        ((1, 3, 0), "nothing was found by the 2 cases that ran in a real kernel"),
        ((0, 0), "only by cases that use no machine"),
        ((None,), "by the one case that ran"),  # a run of before this was noted
    ],
)
def test_a_pass_says_how_many_cases_ran_in_a_kernel(machines: tuple[int | None, ...], words: str) -> None:
    result = everything().result
    one = dataclasses.replace(result.cases[0], verdict=Verdict.PASSED, reason="", findings=(), excused=False, known=())
    cases = tuple(dataclasses.replace(one, machines=each) for each in machines)
    assert words in headline(dataclasses.replace(result, cases=cases, summary=Summary.of(cases), stale=())).words

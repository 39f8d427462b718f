"""A case that fails: by chance, or since something changed; and how many runs would tell."""

from __future__ import annotations

import dataclasses

import pytest

from vexlab.model.control import Arm, Explanation, Trial, elsewhere, goes_on_here, headlines
from vexlab.model.flaky import (
    Answer,
    Count,
    Outcome,
    judged,
    judgements,
    rate_excluded,
    regression_probability,
    reruns_needed,
    storms,
)
from vexlab.model.key import CaseKey
from vexlab.model.sequential import Sequential, expected_rate
from vexlab.model.verdict import Verdict
from vexlab.report.flaky import render_flaky


def test_clean_runs_exclude_rates_above_three_in_so_many() -> None:
    for runs in (20, 50, 300):
        assert rate_excluded(runs) == pytest.approx(3 / runs, rel=0.08)
        assert (1 - rate_excluded(runs)) ** runs == pytest.approx(0.05)
    assert rate_excluded(0) == 1.0


def test_a_failure_after_many_passes_is_likely_a_regression_and_reruns_settle_it() -> None:
    clean = Count(0, 50)
    once = regression_probability(clean, Count(1, 1))
    assert 0.5 < once < 0.99
    more = reruns_needed(clean, Count(1, 1))
    assert more is not None
    assert 1 <= more <= 4
    assert regression_probability(clean, Count(1 + more, 1 + more)) >= 0.99
    assert judged(clean, Count(1 + more, 1 + more))[0] is Answer.REGRESSION


def test_a_failure_of_what_failed_before_as_often_is_none() -> None:
    assert regression_probability(Count(5, 10), Count(1, 2)) == 0.0
    assert regression_probability(Count(30, 100), Count(1, 1)) < 0.5
    assert judged(Count(3, 30), Count(1, 10))[0] is Answer.FLAKY
    assert reruns_needed(Count(), Count(1, 1)) is None, "without a run before nobody can tell"


def test_bayes_factor_is_that_of_counting() -> None:
    # Before 1 of 1 passed, now 1 of 1 failed: 1/2 · 1/2 over the integral of r (1 - r) with Jeffreys' prior, 1/8.
    odds = (1 / 4) / (1 / 8) * (0.1 / 0.9)
    assert regression_probability(Count(0, 1), Count(1, 1)) == pytest.approx(odds / (1 + odds))


def _outcomes(
    pattern: str, revision: str = "v1", *, name: str = "a", target: str = "vexfs", day: int = 1
) -> list[Outcome]:
    key = CaseKey(domain="d", name=name, kernel="6.1", target=target)
    return [
        Outcome(
            key=key,
            digest="0",
            revision=revision,
            started=f"2026-11-{day:02}T{at:02}:00:00+00:00",
            verdict=Verdict.FAILED if outcome == "F" else Verdict.PASSED,
        )
        for at, outcome in enumerate(pattern)
    ]


def test_flaky_is_both_outcomes_at_one_revision() -> None:
    assert judgements(_outcomes("PPPP")) == ()
    (each,) = judgements(_outcomes("PFPP"))
    assert (each.answer, each.now) == (Answer.FLAKY, Count(1, 4))
    (each,) = judgements([*_outcomes("P" * 20), *_outcomes("F", "v2", day=2)])
    assert (each.answer, each.before, each.now) == (Answer.OPEN, Count(0, 20), Count(1, 1))
    said = render_flaky([each], ())
    assert "excludes rates above 14 %" in said
    assert f"{each.reruns} more failures in a row would settle it" in said
    (each,) = judgements([*_outcomes("P" * 20), *_outcomes("FFFFF", "v2", day=2)])
    assert each.answer is Answer.REGRESSION


def test_what_another_code_said_does_not_count() -> None:
    old = [dataclasses.replace(each, digest="1") for each in _outcomes("FPFP")]
    assert judgements([*old, *_outcomes("PP", day=2)]) == ()


def test_a_storm_over_two_targets_is_the_labs() -> None:
    hit = [each for target in ("vexfs", "ext4") for name in "ab" for each in _outcomes("PF", name=name, target=target)]
    (storm,) = storms(hit)
    assert storm.targets == ("ext4", "vexfs")
    assert len(storm.cases) == 4
    assert "this was the lab's" in render_flaky((), [storm])
    assert storms([each for each in hit if each.key.target == "vexfs"]) == (), "one target may be at fault itself"
    changed = [dataclasses.replace(each, revision=f"v{each.started[12]}") for each in hit]
    assert storms(changed) == (), "what changed may be the cause"


def test_the_sequential_test_ends_and_keeps_its_errors() -> None:
    import random

    test = Sequential(high=0.5)
    assert test.fails(Count(0, test.clean_runs)) is False
    assert test.fails(Count(0, test.clean_runs - 1)) is None
    draw = random.Random(7)
    for rate, wrong in ((0.02, True), (0.5, False)):
        errors = 0
        for _ in range(2000):
            count = Count()
            while test.goes_on(count):
                count += Count(int(draw.random() < rate), 1)
            errors += test.fails(count) is wrong
        assert errors / 2000 <= 0.015
    with pytest.raises(ValueError, match="cannot be told"):
        Sequential(high=0.01)


def test_the_rate_to_look_for_is_lower_than_the_one_seen() -> None:
    assert 0.3 < expected_rate(Count(1, 1)) < 0.6
    assert 0.7 < expected_rate(Count(10, 10)) <= 0.9
    assert expected_rate(Count(1, 40)) == 0.1
    assert goes_on_here(Count(1, 1))
    assert not goes_on_here(Count(5, 5))
    assert goes_on_here(Count(4, 5))
    assert elsewhere(Count(5, 5), 40).clean_runs < elsewhere(Count(3, 10), 40).clean_runs


def test_an_explanation_says_what_follows() -> None:
    here = Trial(arm=Arm.HERE, place="here", count=Count(9, 10), fails=True)
    before = Trial(arm=Arm.BEFORE, place="on the revision before", count=Count(0, 20), fails=False)
    reference = Trial(arm=Arm.REFERENCE, place="on ext4", count=Count(0, 5), fails=False)
    kernel = Trial(arm=Arm.KERNEL, place="on kernel 6.12", unknown="skipped: no such thing")
    each = Explanation(case="d.a[6.1]", trials=(here, before, reference, kernel))
    assert each.line == (
        "d.a[6.1] fails 9 of 10 here, 0 of 20 on the revision before, 0 of 5 on ext4, on kernel 6.12: "
        "skipped: no such thing"
    )
    assert each.words == (
        "it is flaky; what changed since that revision makes it fail; the case and the lab are sound, the filesystem "
        "under test is at fault"
    )
    assert list(headlines([each, each])) == [each.line, f"  {each.words}"] * 2, "whole lines, not characters"
    never = Explanation(case="d.a", trials=(dataclasses.replace(here, count=Count(0, 5)), before))
    assert never.words.startswith("it cannot be shown again in 5 runs")

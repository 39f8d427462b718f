"""Changes of level are seen, noise and spikes are none; the bench counts with many more histories."""

from __future__ import annotations

import random

import pytest
from bench.shifts import Scenario, alarms, found, heavy, normal

from vexlab.model.shift import FEWEST, LENGTHS, Direction, judge, run_value, two_sided

# Student's t: the two-sided 5 %, 1 % and 0.1 % points with 10 and 60 degrees of freedom (any table of it).
POINTS = [(2.228, 10, 0.05), (3.169, 10, 0.01), (4.587, 10, 0.001), (2.000, 60, 0.05), (3.460, 60, 0.001)]


@pytest.mark.parametrize(("t", "freedom", "p"), POINTS)
def test_the_probability_of_students_t_is_that_of_the_tables(t: float, freedom: int, p: float) -> None:
    assert two_sided(t, freedom) == pytest.approx(p, rel=0.03)
    assert two_sided(-t, freedom) == two_sided(t, freedom)


def _series(seed: int, *levels: float, runs: int = 40) -> list[float]:
    draw = random.Random(seed)
    return [level * (1 + 0.05 * draw.gauss(0, 1)) for level in levels for _ in range(runs)]


def test_a_change_is_told_with_its_place_and_its_size() -> None:
    judged = judge(_series(1, 1.0, 1.3))
    (shift,) = judged.shifts
    assert 38 <= shift.at <= 41
    assert shift.seen <= 50
    assert shift.relative == pytest.approx(0.3, abs=0.06)
    assert shift.direction is Direction.UP
    assert shift.p < 1e-4
    assert judged.noise == pytest.approx(0.05, abs=0.02)


def test_a_change_and_its_end_are_two() -> None:
    judged = judge(_series(2, 1.0, 1.4, 1.0))
    assert [shift.direction for shift in judged.shifts] == [Direction.UP, Direction.DOWN]


@pytest.mark.parametrize("spikes", [[30], [35, 60], [20, 45, 70, 71]])
def test_single_spikes_are_no_change(spikes: list[int]) -> None:
    series = _series(3, 1.0, runs=80)
    for at in spikes:
        series[at] *= 10
    assert judge(series).shifts == ()


def test_of_a_few_runs_nothing_is_said() -> None:
    fewest = FEWEST + LENGTHS[0]
    few = judge([1.0] * (fewest - 1))
    assert (few.enough, few.words) == (
        False,
        f"not enough data: {fewest - 1} runs, {fewest} are needed to see a change",
    )
    assert judge([]).enough is False
    assert judge([1.0] * fewest).words == "no change of level"


def test_what_never_varied_changes_when_it_does() -> None:
    (shift,) = judge([4096.0] * 40 + [8192.0] * 5).shifts
    assert shift.at == 40
    assert (shift.before, shift.after) == pytest.approx((4096, 8192))
    assert judge([0.0] * 40 + [5.0] * 5).shifts[0].relative == float("inf")
    assert judge([100.0] * 40 + [100.5] * 40).shifts == (), "a change of half a per cent is none that matters"


def test_a_run_is_the_ratio_to_its_reference_where_it_has_one() -> None:
    assert run_value([2.0, 2.2, 1.8, 2.1, 99.0]) == pytest.approx(2.0, abs=0.1)
    assert run_value([2.0, 2.2], [4.0, 4.4]) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="without a value"):
        run_value([])
    with pytest.raises(ValueError, match="reference is zero"):
        run_value([1.0], [0.0])


@pytest.mark.parametrize("noise", [normal, heavy])
def test_noise_gives_hardly_ever_an_alarm(noise: object) -> None:
    scenario = Scenario("", noise)  # type: ignore[arg-type]
    assert alarms(scenario, 60, seed=5) <= 0.05


def test_a_change_is_found_in_time() -> None:
    assert found(Scenario("", shift=0.1), 10, 40, seed=5) >= 0.85
    assert found(Scenario("", shift=0.05), 40, 40, seed=5) >= 0.85
    assert found(Scenario("", shift=0.05, repeated=4), 10, 40, seed=5) >= 0.85
    assert found(Scenario("", shift=0.0), 10, 40, seed=5) <= 0.1, "what finds a change everywhere finds none"


def test_a_drifting_host_is_not_in_the_ratio_of_a_pair() -> None:
    assert alarms(Scenario("", paired=True), 40, seed=5) <= 0.05

"""The intervals cover as often as they say, and no outlier moves them far."""

from __future__ import annotations

import random

import pytest

from vexlab.stats import CONFIDENCE, kendall_tau, median_interval, slope, slope_interval


@pytest.mark.parametrize(
    # Conover, table of confidence limits for the median: 1-based ranks and their probability
    ("count", "rank", "confidence"),
    [(6, 1, 0.96875), (7, 1, 0.984375), (9, 2, 0.9609375), (11, 2, 0.98828125), (17, 5, 0.951), (21, 6, 0.9734)],
)
def test_median_between_order_statistics(count: int, rank: int, confidence: float) -> None:
    values = [float(n) for n in range(1, count + 1)]
    found = median_interval(values)
    assert (found.low, found.high) == (rank, count + 1 - rank)
    assert found.middle == (count + 1) / 2
    assert found.confidence == pytest.approx(confidence, abs=1e-3)
    assert found.confidence >= CONFIDENCE


def test_too_few_values_give_no_interval() -> None:
    with pytest.raises(ValueError, match="6 are needed"):
        median_interval([1.0] * 5)
    with pytest.raises(ValueError, match="6 are needed"):
        slope_interval([1.0] * 5, [1.0] * 5)


def test_outliers_do_not_move_it() -> None:
    values = [1.0, 1.1, 0.9, 1.0, 1.05, 0.95, 1.0, 1.02, 0.98]
    found = median_interval([*values, 1e9, 1e-9])
    assert 0.9 <= found.low <= found.high <= 1.1


def test_it_covers_as_often_as_it_says() -> None:
    draw = random.Random(5)
    covered = sum(
        found.low <= 1 <= found.high
        for found in (median_interval([draw.lognormvariate(0, 1) for _ in range(11)]) for _ in range(2000))
    )
    assert covered / 2000 >= CONFIDENCE


@pytest.mark.parametrize("slope", [0.0, 1.0, -0.5])
def test_the_slope_of_a_noisy_line_is_enclosed(slope: float) -> None:
    draw = random.Random(3)
    inside = 0
    for _ in range(300):
        xs = [float(n) for n in range(20)]
        ys = [slope * x + draw.gauss(0, 1) + (50 if draw.random() < 0.05 else 0) for x in xs]
        found = slope_interval(xs, ys)
        inside += found.low <= slope <= found.high
    assert inside / 300 >= 0.93


def test_an_exact_line_has_a_narrow_slope() -> None:
    found = slope_interval(range(10), [3.0 * x for x in range(10)])
    assert (found.low, found.middle, found.high) == (3, 3, 3)


def test_one_x_has_no_slope() -> None:
    with pytest.raises(ValueError, match="same x"):
        slope_interval([1.0] * 7, range(7))


@pytest.mark.parametrize(
    ("values", "expected", "tau"),
    [
        ([], 0.0, 0.0),
        ([3.0], 0.0, 0.0),
        ([1.0, 3.0, 5.0, 7.0], 2.0, 1.0),
        ([7.0, 5.0, 3.0], -2.0, -1.0),
        ([4.0, 4.0, 4.0], 0.0, 0.0),
        ([1.0, 2.0, 1e9, 4.0, 5.0], 1.0, 0.6),  # eight of ten pairs rise, two fall
    ],
)
def test_slope_and_steadiness(values: list[float], expected: float, tau: float) -> None:
    assert slope(values) == expected
    assert kendall_tau(values) == pytest.approx(tau)

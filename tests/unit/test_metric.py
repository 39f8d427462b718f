"""Metrics: unit and direction by the end of the name."""

from __future__ import annotations

import pytest

from vexlab.model.metric import UNITS, Better, Direction, measured


@pytest.mark.parametrize(
    ("name", "unit", "direction", "words"),
    [
        ("load_s", "s", Direction.LOWER, "load 2 s"),
        ("read_bytes_per_s", "bytes/s", Direction.HIGHER, "read 2 bytes/s"),
        ("create_4_per_s", "/s", Direction.HIGHER, "create_4 2 /s"),
        ("states_per_minute", "/min", Direction.HIGHER, "states 2 /min"),
        ("p99_us", "us", Direction.LOWER, "p99 2 us"),
        ("growth_bytes", "bytes", Direction.LOWER, "growth 2 bytes"),
        ("passed_count", "", Direction.NONE, "passed 2"),
        ("left_ratio", "", Direction.NONE, "left 2"),
        ("seed", "", Direction.NONE, "seed 2"),
        ("cycles", "", Direction.NONE, "cycles 2"),
    ],
)
def test_the_end_of_the_name_tells_the_unit(name: str, unit: str, direction: Direction, words: str) -> None:
    metric = measured(name, 2.0)
    assert (metric.unit, metric.direction, str(metric)) == (unit, direction, words)


@pytest.mark.parametrize("better", ["lower", "higher", "none"])
def test_a_case_may_know_better(better: Better) -> None:
    assert measured("load_s", 1, better).direction == better
    with pytest.raises(ValueError, match="faster"):
        measured("load_s", 1, "faster")  # type: ignore[arg-type]


def test_no_unit_hides_another() -> None:
    suffixes = [unit.suffix for unit in UNITS]
    hidden = [(one, two) for at, one in enumerate(suffixes) for two in suffixes[at + 1 :] if two.endswith(one)]
    assert hidden == []

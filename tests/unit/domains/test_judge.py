"""A figure fails only where its whole interval is beyond the limit, and what is counted where it is over it."""

from __future__ import annotations

from typing import cast

import pytest

from vexlab.domains.performance_metrics.judge import Judge, in_pairs
from vexlab.domains.performance_metrics.requests import by_phase, least_of
from vexlab.guest.fsperf import REFERENCE, TARGET, Sample
from vexlab.model.metric import Better
from vexlab.plugin.fixtures import Metrics


class _Kept:
    def __init__(self) -> None:
        self.kept: dict[str, float] = {}
        self.better: dict[str, Better | None] = {}

    def record(self, name: str, value: float, *, better: Better | None = None) -> float:
        self.kept[name] = value
        self.better[name] = better
        return value


@pytest.fixture
def kept() -> _Kept:
    return _Kept()


@pytest.fixture
def judge(kept: _Kept) -> Judge:
    return Judge(cast("Metrics", kept))


def _sample(phase: str, side: int, number: int = 0, *, writes: int = 0, flushes: int = 0) -> Sample:
    return Sample(
        round=number,
        side=side,
        phase=phase,
        threads=1,
        count=10,
        ns=1000,
        cpu_ns=800,
        reads=0,
        read_sectors=0,
        writes=writes,
        write_sectors=8 * writes,
        flushes=flushes,
        slab_bytes=0,
        taken_bytes=0,
    )


def test_an_interval_that_reaches_the_limit_passes(judge: Judge, kept: _Kept) -> None:
    judge.compare("speed", [0.1, 0.2, 0.3, 0.2, 0.1, 0.6], least=0.5)
    judge.done()
    assert kept.kept["speed_low_ratio"] == 0.1
    assert kept.kept["speed_high_ratio"] == 0.6
    assert set(kept.better.values()) == {"higher"}, "there is a least that it must reach"


def test_an_interval_beyond_the_limit_fails(judge: Judge) -> None:
    judge.compare("speed", [0.1, 0.2, 0.3, 0.2, 0.1, 0.4], least=0.5)
    judge.compare("tail", [11, 12, 13, 14, 15, 16], most=10)
    with pytest.raises(AssertionError, match=r"speed_ratio is 0\.2.*less than 0\.5; tail_ratio.*more than 10"):
        judge.done()


def test_what_is_counted_may_reach_what_is_allowed(judge: Judge) -> None:
    judge.count("flushes", 8, 2, most=8)
    judge.done()
    judge.count("flushes", 9, 2, most=8)
    with pytest.raises(AssertionError, match="flushes is 9, the reference's 2, allowed are 8"):
        judge.done()


def test_samples_are_paired_by_phase() -> None:
    samples = [_sample(phase, side) for phase in ("create", "stat") for side in (TARGET, REFERENCE)]
    assert in_pairs(samples, "stat") == [(samples[2], samples[3])]


def test_the_requests_of_a_sync_belong_to_what_came_before() -> None:
    samples = [
        each
        for number in (0, 1)
        for each in (
            _sample("create", TARGET, number, writes=1),
            _sample("create", REFERENCE, number, writes=9),
            _sample("sync", TARGET, number, writes=3 + number, flushes=2),
            _sample("unlink", TARGET, number),
        )
    ]
    found = by_phase(samples, TARGET)
    assert [each.writes for each in found["create"]] == [4, 5]
    assert least_of(found["create"]).writes == 4
    assert least_of(found["create"]).flushes == 2
    assert [each.writes for each in found["unlink"]] == [0, 0]

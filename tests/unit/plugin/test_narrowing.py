"""What a request leaves of the cases: exclusions, phases, safety, files of ids, shards, components."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.model.case import Safety
from vexlab.model.key import CaseKey
from vexlab.model.request import Request
from vexlab.plugin.marks import CaseMarks
from vexlab.plugin.narrowing import is_wanted, shard_of, shard_problem


def _marks(name: str = "a", domain: str = "d", **more: object) -> CaseMarks:
    given: dict[str, object] = {
        "level": 1, "scenario": 0, "safety": Safety.SAFE, "quick": False, "single_thread_tcg": False,
        "crafted_images": False, **more,
    }  # fmt: skip
    return CaseMarks(key=CaseKey(domain=domain, name=name, kernel="6.1"), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("request_", "marks", "wanted"),
    [
        (Request(skip=("d.a",)), _marks(), False),
        (Request(skip=("d.b*",)), _marks(), True),
        (Request(skip=("d.*[6.1]",)), _marks(), False),
        (Request(phase="basic"), _marks(scenario=2), True),
        (Request(phase="basic"), _marks(scenario=3), False),
        (Request(phase="specific"), _marks(scenario=6), True),
        (Request(safety="risky"), _marks(safety=Safety.DANGEROUS), False),
        (Request(safety="risky"), _marks(safety=Safety.RISKY), True),
        (Request(safety="safe"), _marks(safety=Safety.RISKY), False),
        (Request(safety="dangerous"), _marks(safety=Safety.DANGEROUS), True),
        (Request(level=1), _marks("io_cached", "performance_metrics", level=2), False),
        (Request(level=1, benchmarks=True), _marks("io_cached", "performance_metrics", level=2), True),
        (Request(level=2, benchmarks=True), _marks(level=1), False),
        (Request(level=2), _marks(domain="components"), True),
        (Request(benchmarks=True, skip=("performance*",)), _marks("io_cached", "performance_metrics"), False),
    ],
)
def test_a_request_narrows_the_cases_down(request_: Request, marks: CaseMarks, *, wanted: bool) -> None:
    assert is_wanted(request_, marks) is wanted


def test_files_of_ids_mean_themselves(tmp_path: Path) -> None:
    file = tmp_path / "ids"
    file.write_text("d.a[6.1]\n\nd.c[6.1]\n")
    assert is_wanted(Request(only=str(file)), _marks("a"))
    assert not is_wanted(Request(only=str(file)), _marks("ab"))


SECONDS = {f"d.{number}": float(number) for number in range(1, 42)}


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shards_hold_each_case_once_and_take_about_as_long(count: int) -> None:
    parts = [shard_of(f"{number}/{count}", SECONDS) for number in range(1, count + 1)]
    assert sorted(case for part in parts for case in part) == sorted(SECONDS)
    sums = [sum(SECONDS[case] for case in part) for part in parts]
    assert max(sums) - min(sums) <= max(SECONDS.values()) / 2


def test_without_a_shard_there_is_one() -> None:
    assert shard_of("", SECONDS) == set(SECONDS)


@pytest.mark.parametrize(
    ("shard", "wrong"), [("1/1", False), ("2/2", False), ("0/2", True), ("3/2", True), ("1/0", True)]
)
def test_a_part_that_there_is_not_is_told(shard: str, *, wrong: bool) -> None:
    assert bool(shard_problem(shard)) is wrong

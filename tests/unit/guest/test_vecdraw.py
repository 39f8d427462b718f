"""vecdraw: vectors around centres that two commands share."""

from __future__ import annotations

import math
import struct
import subprocess
from pathlib import Path

import pytest

DIM = 16


def _drawn(programs: Path, **settings: int) -> list[tuple[float, ...]]:
    words = [f"--{name}={value}" for name, value in {"dim": DIM, "clusters": 5, "spread": 10, **settings}.items()]
    done = subprocess.run([programs / "vecdraw", *words], capture_output=True, check=True, timeout=20)
    row = struct.Struct(f"<i{DIM}f")
    rows = list(row.iter_unpack(done.stdout))
    assert {length for length, *_ in rows} == {DIM}
    return [tuple(row[1:]) for row in rows]


def test_vectors_lie_around_few_centres(programs: Path) -> None:
    vectors = _drawn(programs, count=400, centres=1, seed=2)
    near = [vector for vector in vectors if math.dist(vector, vectors[0]) < 1.2]
    assert 40 < len(near) < 120, "a fifth of the vectors lies around the centre of the first"
    assert 0.2 < math.dist(near[1], near[2]) < 1.2


def test_seeds(programs: Path) -> None:
    vectors = _drawn(programs, count=200, centres=1, seed=2)
    assert _drawn(programs, count=200, centres=1, seed=2) == vectors
    others = _drawn(programs, count=50, centres=1, seed=3)
    assert not set(others) & set(vectors)
    assert all(min(math.dist(other, each) for each in vectors) < 1.2 for other in others), "the centres are the same"
    foreign = _drawn(programs, count=50, centres=9, seed=3)
    assert sum(min(math.dist(other, each) for each in vectors) < 1.2 for other in foreign) == 0


@pytest.mark.parametrize("words", [[], ["--count=1", "--dim=0", "--clusters=1"], ["--count=x"], ["--dim=5000"]])
def test_wrong_settings(programs: Path, words: list[str]) -> None:
    done = subprocess.run([programs / "vecdraw", *words], capture_output=True, text=True, check=False, timeout=20)
    assert done.returncode == 2
    assert "vecdraw --count" in done.stderr or "unrecognized" in done.stderr

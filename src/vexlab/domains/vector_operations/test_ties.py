"""Vectors that are equally far: of those at the k-th distance the lowest ids are found, however many there are."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence

import pytest

from vexlab.guest.vectors import Vector, VectorStore
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

_COPIES = 30
_NEAR = 1e-12  # relative error allowed to a distance

# All orders and signs of three numbers: equally long, and in groups equally far from most queries.
_SYMMETRIC: tuple[Vector, ...] = tuple(
    (sign[0] * x, sign[1] * y, sign[2] * z)
    for x, y, z in itertools.permutations((1.0, 2.0, 3.0))
    for sign in itertools.product((1, -1), repeat=3)
)
_FEW: tuple[Vector, ...] = ((0.0, 0.0, 1.0), (0.0, 2.0, 0.0), (1.0, 1.0, 1.0), (-1.0, -1.0, -1.0), (4.0, 0.0, 0.0))
_QUERIES: tuple[Vector, ...] = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (3.0, 2.0, 1.0))


def _cosine(a: Vector, b: Vector) -> float:
    lengths = math.sqrt(_squares(a)) * math.sqrt(_squares(b))
    return max(0.0, 1 - _product(a, b) / lengths) if lengths else 1.0


def _product(a: Vector, b: Vector) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def _squares(a: Vector) -> float:
    return _product(a, a)


# Whole numbers this small make every sum exact, whatever its order: what is equally far here is so for every program.
_DISTANCES: Mapping[str, Callable[[Vector, Vector], float]] = {
    "euclidean": lambda a, b: math.sqrt(_squares(tuple(x - y for x, y in zip(a, b, strict=True)))),
    "cosine": _cosine,
    "dot": lambda a, b: -_product(a, b),
    "manhattan": lambda a, b: sum(abs(x - y) for x, y in zip(a, b, strict=True)),
}


def _nearest(stored: Mapping[int, Vector], query: Vector, metric: str) -> list[tuple[float, int]]:
    """Return distance and id of all that are stored, by distance, then by id."""
    return sorted((_DISTANCES[metric](vector, query), number) for number, vector in stored.items())


def _search(store: VectorStore, path: str, stored: Mapping[int, Vector], metric: str, sizes: Sequence[int]) -> int:
    """Search for each of ``sizes`` from each query; return how many searches that were."""
    searches = 0
    for k in sizes:
        for query, hits in zip(_QUERIES, store.search(path, _QUERIES, k=k), strict=True):
            searches += 1
            wanted = _nearest(stored, query, metric)[:k]
            told = f"{metric}, from {query}, k = {k} of {len(stored)}"
            found, ids = [hit.id for hit in hits], [number for _, number in wanted]
            assert len(found) == len(ids), f"{told}: {len(found)} found, not {len(ids)}"
            assert len(set(found)) == len(found), f"{told}: an id is found twice"
            for place, (hit, (distance, number)) in enumerate(zip(hits, wanted, strict=True), 1):
                assert abs(hit.distance - distance) <= _NEAR * max(1, abs(distance)), (
                    f"{told}: at place {place} is {hit.distance!r}, not {distance!r}"
                )
                assert hit.id == number, f"{told}: at place {place} is id {hit.id} at {distance!r}, not id {number}"
    return searches


def test_ties(store: VectorStore, collection: str, metrics: Metrics) -> None:
    """Where vectors are equally far a search finds those with the lowest ids, for k below, at and above their number.

    Copies and mirror images are added in turn, so that a tie's ids lie far apart; some of a tie are deleted.
    """
    vectors = [*(_FEW * _COPIES), *_SYMMETRIC]
    searches = 0
    for metric in _DISTANCES:
        path = f"{collection}.{metric}"
        assert store.create(path, dim=3, metric=metric).ok
        added = store.add(path, vectors)
        assert added.ok, f"the vectors cannot be added: {added}"
        first = 0 if store.get(path, [0]) else 1
        stored = dict(enumerate(vectors, first))
        searches += _search(store, path, stored, metric, (_COPIES // 2, _COPIES + 1))
        if metric == "euclidean":
            searches += _search(store, path, stored, metric, (1, _COPIES, len(stored) + 1))
            gone = [number for number in stored if number % 7 == 0]
            deleted = store.delete(path, gone)
            assert deleted.ok, f"deleting failed: {deleted}"
            left = {number: vector for number, vector in stored.items() if number not in gone}
            searches += _search(store, path, left, metric, (_COPIES // 2,))
    metrics.record("searches_count", searches)

"""Scenario 5: vectors are stored on 500 MB, come back bit by bit, are found exactly, and stay."""

from __future__ import annotations

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.guest.vectors import DISTANCES, Vector, VectorStore, draw, wrong_hits
from vexlab.model.machine import Disk
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.vm(disks=(Disk(serial="scratch", size=500),)),
    pytest.mark.single_thread_tcg,
]

_AT_ONCE = 500

_TOGETHER = script("add_together.sh")


def _stored(store: VectorStore, path: str, ids: list[int]) -> dict[int, Vector]:
    found: dict[int, Vector] = {}
    for start in range(0, len(ids), _AT_ONCE):
        found |= store.get(path, ids[start : start + _AT_ONCE])
    return found


def _fill(store: VectorStore, path: str, vectors: list[Vector], metric: str = "euclidean") -> dict[int, Vector]:
    """Make a collection of ``vectors`` and return what it says is stored, which must be they, in order."""
    made = store.create(path, dim=len(vectors[0]), metric=metric)
    assert made.ok, f"the collection cannot be made: {made}"
    added = store.add(path, vectors)
    assert added.ok, f"the vectors cannot be added: {added}"
    live = store.live(path)
    assert live == len(vectors), f"{len(vectors)} were added, {live} are there"
    numbers = _ids(store, path, len(vectors))
    return dict(zip(numbers, vectors, strict=True))


def _ids(store: VectorStore, path: str, count: int) -> list[int]:
    for first in (0, 1):
        if store.get(path, [first]):
            return list(range(first, first + count))
    raise AssertionError("neither 0 nor 1 is the first id")


def _check(
    store: VectorStore, path: str, stored: dict[int, Vector], queries: list[Vector], metric: str, k: int
) -> None:
    for query, hits in zip(queries, store.search(path, queries, k=k), strict=True):
        wrong = wrong_hits(hits, stored, query, metric, k)
        assert not wrong, f"{metric}, {len(query)} dimensions, k = {k}: {wrong}"


@pytest.mark.quick
def test_store_read_back(store: VectorStore, collection: str, mounted: GuestFilesystem, metrics: Metrics) -> None:
    """1,000 vectors come back bit by bit by their ids, before and after unmount, fsck and mount."""
    stored = _fill(store, collection, draw(1, 1000, 24))
    assert _stored(store, collection, list(stored)) == stored, "vectors come back changed"
    PostChecks(mounted).again()
    again = _stored(store, collection, list(stored))
    metrics.record("vectors_count", len(again))
    changed = [number for number in stored if again.get(number) != stored[number]]
    assert not changed, (
        f"{len(changed)} of {len(stored)} vectors are not the same after mount, the first is {changed[0]}"
    )


@pytest.mark.parametrize("metric", [pytest.param("euclidean", marks=pytest.mark.quick), *list(DISTANCES)[1:]])
def test_search_exact(store: VectorStore, collection: str, metric: str) -> None:
    """Each metric finds exactly the nearest, with their distances, for every query and k up to all and beyond."""
    stored = _fill(store, collection, draw(2, 400, 17), metric)
    for k in (1, 10, 400, 1000):
        _check(store, collection, stored, draw(k, 6, 17), metric, k)


@pytest.mark.parametrize("dim", [1, 2, 3, 127, 1023, 1024, 1025, 4095, 4096])
@pytest.mark.level(2)
def test_dimensions(store: VectorStore, collection: str, dim: int) -> None:
    """Vectors of any number of dimensions, records within, at and across blocks, come back and are found exactly."""
    stored = _fill(store, collection, draw(dim, 30, dim))
    assert _stored(store, collection, list(stored)) == stored, "vectors come back changed"
    _check(store, collection, stored, draw(dim + 1, 3, dim), "euclidean", 30)


@pytest.mark.parametrize("metric", list(DISTANCES))
def test_edge_values(store: VectorStore, collection: str, metric: str) -> None:
    """The zero vector, huge, tiny and negative components and duplicates have the distances they must have."""
    largest, smallest = 3.4028234663852886e38, 1.401298464324817e-45
    edges: list[Vector] = [
        (0.0, 0.0, 0.0),
        (-0.0, 0.0, -0.0),
        (largest, 0.0, 0.0),
        (-largest, -largest, -largest),
        (smallest, 0.0, smallest),
        (1.0, 1.0, 1.0),
        (1.0, 1.0, 1.0),
        (-1.0, -1.0, -1.0),
    ]
    stored = _fill(store, collection, edges, metric)
    _check(store, collection, stored, [(0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (largest, largest, -largest)], metric, 8)


def test_delete(store: VectorStore, collection: str, mounted: GuestFilesystem) -> None:
    """What is deleted is neither read nor found, also after mount; the rest is; ids are not given out again."""
    stored = _fill(store, collection, draw(3, 300, 8))
    gone = [number for number in stored if number % 3 == 0 or number > 280]
    deleted = store.delete(collection, gone)
    assert deleted.ok, f"deleting failed: {deleted}"
    left = {number: vector for number, vector in stored.items() if number not in gone}
    for phase in ("at once", "after mount"):
        assert store.live(collection) == len(left), f"{phase}: {store.live(collection)} are there, not {len(left)}"
        assert not _stored(store, collection, gone[:1]), f"{phase}: a deleted vector can be read"
        assert _stored(store, collection, list(left)) == left, f"{phase}: other vectors are changed"
        _check(store, collection, left, draw(4, 5, 8), "euclidean", 300)
        PostChecks(mounted).again()
    assert not store.delete(collection, gone[:1]).ok, "a vector was deleted twice"
    assert store.add(collection, draw(5, 10, 8)).ok
    assert not _stored(store, collection, gone[-1:]), "a new vector got the id of a deleted one"
    assert _stored(store, collection, list(left)) == left


def test_refused(store: VectorStore, collection: str, machine: Machine) -> None:
    """Wrong dimensions, unknown ids and files that are no collection are refused, and nothing is changed by it."""
    stored = _fill(store, collection, draw(6, 50, 4))
    assert not store.add(collection, draw(7, 3, 5)).ok, "vectors of 5 dimensions went into a collection of 4"
    assert not store.get(collection, [max(stored) + 1]), "an id that was never given out can be read"
    assert not store.delete(collection, [10**9]).ok, "an id that was never given out was deleted"
    assert not store.create(collection, dim=4).ok, "a collection was made of a collection"
    plain = f"{collection}.plain"
    assert machine.shell(f"echo text >{plain}").ok
    assert not store.add(plain, draw(8, 1, 4)).ok, "a vector went into a file of text"
    assert not store.create(plain, dim=4).ok, "a file of text was made a collection"
    assert machine.exec(["cat", plain]).text == "text", "a refused call changed a file of text"
    assert store.live(collection) == len(stored)
    assert _stored(store, collection, list(stored)) == stored, "refused calls changed vectors"


def test_many_collections(store: VectorStore, collection: str, mounted: GuestFilesystem) -> None:
    """Twelve collections, added to in turn, keep apart."""
    paths = [f"{collection}.{number}" for number in range(12)]
    contents = {path: draw(seed, 40, 5 + seed) for seed, path in enumerate(paths)}
    for path, vectors in contents.items():
        assert store.create(path, dim=len(vectors[0])).ok
    for start in range(0, 40, 20):
        for path, vectors in contents.items():
            added = store.add(path, vectors[start : start + 20])
            assert added.ok, f"adding failed: {added}"
    PostChecks(mounted).again()
    for path, vectors in contents.items():
        found = _stored(store, path, _ids(store, path, 40))
        assert list(found.values()) == vectors, f"{path} holds other vectors"


@pytest.mark.single_thread_tcg(yes=False)
def test_concurrent_clients(store: VectorStore, collection: str, machine: Machine) -> None:
    """Of four that add and two that search at once none fails, and afterwards every batch is there once each."""
    vectors = draw(9, 5, 32)
    batch = "".join(" ".join(map(repr, vector)) + "\n" for vector in vectors)
    machine.push(batch.encode(), "/tmp/batch.txt")
    stored = _fill(store, collection, vectors)
    result = machine.shell(_TOGETHER, collection, "/tmp/batch.txt", timeout=180)
    assert result.ok, f"they did not end well: {result}"
    assert not result.text, f"they report: {result.text[:500]}"
    count = len(stored) + 4 * 20 * len(vectors)
    assert store.live(collection) == count, f"{store.live(collection)} are there, not {count}"
    everything = _stored(store, collection, _ids(store, collection, count))
    batches = sorted(everything.items())
    for start in range(0, count, len(vectors)):
        found = [vector for _, vector in batches[start : start + len(vectors)]]
        assert found == vectors, f"the batch from id {batches[start][0]} on is not as it was added"


@pytest.mark.level(2)
@pytest.mark.slow
def test_many_vectors(store: VectorStore, collection: str, metrics: Metrics) -> None:
    """Among 100,000 vectors the nearest are found exactly: recall@10 is 1."""
    vectors = draw(10, 100_000, 8)
    assert store.create(collection, dim=8).ok
    added = store.add(collection, vectors)
    assert added.ok, f"adding failed: {added}"
    metrics.record("added_per_s", len(vectors) / added.duration)
    first = _ids(store, collection, 1)[0]
    _check(store, collection, dict(enumerate(vectors, first)), draw(11, 3, 8), "euclidean", 10)
    assert store.live(collection) == len(vectors)

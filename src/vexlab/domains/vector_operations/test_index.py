"""The approximate index: what searches by it may give, and that it stays what it is told to be."""

from __future__ import annotations

import math

import pytest

from vexlab.errors import TargetFailure
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.guest.vectors import DISTANCES, Hit, IndexedStore, Vector, draw, wrong_hits
from vexlab.model.machine import Disk

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.vm(disks=(Disk(serial="scratch", size=500),)),
    pytest.mark.single_thread_tcg,
]

_COUNT, _DIM, _LISTS, _K = 600, 16, 20, 10
_ALL = 4096  # as many lists as there may be: through all of them the nearest must be found, as by an exact search
_NEAR = 1e-9  # relative; distances are sums of binary64 numbers


def fill(store: IndexedStore, path: str, vectors: list[Vector], metric: str = "euclidean") -> dict[int, Vector]:
    """Make a collection of ``vectors`` and return them by their ids."""
    made = store.create(path, dim=len(vectors[0]), metric=metric)
    assert made.ok, f"the collection cannot be made: {made}"
    added = store.add(path, vectors)
    assert added.ok, f"the vectors cannot be added: {added}"
    return dict(enumerate(vectors, 1))


def exact_by_index(
    store: IndexedStore, path: str, stored: dict[int, Vector], queries: list[Vector], metric: str = "euclidean"
) -> None:
    """Assert that a search by index through all lists finds exactly the nearest of ``stored``."""
    for query, hits in zip(queries, store.search_index(path, queries, k=_K, probes=_ALL), strict=True):
        wrong = wrong_hits(hits, stored, query, metric, _K)
        assert not wrong, f"{metric}, by index, through all lists: {wrong}"


def _wrong_part(hits: list[Hit], stored: dict[int, Vector], query: Vector, metric: str) -> str:
    """Return what is wrong with an answer that may lack vectors, but not have others, or other distances."""
    if len({hit.id for hit in hits}) != len(hits):
        return "an id is found twice"
    for hit in hits:
        if hit.id not in stored:
            return f"id {hit.id} is not stored"
        should = DISTANCES[metric](stored[hit.id], query)
        if not math.isclose(hit.distance, should, rel_tol=_NEAR, abs_tol=_NEAR):
            return f"id {hit.id} is at {should!r}, the answer says {hit.distance!r}"
    order = [(hit.distance, hit.id) for hit in hits]
    return "" if order == sorted(order) else "the nearest does not come first"


def no_index(store: IndexedStore, path: str, query: Vector) -> None:
    """Assert that a search by index is refused."""
    try:
        (hits,) = store.search_index(path, [query], k=1, probes=1)
    except TargetFailure:
        return
    raise AssertionError(f"there is no index, and a search by it finds {hits}")


@pytest.mark.parametrize("metric", [pytest.param("euclidean", marks=pytest.mark.quick), *list(DISTANCES)[1:]])
def test_index_answers(indexed: IndexedStore, collection: str, metric: str) -> None:
    """By index, answers hold stored vectors, once each, with their distances; through all lists exactly the nearest."""
    stored = fill(indexed, collection, draw(61, _COUNT, _DIM), metric)
    queries = draw(62, 4, _DIM)
    no_index(indexed, collection, queries[0])
    built = indexed.index(collection, lists=_LISTS)
    assert (built.count, built.lists) == (_COUNT, _LISTS)
    exact_by_index(indexed, collection, stored, queries, metric)
    for probes in (1, 3):
        for query, hits in zip(queries, indexed.search_index(collection, queries, k=_K, probes=probes), strict=True):
            wrong = _wrong_part(hits, stored, query, metric)
            assert not wrong, f"{metric}, by index, through {probes} lists: {wrong}"
    for query, hits in zip(queries, indexed.search(collection, queries, k=_K), strict=True):
        wrong = wrong_hits(hits, stored, query, metric, _K)
        assert not wrong, f"{metric}, exactly, with an index beside: {wrong}"
    assert indexed.drop_index(collection).ok
    no_index(indexed, collection, queries[0])


def test_index_changes(indexed: IndexedStore, collection: str) -> None:
    """Vectors added since the index was made are found, deleted ones are not; the next index covers what is there."""
    stored = fill(indexed, collection, draw(63, _COUNT, _DIM))
    indexed.index(collection, lists=_LISTS)
    later = draw(64, 40, _DIM)
    assert indexed.add(collection, later).ok
    stored |= dict(enumerate(later, _COUNT + 1))
    (hits,) = indexed.search_index(collection, later[7:8], k=1, probes=1)
    assert [hit.id for hit in hits] == [_COUNT + 8], f"a vector that was added after the index is not found: {hits}"
    gone = [*range(3, 200, 2), _COUNT + 1]
    assert indexed.delete(collection, gone).ok
    queries = [stored[3], stored[_COUNT + 1], *draw(65, 3, _DIM)]
    stored = {number: vector for number, vector in stored.items() if number not in gone}
    exact_by_index(indexed, collection, stored, queries)
    built = indexed.index(collection, lists=_LISTS)
    assert built.count == _COUNT + len(later), f"the new index covers {built.count} of {_COUNT + len(later)} ids"
    exact_by_index(indexed, collection, stored, queries)


def test_index_persists(indexed: IndexedStore, collection: str, mounted: GuestFilesystem) -> None:
    """An index is there after unmount, fsck and mount, alike in every answer, and so are the changes made since."""
    stored = fill(indexed, collection, draw(66, _COUNT, _DIM))
    indexed.index(collection, lists=_LISTS)
    queries = draw(67, 3, _DIM)
    before = indexed.search_index(collection, queries, k=_K, probes=2)
    PostChecks(mounted).again()
    after = indexed.search_index(collection, queries, k=_K, probes=2)
    assert after == before, f"by index, mounted again, it finds {after}, and found {before}"
    later = draw(68, 5, _DIM)
    assert indexed.add(collection, later).ok
    assert indexed.delete(collection, [1, _COUNT]).ok
    stored |= dict(enumerate(later, _COUNT + 1))
    for number in (1, _COUNT):
        del stored[number]
    PostChecks(mounted).again()
    exact_by_index(indexed, collection, stored, [*queries, later[0], draw(66, 1, _DIM)[0]])


def test_index_space(indexed: IndexedStore, collection: str, mounted: GuestFilesystem) -> None:
    """A new index takes the room of the old one; taking it away, or removing the collection, gives all of it back."""
    checks = PostChecks(mounted)
    stored = fill(indexed, collection, draw(69, _COUNT, _DIM))
    without = _free(mounted)
    for round_ in range(6):
        indexed.index(collection, lists=_LISTS + round_ % 2)
        if not round_:
            once = _free(mounted)
    assert _free(mounted) == once, f"after six indexes {_free(mounted)} (blocks, inodes) are free, after one {once}"
    exact_by_index(indexed, collection, stored, draw(70, 2, _DIM))
    assert indexed.drop_index(collection).ok
    assert _free(mounted) == without, f"{_free(mounted)} are free, before there was an index {without}"
    indexed.index(collection, lists=_LISTS)
    other = f"{mounted.mountpoint}/other"
    fill(indexed, other, draw(71, 50, _DIM))
    indexed.index(other, lists=3)
    checks.again()
    assert mounted.machine.exec(["rm", collection]).ok  # the index with the file, not yet loaded since the mount


def _free(mounted: GuestFilesystem) -> tuple[int, ...]:
    """Return the free blocks and inodes when all that was done is on the disk."""
    told = mounted.machine.shell(f"sync && stat -f -c '%f %d' {mounted.mountpoint}", timeout=60)
    assert told.ok, str(told)
    return tuple(map(int, told.text.split()))

"""Vectors: how fast they are added, fetched and searched, and how that and the memory taken grow with their number."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from statistics import median

import pytest

from vexlab.domains.performance_metrics.judge import Judge
from vexlab.domains.performance_metrics.limits import Limits
from vexlab.domains.performance_metrics.machines import SHAPE
from vexlab.domains.performance_metrics.pair import Pair
from vexlab.guest.vectors import ADAPTERS, Vector, VectorStore, draw
from vexlab.observe.memory import SAMPLE, parse_samples
from vexlab.plugin.fixtures import Metrics
from vexlab.stats import median_interval, slope_interval

pytestmark = [
    pytest.mark.domain("performance_metrics"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.vm(**SHAPE),
]

_DIM, _METRIC = 32, "euclidean"
_BATCHES, _BATCH = 12, 1500
_QUERIES, _FETCHED, _SINGLE = 4, 300, 400

# What the machine can do at this moment: as many bytes go to the reference, and are read and hashed, as the target is
# asked to deal with.
_REFERENCE = "head -c {size} /tmp/ballast >>{folder}/copy && for n in $(seq {times}); do md5sum {folder}/copy; done"
# What was pushed into the guest lies in its memory, too.
_FREE = f"rm -f /tmp/*.fvecs; echo 1 >/proc/sys/vm/stat_refresh; {SAMPLE}"


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


class _Rates:
    """Adds to, fetches from and searches one collection, and the like on the reference, batch by batch."""

    def __init__(self, pair: Pair, store: VectorStore) -> None:
        self._pair = pair
        self._store = store
        self._path = f"{pair.folders[0]}/collection"
        self.sizes: list[int] = []
        self.seconds: dict[str, list[float]] = {"add": [], "single": [], "get": [], "search": [], "reference": []}
        made = store.create(self._path, dim=_DIM, metric=_METRIC)
        assert made.ok, f"the collection cannot be made: {made}"
        size = _BATCH * _DIM * 4
        ready = pair.machine.shell(f"head -c {size} /dev/urandom >/tmp/ballast")
        assert ready.ok, f"the reference's bytes cannot be made: {ready}"

    def batch(self, vectors: list[Vector], queries: list[Vector]) -> None:
        """Do one batch; the size noted is the number of vectors when the fetches and searches ran."""
        self.seconds["add"].append(_timed(lambda: self._add(vectors[_SINGLE:])))
        self.seconds["single"].append(_timed(lambda: self._add(vectors[:_SINGLE], at_once=1)))
        self.sizes.append((self.sizes[-1] if self.sizes else 0) + len(vectors))
        ids = range(1, self.sizes[-1], max(self.sizes[-1] // _FETCHED, 1))[:_FETCHED]
        self.seconds["get"].append(_timed(lambda: self._get(list(ids))))
        self.seconds["search"].append(_timed(lambda: self._store.search(self._path, queries, k=10)))
        self.seconds["reference"].append(_timed(self._reference))

    def _add(self, vectors: list[Vector], *, at_once: int = 0) -> None:
        added = self._store.add(self._path, vectors, at_once=at_once)
        assert added.ok, f"the vectors cannot be added: {added}"

    def _get(self, ids: list[int]) -> None:
        found = self._store.get(self._path, ids)
        assert len(found) == len(ids), f"of {len(ids)} vectors {len(found)} can be read"

    def _reference(self) -> None:
        size = _BATCH * _DIM * 4
        script = _REFERENCE.format(size=size, folder=self._pair.folders[1], times=_QUERIES)
        result = self._pair.machine.shell(script, timeout=120)
        assert result.ok, f"the reference's work cannot be done: {result}"


def test_vectors_rates(ext2: Pair, judge: Judge, metrics: Metrics, limits: Limits) -> None:
    """Adding and fetching take no longer the more vectors there are; a search's time grows no faster than they do."""
    rates = _Rates(ext2, ADAPTERS[ext2.target.target.vectors](ext2.machine))
    for number in range(_BATCHES):
        rates.batch(draw(number, _BATCH, _DIM), draw(1000 + number, _QUERIES, _DIM))
    for name, each in (("add", _BATCH - _SINGLE), ("single", _SINGLE), ("get", _FETCHED), ("search", _QUERIES)):
        seconds = rates.seconds[name]
        metrics.record(f"{name}_per_s", median(each / one for one in seconds))
        slope = slope_interval(list(map(math.log, rates.sizes)), list(map(math.log, seconds)))
        judge.interval(f"{name}_exponent", slope, most=limits.exponent + (name == "search"))
    against = zip(rates.seconds["search"], rates.seconds["reference"], strict=True)
    judge.compare("search_hash", [search / other for search, other in against], most=limits.search)
    ext2.clear()
    judge.done()


def test_vectors_memory(ext2: Pair, judge: Judge, limits: Limits) -> None:
    """When caches are dropped vectors keep no memory, no more than the same bytes in a file of the reference do."""
    store = ADAPTERS[ext2.target.target.vectors](ext2.machine)
    kept = []
    size = _BATCH * _DIM * 4
    assert ext2.machine.shell(f"head -c {size} /dev/urandom >/tmp/ballast").ok
    vectors = draw(7, _BATCH, _DIM)
    for number in range(8):
        path = f"{ext2.folders[0]}/collection{number}"
        free = [_free(ext2)]
        assert store.create(path, dim=_DIM, metric=_METRIC).ok
        assert store.add(path, vectors).ok
        free.append(_free(ext2))
        assert ext2.machine.shell(f"cp /tmp/ballast {ext2.folders[1]}/copy{number}").ok
        free.append(_free(ext2))
        kept.append(((free[0] - free[1]) - (free[1] - free[2])) / _BATCH)
    judge.interval("vector_kept_bytes", median_interval(kept[1:]), most=limits.vector_kept_bytes)
    ext2.clear()
    judge.done()


def _free(pair: Pair) -> int:
    result = pair.machine.shell(_FREE, timeout=120)
    assert result.ok, f"free memory cannot be read: {result}"
    return parse_samples(result.text)[0].free

"""Vectors and files at the same time, as a program that indexes what it is given uses both."""

from __future__ import annotations

import time

import pytest

from vexlab.domains.integration.machines import MACHINE
from vexlab.domains.integration.workflow import Workflow, words_of
from vexlab.guest.vectors import ADAPTERS, Vector, VectorStore, draw, wrong_hits
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("integration"),
    pytest.mark.level(2),
    pytest.mark.slow,
    pytest.mark.needs(mkfs=True, vectors=True),
    MACHINE,
]

_STEP_S = 240.0
_DIM, _BATCH, _K, _LEAST = 24, 40, 10, 6


def test_vectors_concurrent(workflow: Workflow, target: Target, metrics: Metrics) -> None:
    """While four append to logs that are renamed and compressed, vectors come, go, and are found exactly."""
    store = ADAPTERS[target.vectors](workflow.machine)
    path = f"{workflow.mountpoint}/collection"
    assert store.create(path, dim=_DIM).ok
    assert store.add(path, draw(0, _BATCH, _DIM)).ok
    base = 0 if store.get(path, [0]) else 1
    stored = dict(enumerate(draw(0, _BATCH, _DIM), base))
    argv = ["/bin/bash", "-c", workflow.script("logs"), "logs", workflow.mountpoint, "rotated"]
    begun = time.monotonic()
    pid = workflow.machine.begin(argv)
    rounds, logs = 0, None
    while logs is None:
        assert time.monotonic() - begun < _STEP_S, f"the logs are not done after {rounds} rounds of vectors"
        rounds += 1
        _round(store, path, stored, rounds, base + rounds * _BATCH)
        logs = workflow.machine.ended(pid, argv, begun)
    assert logs.ok, f"the logs: {words_of(logs)}"
    assert rounds >= _LEAST, f"only {rounds} rounds of vectors came while the logs were written"
    metrics.record("rounds_count", rounds)
    workflow.remount()
    workflow.run("logs", "whole", timeout=_STEP_S)
    assert store.get(path, list(stored)) == stored, "the vectors are not kept"
    _found(store, path, stored, seed=-1)


def _round(store: VectorStore, path: str, stored: dict[int, Vector], number: int, first: int) -> None:
    """Add a batch, whose ids begin at ``first``, delete some of it, and search among all; ``stored`` follows."""
    batch = draw(number, _BATCH, _DIM)
    added = store.add(path, batch)
    assert added.ok, f"batch {number} cannot be added: {added}"
    stored |= dict(enumerate(batch, first))
    gone = [first, first + _BATCH // 2]
    deleted = store.delete(path, gone)
    assert deleted.ok, f"{gone} cannot be deleted: {deleted}"
    for each in gone:
        del stored[each]
    _found(store, path, stored, seed=1000 + number)


def _found(store: VectorStore, path: str, stored: dict[int, Vector], *, seed: int) -> None:
    queries = draw(seed, 2, _DIM)
    for query, hits in zip(queries, store.search(path, queries, k=_K), strict=True):
        wrong = wrong_hits(hits, stored, query, "euclidean", _K)
        assert not wrong, f"among {len(stored)} vectors: {wrong}"

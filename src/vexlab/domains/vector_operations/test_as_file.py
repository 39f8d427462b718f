"""A collection used as the file that it also is: its bytes are not the user's to change, by whatever way."""

from __future__ import annotations

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.program import run_program
from vexlab.guest.vectors import VectorStore, draw
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import SCRIPTS, script

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

_PROGRAM = SCRIPTS / "vector_file_writes.py"


def test_collection_as_file(
    store: VectorStore, collection: str, target: Target, mounted: GuestFilesystem, metrics: Metrics
) -> None:
    """Writing to a collection, cutting it and storing through a mapping are refused, and not a vector is changed."""
    if target.vectors != "vexctl":
        pytest.skip("that a collection is no file to write to is VexFS's own rule")
    vectors = draw(21, 30, 4)
    assert store.create(collection, dim=4).ok
    assert store.add(collection, vectors).ok
    ids = range(1, 31)
    before = store.get(collection, ids)
    outcome = run_program(mounted.machine, _PROGRAM, collection, f"{collection}.plain", timeout=120)
    metrics.record("let_through_count", len(outcome.wrong))
    assert not outcome.wrong, f"a collection was changed by: {outcome}"
    assert store.get(collection, ids) == before, "vectors were changed by what was refused"
    assert store.live(collection) == len(vectors)


@pytest.mark.usefixtures("store")
def test_file_before_collection(target: Target, mounted: GuestFilesystem) -> None:
    """An empty file may have attributes before it becomes a collection, and adding to it is writing to it."""
    if target.vectors != "vexctl":
        pytest.skip("these rules are VexFS's own")
    done = mounted.machine.ash(script("collection_as_file.sh"), mounted.mountpoint, timeout=60)
    assert done.ok, f"the steps were not all done: {done}"
    assert not done.text.strip(), done.text.strip()

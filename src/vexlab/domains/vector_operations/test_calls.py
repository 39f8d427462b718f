"""The ioctls of VexFS called as they must not be: every version, length, flag, reserved member and pointer."""

from __future__ import annotations

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.program import run_program
from vexlab.guest.vectors import VectorStore, draw
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import SCRIPTS

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

_PROGRAM = SCRIPTS / "vector_bad_calls.py"


@pytest.mark.quick
def test_bad_calls(
    store: VectorStore, collection: str, target: Target, mounted: GuestFilesystem, metrics: Metrics
) -> None:
    """Each bad ioctl says the error that the interface promises, and no vector is added, lost or changed by any."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    vectors = draw(20, 20, 4)
    assert store.create(collection, dim=4).ok
    assert store.add(collection, vectors).ok
    ids = range(1, 21)
    before = store.get(collection, ids)
    outcome = run_program(mounted.machine, _PROGRAM, collection, mounted.mountpoint, timeout=120)
    assert not outcome.wrong, f"{len(outcome.wrong)} of {outcome.counts.get('calls')} calls: {outcome}"
    metrics.record("calls_count", outcome.counts["calls"])
    assert store.get(collection, ids) == before, "refused calls changed vectors"
    assert store.live(collection) == len(vectors)

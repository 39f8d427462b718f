"""An index and a power cut: it is whole, or it is not there, and what was made durable is."""

from __future__ import annotations

import pytest

from vexlab.domains.safety_validation.machines import begin, without_power
from vexlab.domains.vector_operations.test_index import exact_by_index, fill
from vexlab.errors import TargetFailure
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.vectors import ADAPTERS, IndexedStore, draw
from vexlab.model.machine import Disk
from vexlab.plugin.fixtures import Metrics, PowerCycle
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.vm(disks=(Disk(serial="scratch", size=500),)),
    pytest.mark.single_thread_tcg,
]

_COUNT, _DIM, _LISTS = 3000, 16, 20
_STEP_S = 120.0

_AMID = script("index_amid.sh")


def _indexed(filesystem: GuestFilesystem) -> IndexedStore:
    store = ADAPTERS[filesystem.target.vectors](filesystem.machine)
    if not isinstance(store, IndexedStore):
        pytest.skip("the target's vectors have no approximate index")
    return store


@pytest.mark.needs(capabilities="fsync")
def test_index_durable(filesystem: GuestFilesystem, power_cycle: PowerCycle) -> None:
    """An index whose collection was synced is there after a power cut, whole, with what was added and deleted since."""
    store = _indexed(filesystem)
    begin(filesystem)
    path = f"{filesystem.mountpoint}/collection"
    # Nothing comes to the disk in its own good time: only what the sync waits for is there after the cut.
    assert filesystem.machine.shell("echo 0 >/proc/sys/vm/dirty_writeback_centisecs").ok
    stored = fill(store, path, draw(91, _COUNT, _DIM))
    assert filesystem.machine.exec(["sync", path], timeout=_STEP_S).ok
    store.index(path, lists=_LISTS)
    later = draw(92, 3, _DIM)
    assert store.add(path, later).ok
    assert store.delete(path, [5]).ok
    stored |= dict(enumerate(later, _COUNT + 1))
    gone = stored.pop(5)
    assert filesystem.machine.exec(["sync", path], timeout=_STEP_S).ok
    filesystem = without_power(filesystem, power_cycle)
    assert filesystem.mount().ok, "after a power cut it does not mount"
    filesystem.prove()
    exact_by_index(_indexed(filesystem), path, stored, [gone, later[1], *draw(93, 2, _DIM)])
    _ends_well(filesystem)


def test_index_amid(filesystem: GuestFilesystem, power_cycle: PowerCycle, metrics: Metrics) -> None:
    """A power cut while indexes are made and taken away leaves a whole one or none, and the collection as it was."""
    store = _indexed(filesystem)
    begin(filesystem)
    path = f"{filesystem.mountpoint}/collection"
    stored = fill(store, path, draw(94, _COUNT, _DIM))
    assert filesystem.machine.exec(["sync", path], timeout=_STEP_S).ok
    amid = filesystem.machine.shell(_AMID, filesystem.mountpoint, timeout=_STEP_S)
    assert amid.ok, f"the work cannot be done: {amid}"
    filesystem = without_power(filesystem, power_cycle)
    assert filesystem.mount().ok, "after a power cut it does not mount"
    filesystem.prove()
    store, queries = _indexed(filesystem), draw(95, 3, _DIM)
    there = store.index_bytes(path)[0] > 0
    metrics.record("there_count", there, better="none")
    if there:
        exact_by_index(store, path, stored, queries)
    else:
        with pytest.raises(TargetFailure):
            store.search_index(path, queries, k=1, probes=1)
    store.index(path, lists=_LISTS)
    exact_by_index(store, path, stored, queries)
    _ends_well(filesystem)


def _ends_well(filesystem: GuestFilesystem) -> None:
    assert filesystem.unmount().ok
    if filesystem.target.fsck:
        checked = filesystem.fsck()
        assert checked.ok, f"after a power cut and a clean unmount it is not consistent: {checked}"

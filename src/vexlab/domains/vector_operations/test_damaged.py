"""A vector that is damaged on the disk: an error is told, never a wrong vector or distance."""

from __future__ import annotations

import json
import struct
from pathlib import PurePosixPath

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.program import run_program
from vexlab.guest.vectors import ADAPTERS, Vector, VectorStore, draw, wrong_hits
from vexlab.model.machine import Disk
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import SCRIPTS

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.vm(disks=(Disk(serial="scratch", size=500),)),
    pytest.mark.single_thread_tcg,
    pytest.mark.crafted_images,
]

_COUNT, _DIM = 60, 8
_PART = 4  # the component that is damaged
_STEP_S = 120.0

_DAMAGE = SCRIPTS / "damage_vector.py"


def test_damaged_vector(filesystem: GuestFilesystem, metrics: Metrics) -> None:
    """With a bit of a vector wrong on the disk, no search and no reading gives a wrong vector or distance."""
    machine = filesystem.machine
    store = ADAPTERS[filesystem.target.vectors](machine)
    path = f"{filesystem.mountpoint}/collection"
    assert filesystem.mkfs().ok
    assert filesystem.mount().ok
    filesystem.prove()
    vectors = draw(31, _COUNT, _DIM)
    assert store.create(path, dim=_DIM).ok
    assert store.add(path, vectors).ok
    first = 1 if store.get(path, [1]) == {1: vectors[0]} else 0
    stored = {first + at: vector for at, vector in enumerate(vectors)}
    assert filesystem.unmount().ok

    victim = first + _COUNT // 2
    wanted = struct.pack(f"<{_DIM}f", *stored[victim])
    words = (filesystem.device, wanted.hex(), str(4 * _PART))
    damaged = run_program(machine, _DAMAGE, *words, timeout=_STEP_S)
    if not metrics.record("places_count", damaged.counts["places"]):
        pytest.skip("vectors do not lie on the disk as binary32, and are not found there")
    assert filesystem.mount().ok, "with one vector damaged it does not mount"
    filesystem.prove()
    read = store.get(path, [victim])
    assert not read, f"vector {victim} is damaged on the disk, and given out as {read[victim]}"
    wrong = _searched(store, path, stored, stored[victim])
    assert not wrong, f"vector {victim} is damaged on the disk, and a search tells no error: {wrong}"
    _counted(filesystem)
    for number in (victim - 1, victim + 1):
        assert store.get(path, [number]) == {number: stored[number]}, f"vector {number} is sound, and not given out"
    assert filesystem.unmount().ok


def _counted(filesystem: GuestFilesystem) -> None:
    """Assert that VexFS's own call for the filesystem counts the same errors as its file in /sys."""
    counted = dict(filesystem.target.statistics).get("errors")
    if filesystem.target.vectors != "vexctl" or not counted:
        return
    shown = filesystem.machine.exec(["cat", counted.replace("{name}", PurePosixPath(filesystem.device).name)])
    told = filesystem.machine.exec(["vexctl", "--json", "status", filesystem.mountpoint])
    assert told.ok, str(told)
    status = json.loads(told.text)
    assert int(shown.text), "a damaged vector was met, and no error is counted"
    assert status["error_count"] == int(shown.text), f"of {shown.text} errors the call tells {status['error_count']}"


def _searched(store: VectorStore, path: str, stored: dict[int, Vector], query: Vector) -> str:
    """Return what is wrong with the nearest of ``query``; a search that is refused gives no wrong answer."""
    try:
        (hits,) = store.search(path, [query], k=3)
    except AssertionError:
        return ""
    return wrong_hits(hits, stored, query, "euclidean", 3)

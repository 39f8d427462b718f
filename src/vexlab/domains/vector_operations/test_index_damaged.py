"""An index that is damaged on the disk: it is found and not used, exact search goes on, and fsck makes it anew."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from vexlab.domains.vector_operations.test_index import exact_by_index, fill
from vexlab.errors import TargetFailure
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.vectors import ADAPTERS, IndexedStore, draw, wrong_hits
from vexlab.model.machine import Disk

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.vm(disks=(Disk(serial="scratch", size=500),)),
    pytest.mark.single_thread_tcg,
    pytest.mark.crafted_images,
]

_COUNT, _DIM, _LISTS = 300, 8, 20
_STEP_S = 120.0
_REPAIRED = 1  # fsck(8): errors were corrected

# Words of the index's only block (docs/format.md of the target): 16 of the header, centroids, lengths, slots.
_CENTROIDS, _LENGTHS = 16, 16 + _LISTS * _DIM
_SLOTS = _LENGTHS + _LISTS


@dataclass(frozen=True, slots=True, kw_only=True)
class _Damage:
    """A field of the index, or of the inode of the collection, and its wrong value; ``sealed`` with a right checksum.

    A field ``N`` stands for word N of the index; the value ``=N`` for what word N holds.
    """

    field: str
    value: str
    sealed: bool = True


_DAMAGES = {
    "checksum": _Damage(field=str(_CENTROIDS + 5), value="0", sealed=False),
    "infinite": _Damage(field=str(_CENTROIDS + 5), value=str(0x7F800000)),
    "outside": _Damage(field=str(_SLOTS + 3), value=str(_COUNT)),
    "far": _Damage(field=str(_SLOTS + 3), value=str(0xFFFFFFFF)),
    "twice": _Damage(field=str(_SLOTS + 3), value=f"={_SLOTS + _COUNT - 1}"),
    "length": _Damage(field=str(_LENGTHS + 2), value=str(0x7FFFFFFF)),
    "shorter": _Damage(field=str(_LENGTHS + 2), value="0"),
    "header": _Damage(field="h_owner", value="2"),
    "inode": _Damage(field="i_vec.v_index_ino", value="2"),
    "itself": _Damage(field="i_vec.v_index_ino", value="=ino"),
    "lists": _Damage(field="i_vec.v_index_lists", value=str(_LISTS + 1)),
    "count": _Damage(field="i_vec.v_index_count", value=str(_COUNT + 1)),
}


@pytest.mark.parametrize("damage", _DAMAGES)
def test_index_damaged(filesystem: GuestFilesystem, damage: str) -> None:
    """No search by a damaged index gives an answer, exact search is as before, and after fsck both find the same."""
    store = ADAPTERS[filesystem.target.vectors](filesystem.machine)
    if filesystem.target.vectors != "vexctl" or not isinstance(store, IndexedStore):
        pytest.skip("what is damaged is the index of VexFS")
    assert filesystem.mkfs().ok
    assert filesystem.mount().ok
    filesystem.prove()
    path = f"{filesystem.mountpoint}/collection"
    stored = fill(store, path, draw(81, _COUNT, _DIM))
    queries = draw(82, 3, _DIM)
    store.index(path, lists=_LISTS)
    exact_by_index(store, path, stored, queries)
    assert filesystem.unmount().ok
    _damage(filesystem, _DAMAGES[damage])

    checked = filesystem.fsck()
    assert not checked.ok, f"fsck finds nothing wrong with the index: {checked}"
    assert filesystem.mount().ok, "with a damaged index it does not mount"
    filesystem.prove()
    for probes in (1, _LISTS):
        try:
            found = store.search_index(path, queries, k=10, probes=probes)
        except TargetFailure:
            continue
        raise AssertionError(f"the index is damaged ({damage}), and a search by it finds {found[0][:3]}")
    for query, hits in zip(queries, store.search(path, queries, k=10), strict=True):
        wrong = wrong_hits(hits, stored, query, "euclidean", 10)
        assert not wrong, f"with a damaged index an exact search is wrong: {wrong}"
    assert filesystem.unmount().ok
    _repaired(filesystem, store, path)
    exact_by_index(store, path, stored, queries)
    assert filesystem.unmount().ok


def _damage(filesystem: GuestFilesystem, damage: _Damage) -> None:
    listed = filesystem.machine.shell(f"dumpvexfs -j -i /collection {filesystem.device}", timeout=_STEP_S)
    assert listed.ok, f"the collection's inode cannot be read: {listed}"
    inode = json.loads(listed.text)
    index = f"index[{inode['i_vec.v_index_ino']}]"
    words = f"{index}.block[0].at[{{}}].word"
    field, value = damage.field, damage.value
    if field.isdecimal():
        field = words.format(field)
    else:
        field = f"inode[{inode['inode']}].{field}" if field.startswith("i_") else f"{index}.{field}"
    if value == "=ino":
        value = str(inode["inode"])
    elif value.startswith("="):
        value = str(_value(filesystem, words.format(value[1:])))
    argv = ["dumpvexfs", "--set", f"{field}={value}", *(["--seal"] if damage.sealed else []), filesystem.device]
    changed = filesystem.machine.exec(argv, timeout=_STEP_S)
    assert changed.ok, f"the index cannot be damaged: {changed}"


def _value(filesystem: GuestFilesystem, name: str) -> int:
    line = filesystem.machine.ash(
        'dumpvexfs --fields "$1" | grep -F "\\"$2\\""', filesystem.device, name, timeout=_STEP_S
    )
    assert line.ok, f"there is no {name}: {line}"
    return int(json.loads(line.text)["value"])


def _repaired(filesystem: GuestFilesystem, store: IndexedStore, path: str) -> None:
    """Have fsck repair, find nothing then, and mount it; an index that could only be dropped is made again."""
    repaired = filesystem.machine.exec(["fsck.vexfs", "-y", filesystem.device], timeout=_STEP_S)
    assert repaired.status == _REPAIRED, f"fsck does not repair the index: {repaired}"
    checked = filesystem.fsck()
    assert checked.ok, f"fsck finds something left after its repair: {checked}"
    assert filesystem.mount().ok
    filesystem.prove()
    if not store.index_bytes(path)[0]:
        store.index(path, lists=_LISTS)

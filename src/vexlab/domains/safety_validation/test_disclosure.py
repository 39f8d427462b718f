"""What lay in the machine's memory before stays there: it comes neither onto the disk nor into a file.

Distribution kernels clear every page that they give out (init_on_alloc, Documentation/admin-guide), which hides a
filesystem's mistake from everyone who tests on them and not from everyone who uses it elsewhere. Here they do not, and
memory is full of marks when the work begins. SLUB's poison marks what comes out of a slab cache.
"""

from __future__ import annotations

import json

import pytest

from vexlab.domains.safety_validation.machines import disks
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.guest.vectors import ADAPTERS, draw
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import SCRIPTS

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks, append="init_on_alloc=0 init_on_free=0 no5lvl"),
    pytest.mark.single_thread_tcg,
]

_STEP_S = 120.0
_TREE, _NAMES = 9, 150
_DIMENSIONS, _VECTORS, _META = (1, 3, 100), 40, 200

_MARK = SCRIPTS / "mark_memory.py"

_WORK = SCRIPTS / "leave_unwritten.py"

_SCAN = SCRIPTS / "scan_device.py"


@pytest.mark.usefixtures("post_checks")
def test_disclosure(mounted: GuestFilesystem, post_checks: PostChecks, metrics: Metrics) -> None:
    """With memory full of marks and not cleared for it, no mark comes onto the disk or into a file."""
    machine = mounted.machine
    for name, program in (("mark", _MARK), ("work", _WORK), ("scan", _SCAN)):
        machine.push(program, f"/tmp/{name}.py")
    cleared = machine.shell("dmesg | grep 'mem auto-init'")  # mm/mm_init.c
    assert "heap alloc:off, heap free:off" in cleared.text, f"memory is cleared, and no mark would last: {cleared}"
    marked = machine.exec(["python3", "/tmp/mark.py"], timeout=_STEP_S)
    assert marked.ok, f"memory cannot be marked: {marked}"
    assert metrics.record("marked_mib", int(marked.text)), "no memory was marked"
    _work(mounted, "make")
    post_checks.fill(_TREE, _NAMES)
    _store_vectors(mounted)
    assert mounted.unmount().ok
    scanned = machine.exec(["python3", "/tmp/scan.py", mounted.device], timeout=_STEP_S)
    assert scanned.ok, f"the device cannot be read: {scanned}"
    size, *rows = map(json.loads, scanned.text.splitlines())
    metrics.record("scanned_mib", size["read"] >> 20)
    wrong = [f"{row['sort']}, {row['times']} times, first at byte {row['at']}: {row['bytes']}" for row in rows]
    assert not wrong, f"on the disk is what nobody wrote there: {'; '.join(wrong)}"
    assert mounted.mount().ok
    _work(mounted, "read")
    post_checks.filled(_TREE)


def _store_vectors(mounted: GuestFilesystem) -> None:
    """Store vectors without metadata where there is room for some: most of each record is nobody's."""
    adapter = ADAPTERS.get(mounted.target.vectors)
    if not adapter:
        return
    for dim in _DIMENSIONS:
        store, path = adapter(mounted.machine), f"{mounted.mountpoint}/vectors{dim}"
        made = store.create(path, dim=dim, meta_size=_META)
        assert made.ok, f"a collection cannot be made: {made}"
        added = store.add(path, draw(dim, _VECTORS, dim))
        assert added.ok, f"vectors cannot be stored: {added}"


def _work(mounted: GuestFilesystem, what: str) -> None:
    result = mounted.machine.exec(["python3", "/tmp/work.py", mounted.mountpoint, what], timeout=_STEP_S)
    assert result.ok, f"the work cannot be done: {result.error_text.strip().rpartition(chr(10))[2]}"
    assert not result.text, f"a file holds what nobody wrote into it: {result.text[:600]}"

"""Listing a collection page by page: with every room, from every start, whatever was deleted, each id exactly once."""

from __future__ import annotations

import pytest

from vexlab.domains.vector_operations.shapes import CALL, SHAPES
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
]

# A page may end anywhere: within a stretch of live or of deleted vectors, at its edge, or with the last one. What the
# kernel takes at once (a block of records, a page of ids) is not known here, so stretches of every power of two are
# tried with rooms around every power of two. Prints what is wrong, then how many calls there were.
_PROGRAM = r"""
import ctypes, os, sys

folder, COUNT = sys.argv[1], int(sys.argv[2])
LARGEST = 65536  # VEXFS_MAX_LIST
ROOMS = sorted({power + more for power in (1 << n for n in range(12)) for more in (-1, 0, 1) if power + more > 0}
               | {5, 10, 100, COUNT - 1, COUNT, COUNT + 1, LARGEST})
calls = 0

def demand(true, *words):
    if not true:
        print(*words)
        sys.exit(0)

def page(room, start):
    # the ids of one call and where the next one is to begin
    global calls
    calls += 1
    answer = call(LIST, 1, room, start, ctypes.addressof(ids), 0, 0, 0, 0, 0)
    demand(answer[4] <= room, "a list of", room, "gives", answer[4], "ids")
    demand(not answer[6] or answer[6] > start, "a list goes on at", answer[6], "after", start)
    return ids[:answer[4]], answer[6]

def pages(room, start):
    found = []
    for _ in range(COUNT + 3):
        some, start = page(room, start)
        found += some
        if not start:
            return found
    demand(False, "a list with room for", room, "does not come to its end")

def stretches():
    # of every power of two, live and deleted in turn
    gone, at, size = set(), 1, 1
    while at <= COUNT:
        gone.update(range(at, min(at + size, COUNT + 1)))
        at, size = at + 2 * size, 2 * size
    return gone

PATTERNS = {
    "nothing": set(),
    "every other": set(range(1, COUNT + 1, 2)),
    "the first third": set(range(1, COUNT // 3)),
    "the last third": set(range(2 * COUNT // 3, COUNT + 1)),
    "stretches": stretches(),
    "all but stretches": set(range(1, COUNT + 1)) - stretches(),
    "everything": set(range(1, COUNT + 1)),
}
ids = (ctypes.c_uint64 * LARGEST)()
ones = (ctypes.c_float * COUNT)(*map(float, range(COUNT)))
for name, gone in PATTERNS.items():
    fd = os.open(f"{folder}/listing", os.O_RDWR | os.O_CREAT, 0o644)
    call(CREATE, 1, 1, 0, 0, 0, 0, 0, 0)
    first = call(ADD, 1, 1, COUNT, 0, ctypes.addressof(ones), 0, 0, 0, 0, 0)[7]
    for number in sorted(gone):
        call(DELETE, 1, 0, first - 1 + number, 0, 0)
    live = [first - 1 + number for number in range(1, COUNT + 1) if number not in gone]
    for room in ROOMS:
        found = pages(room, 0)
        wrong = sorted(set(live) ^ set(found))
        demand(found == live, "with", name, "deleted and room for", room, "are listed", len(found), "of", len(live),
               "ids, the first that is wrong is", wrong[:1] or "twice or out of order")
    for start in [*range(0, COUNT + 5, 37), *range(COUNT - 2, COUNT + 5)]:
        for room in (1, 64):
            some, _ = page(room, start)
            wanted = [number for number in live if number >= start][:room]
            demand(some == wanted[:len(some)] and (some or not wanted), "from", start, "on, with", name,
                   "deleted, are listed", some[:5], "not", wanted[:5])
    if name == "nothing":
        # deleted between two pages: the last that was listed, and one that comes yet
        found, kept, start = [], set(live), 0
        while True:
            some, start = page(10, start)
            found += some
            if not start:
                break
            for number in {more + last for last in some[-1:] for more in (0, 7)} & kept:
                call(DELETE, 1, 0, number, 0, 0)
                kept.discard(number)
        demand(len(found) == len(set(found)), "while others are deleted an id is listed twice")
        demand(kept <= set(found), "while others are deleted is not listed", sorted(kept - set(found))[:5])
    os.close(fd)
    os.unlink(f"{folder}/listing")
print("calls", calls)
"""
_COUNT = 1500


@pytest.mark.usefixtures("post_checks")
def test_listing(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """Page by page each live id is listed once, in order, however long the pages and whatever lies between."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    mounted.machine.push((SHAPES + CALL + _PROGRAM).encode(), "/tmp/listing.py")
    words = ["python3", "/tmp/listing.py", mounted.mountpoint, str(_COUNT)]
    result = mounted.machine.exec(words, timeout=240)
    assert result.ok, f"a call fails that must not: {result}"
    assert result.text.startswith("calls "), result.text[:500]
    metrics.record("calls_count", int(result.text.split()[1]))

"""Listing a collection page by page, with every room, from every start, whatever was deleted.

``vector_listing.py FOLDER COUNT``: makes collections of COUNT vectors in FOLDER. A page may end anywhere: within a
stretch of live or of deleted vectors, at its edge, or with the last one. What the kernel takes at once (a block of
records, a page of ids) is not known here, so stretches of every power of two are tried with rooms around every power of
two. Prints what is wrong and ends there, or at its end how many calls there were.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

from vexfs_calls import ADD, CREATE, DELETE, LARGEST_LIST, LIST, call

FOLDER, COUNT = sys.argv[1], int(sys.argv[2])
POWERS = {(1 << n) + more for n in range(12) for more in (-1, 0, 1)}
ROOMS = sorted((POWERS - {0}) | {5, 10, 100, COUNT - 1, COUNT, COUNT + 1, LARGEST_LIST})
ids = (ctypes.c_uint64 * LARGEST_LIST)()
ones = (ctypes.c_float * COUNT)(*map(float, range(COUNT)))
calls: list[int] = []


def demand(true: object, *words: object) -> None:
    """Say what is wrong, and end, where it is not true."""
    if not true:
        print(*words)
        sys.exit(0)


class Collection:
    """A collection of which some vectors are deleted."""

    def __init__(self, gone: set[int]) -> None:
        self.path = f"{FOLDER}/listing"
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        call(self.fd, CREATE, 1, 1, 0, 0, 0, 0, 0, 0)
        first = call(self.fd, ADD, 1, 1, COUNT, 0, ctypes.addressof(ones), 0, 0, 0, 0, 0)[7]
        for number in sorted(gone):
            self.delete(first - 1 + number)
        self.live: list[int] = [first - 1 + number for number in range(1, COUNT + 1) if number not in gone]

    def delete(self, number: int) -> None:
        """Delete a vector."""
        call(self.fd, DELETE, 1, 0, number, 0, 0)

    def page(self, room: int, start: int) -> tuple[list[int], int]:
        """Return the ids of one call and where the next one is to begin."""
        calls.append(room)
        answer = call(self.fd, LIST, 1, room, start, ctypes.addressof(ids), 0, 0, 0, 0, 0)
        demand(answer[4] <= room, "a list of", room, "gives", answer[4], "ids")
        demand(not answer[6] or answer[6] > start, "a list goes on at", answer[6], "after", start)
        return ids[: answer[4]], answer[6]

    def pages(self, room: int) -> list[int]:
        """Return all ids, by as many calls as it takes."""
        found: list[int] = []
        start = 0
        for _ in range(COUNT + 3):
            some, start = self.page(room, start)
            found += some
            if not start:
                break
        demand(not start, "a list with room for", room, "does not come to its end")
        return found

    def remove(self) -> None:
        """Remove it."""
        os.close(self.fd)
        os.unlink(self.path)


def stretches() -> set[int]:
    """Return every other stretch, of every power of two."""
    gone: set[int] = set()
    at, size = 1, 1
    while at <= COUNT:
        gone.update(range(at, min(at + size, COUNT + 1)))
        at, size = at + 2 * size, 2 * size
    return gone


def whole(listed: Collection, name: str) -> None:
    """List all, with every room."""
    for room in ROOMS:
        found = listed.pages(room)
        wrong = sorted(set(listed.live) ^ set(found))
        count = f"are listed {len(found)} of {len(listed.live)} ids, the first that is wrong is"
        words = (name, "deleted and room for", room, count, wrong[:1] or "twice or out of order")
        demand(found == listed.live, "with", *words)


def parts(listed: Collection, name: str) -> None:
    """List from everywhere on."""
    for start in [*range(0, COUNT + 5, 37), *range(COUNT - 2, COUNT + 5)]:
        for room in (1, 64):
            some, _ = listed.page(room, start)
            wanted = [number for number in listed.live if number >= start][:room]
            words = (start, "on, with", name, "deleted, are listed", some[:5], "not", wanted[:5])
            demand(some == wanted[: len(some)] and (some or not wanted), "from", *words)


def meanwhile(listed: Collection) -> None:
    """Delete between two pages the last that was listed, and one that comes yet."""
    found: list[int] = []
    kept, start = set(listed.live), 0
    while True:
        some, start = listed.page(10, start)
        found += some
        if not start:
            break
        for number in {more + last for last in some[-1:] for more in (0, 7)} & kept:
            listed.delete(number)
            kept.discard(number)
    demand(len(found) == len(set(found)), "while others are deleted an id is listed twice")
    demand(kept <= set(found), "while others are deleted is not listed", sorted(kept - set(found))[:5])


EVERY = set(range(1, COUNT + 1))
PATTERNS = {
    "nothing": set(),
    "every other": set(range(1, COUNT + 1, 2)),
    "the first third": set(range(1, COUNT // 3)),
    "the last third": set(range(2 * COUNT // 3, COUNT + 1)),
    "stretches": stretches(),
    "all but stretches": EVERY - stretches(),
    "everything": EVERY,
}
for pattern, deleted in PATTERNS.items():
    collection = Collection(deleted)
    whole(collection, pattern)
    parts(collection, pattern)
    if pattern == "nothing":
        meanwhile(collection)
    collection.remove()
print(json.dumps({"calls": len(calls)}))

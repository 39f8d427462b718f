"""Searching by index while vectors are added and deleted, and the index itself is made anew and taken away.

``index_concurrent.py COLLECTION SECONDS``: vector n is (n, 0, ...), so that a query at n finds n, at distance 0, if it
is there, and every distance is known. Ids up to KEPT are never deleted; the others are, by one process, an id at a
time, in ascending order. One adds, two search, two make indexes of other numbers of lists, one of them takes it away in
between. Prints what is wrong, and at its end how often each came to its turn ("without": how often there was no index).
"""

from __future__ import annotations

import ctypes
import errno
import glob
import json
import os
import random
import struct
import sys
import time
from collections.abc import Callable

from vexfs_calls import ADD, ALL_INFO, CREATE, DELETE, INDEX, INFO, SEARCH, call

PATH, SECONDS = sys.argv[1], float(sys.argv[2])
DIM, KEPT, FIRST, LIMIT, K = 8, 300, 600, 4000, 5
DELETED = "/tmp/deleted"  # holds the last id that was deleted
UNTIL = time.monotonic() + SECONDS


def rows(first: int, count: int) -> ctypes.Array[ctypes.c_float]:
    """Return so many vectors."""
    flat = (ctypes.c_float * (DIM * count))()
    for n in range(count):
        flat[n * DIM] = first + n
    return flat


def wrong(*words: object) -> None:
    """Say what is wrong, and end this process."""
    print(*words)
    sys.exit(1)


class Worker:
    """What one process does by its own descriptor."""

    def __init__(self) -> None:
        self.fd = os.open(PATH, os.O_RDWR)
        self.deleted = KEPT
        self.without = 0  # searches that met no index

    def count(self) -> int:
        """Return the last id that was given."""
        last: int = call(self.fd, INFO, 1, *ALL_INFO)[6] - 1
        return last

    def add(self) -> None:
        """Add some, until there are enough."""
        there = self.count()
        if there + 7 > LIMIT:
            time.sleep(0.05)
            return
        flat = rows(there + 1, 7)
        first = call(self.fd, ADD, 1, DIM, 7, 0, ctypes.addressof(flat), 0, 0, 0, 0, 0)[7]
        if first != there + 1:
            wrong("the only one who adds gets id", first, "not", there + 1)
        time.sleep(0.01)

    def delete(self) -> None:
        """Delete the next, and say so."""
        if self.deleted < FIRST:
            self.deleted += 1
            call(self.fd, DELETE, 1, 0, self.deleted, 0, 0)
            with open(f"{DELETED}.new", "w") as file:
                file.write(str(self.deleted))
            os.rename(f"{DELETED}.new", DELETED)
        time.sleep(0.02)

    def index(self, lists: int) -> None:
        """Make an index of so many lists."""
        there = self.count()
        step = there // lists + 1
        centroids = (ctypes.c_float * (DIM * lists))()
        for n in range(lists):
            centroids[n * DIM] = n * step + step / 2
        lists_of = (ctypes.c_uint32 * there)(*[min(n // step, lists - 1) for n in range(there)])
        at = ctypes.addressof(centroids), ctypes.addressof(lists_of)
        call(self.fd, INDEX, 1, DIM, 1, lists, there, *at, 0, 0, 0)

    def few(self) -> None:
        """Make an index of few lists."""
        self.index(random.choice((1, 3, 10)))

    def many(self) -> None:
        """Make an index of many lists, and take it away now and then."""
        self.index(random.choice((40, 60)))
        if random.random() < 0.3:
            call(self.fd, INDEX, 1, DIM, 0, 0, 0, 0, 0, 0, 0, 0)

    def search(self) -> None:
        """Search by index; whatever is there and near must be found, and nothing that is gone."""
        try:
            with open(DELETED) as file:
                before = int(file.read())
        except FileNotFoundError:
            before = KEPT
        there = self.count()
        number = random.choice((random.randint(1, KEPT), random.randint(1, there), there))
        query, results = rows(number, 1), (ctypes.c_uint64 * (2 * K))()
        at = ctypes.addressof(query), ctypes.addressof(results)
        probes = random.choice((1, 4096))
        try:
            found = call(self.fd, SEARCH, 1, DIM, K, 1, *at, 0, probes, 0, 0, 0)[6]
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            self.without += 1
            return
        ids = [results[2 * n] for n in range(found)]
        told = [struct.unpack("d", struct.pack("Q", results[2 * n + 1]))[0] for n in range(found)]
        judge(number, ids, told, before, probes)
        if probes == 4096 and found != K:
            wrong("a search through all lists finds", ids, "of", there)

    def rounds(self, name: str) -> None:
        """Do one thing until the time is over, and note how often."""
        work: Callable[[], None] = getattr(self, name)
        done = 0
        try:
            while time.monotonic() < UNTIL:
                work()
                done += 1
        finally:
            with open(f"/tmp/rounds.{os.getpid()}", "w") as file:
                file.write(f"{name} {done - self.without} {self.without}")


def judge(number: int, ids: list[int], told: list[float], before: int, probes: int) -> None:
    """Say what is wrong with the answer for ``number``; ids from KEPT + 1 to ``before`` were deleted before it."""
    if len(set(ids)) != len(ids) or told != sorted(told) or told != [abs(number - each) for each in ids]:
        wrong("a search for", number, "finds", ids, "at", told)
    if any(KEPT < each <= before for each in ids):
        wrong("a search for", number, "finds", ids, "though all from", KEPT + 1, "to", before, "are deleted")
    if (number <= KEPT or number > FIRST) and ids[0] != number:
        wrong("a search for", number, "which is there, through", probes, "lists, finds", ids)


def work_beside(name: str) -> int:
    """Do one thing in a process of its own, and return its id."""
    pid = os.fork()
    if pid:
        return pid
    random.seed(os.getpid())
    status = 1
    try:
        Worker().rounds(name)
        status = 0
    except OSError as error:
        print(name, "fails with", errno.errorcode[error.errno or 0])
    except SystemExit:
        pass
    sys.stdout.flush()
    os._exit(status)


WORK = ("add", "delete", "few", "many", "search")
fd = os.open(PATH, os.O_RDWR | os.O_CREAT, 0o644)
call(fd, CREATE, 1, DIM, 0, 0, 0, 0, 0, 0)
flat = rows(1, FIRST)
call(fd, ADD, 1, DIM, FIRST, 0, ctypes.addressof(flat), 0, 0, 0, 0, 0)
Worker().index(10)
ends = [os.waitpid(pid, 0)[1] for pid in [work_beside(name) for name in (*WORK, "search")]]
if any(ends):
    print("one of those at work did not end well")
told = dict.fromkeys((*WORK, "without"), 0)
for path in glob.glob("/tmp/rounds.*"):
    with open(path) as file:
        name, rounds, without = file.read().split()
    told[name] += int(rounds)
    told["without"] += int(without)
print(json.dumps(told))

"""Searching, listing, counting and reading while vectors are added: each call sees all vectors of an add, or none.

``vector_concurrent.py COLLECTION DIM AT_ONCE ADDS ADDERS``: ADDERS add AT_ONCE vectors ADDS times; two search, one
lists, one counts and one reads what is not there yet, each by its own descriptor, until all adders are done. All
vectors are alike, so that every distance is known and the lowest ids are the nearest. Prints what is wrong, and at its
end how often each came to its turn, how often it met what not all adds had made, and how many vectors there are.
"""

from __future__ import annotations

import ctypes
import errno
import glob
import json
import os
import sys
import time
from collections.abc import Callable

from vexfs_calls import ADD, ALL_INFO, CREATE, GET, INFO, LIST, SEARCH, call

PATH, DIM, AT_ONCE, ADDS, ADDERS = sys.argv[1], *map(int, sys.argv[2:])
K = 50
LAST = "/tmp/adders.done"
UNTIL = time.monotonic() + 90
BITS = ctypes.c_uint64.from_buffer(ctypes.c_double(DIM**0.5)).value  # of the distance
vectors = (ctypes.c_float * (DIM * AT_ONCE))(*[2.0] * (DIM * AT_ONCE))
query = (ctypes.c_float * DIM)(*[1.0] * DIM)
results = (ctypes.c_uint64 * (2 * K))()
ids = (ctypes.c_uint64 * 4096)()
VECTORS, QUERY = ctypes.addressof(vectors), ctypes.addressof(query)
RESULTS, IDS = ctypes.addressof(results), ctypes.addressof(ids)


class Reader:
    """What one process does by its own descriptor, and what it has seen."""

    def __init__(self) -> None:
        self.fd = os.open(PATH, os.O_RDWR)
        self.between: set[int] = set()  # how many vectors it saw when not all were there yet
        self.coming = 0  # the last vector of the next add

    def whole(self, count: int, what: str) -> None:
        """Note how many vectors were seen; end where that is a part of an add."""
        if 0 < count < AT_ONCE * ADDS * ADDERS:
            self.between.add(count)
        if count % AT_ONCE:
            sys.exit(print(what, count, "vectors, of adds of", AT_ONCE) or 1)

    def search(self) -> None:
        """Find the nearest, which are those with the lowest ids."""
        answer = call(self.fd, SEARCH, 1, DIM, K, 0, QUERY, RESULTS, 0, 0, 0, 0, 0)
        found, scanned = answer[6], answer[8]
        self.whole(scanned, "a search sees")
        if found != min(K, scanned):
            sys.exit(print("a search finds", found, "of", scanned) or 1)
        for n in range(found):
            if (results[2 * n], results[2 * n + 1]) != (n + 1, BITS):
                got = f"is id {results[2 * n]} at {results[2 * n + 1]}"
                sys.exit(print("at place", n, got, "instead of", n + 1, "at", BITS) or 1)

    def listing(self) -> None:
        """List all ids."""
        answer = call(self.fd, LIST, 1, len(ids), 0, IDS, 0, 0, 0, 0, 0)
        if not answer[6]:  # it came in one call, and is a whole
            self.whole(answer[4], "a list gives")

    def info(self) -> None:
        """Ask how many there are."""
        answer = call(self.fd, INFO, 1, *ALL_INFO)
        self.whole(answer[4], "the collection is said to have")
        self.whole(answer[6] - 1, "ids are given up to")

    def get(self) -> None:
        """Ask for a vector until it is there: it is not yet, or it is whole."""
        self.coming = self.coming or call(self.fd, INFO, 1, *ALL_INFO)[6] + AT_ONCE - 1
        into = (ctypes.c_float * DIM)()
        for _ in range(20):
            try:
                call(self.fd, GET, 1, DIM, self.coming, ctypes.addressof(into), 0, 0, 0, 0, 0)
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise
                continue
            if list(into) != [2.0] * DIM:
                sys.exit(print("vector", self.coming, "is", list(into)[:4]) or 1)
            self.between.add(self.coming)
            self.coming = 0
            break

    def rounds(self, name: str) -> None:
        """Do one thing until the adders are done, and note how often."""
        work: Callable[[], None] = getattr(self, name)
        done = 0
        while not os.path.exists(LAST) and time.monotonic() < UNTIL:
            work()
            done += 1
            with open(f"/tmp/rounds.{os.getpid()}", "w") as file:
                file.write(f"{name} {done} {len(self.between)}")

    def add(self) -> None:
        """Add all vectors."""
        for _ in range(ADDS):
            call(self.fd, ADD, 1, DIM, AT_ONCE, 0, VECTORS, 0, 0, 0, 0, 0)
            time.sleep(0.05)  # else the readers may not come to their turn


def worker(name: str) -> int:
    """Do one thing in a process of its own, and return its id."""
    pid = os.fork()
    if pid:
        return pid
    reader, status = Reader(), 1
    try:
        if name == "add":
            reader.add()
        else:
            reader.rounds(name)
        status = 0
    except OSError as error:
        print(name, "fails with", errno.errorcode[error.errno or 0])
    except SystemExit:
        pass
    sys.stdout.flush()
    os._exit(status)


READERS = ("search", "listing", "info", "get")
fd = os.open(PATH, os.O_RDWR | os.O_CREAT, 0o644)
call(fd, CREATE, 1, DIM, 0, 0, 0, 0, 0, 0)
readers = [worker(name) for name in ("search", *READERS)]
ends = [os.waitpid(pid, 0)[1] for pid in [worker("add") for _ in range(ADDERS)]]
open(LAST, "w").close()
ends += [os.waitpid(pid, 0)[1] for pid in readers]
if any(ends):
    print("one of those at work did not end well")
told = {f"{name}{sort}": 0 for name in READERS for sort in ("", "_between")}
for path in glob.glob("/tmp/rounds.*"):
    with open(path) as file:
        name, rounds, seen = file.read().split()
    told[name] += int(rounds)
    told[f"{name}_between"] += int(seen)
print(json.dumps({"live": call(fd, INFO, 1, *ALL_INFO)[4], **told}))

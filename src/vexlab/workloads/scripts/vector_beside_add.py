"""Each kind of call, made while one add is under way, when nothing follows that could still wake it.

``vector_beside_add.py COLLECTION DIM AT_ONCE ROUNDS``: both have ended before the next round begins, in which the call
is made a little later in the add. Prints at its end how often each kind returned. The last kind that is named on
standard error is the one that does not.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time
from collections.abc import Callable

from vexfs_calls import ADD, ALL_INFO, CREATE, DELETE, GET, INFO, LIST, SEARCH, call

PATH, DIM, AT_ONCE, ROUNDS = sys.argv[1], *map(int, sys.argv[2:])
K = 10
vectors = (ctypes.c_float * (DIM * AT_ONCE))(*[2.0] * (DIM * AT_ONCE))
query = (ctypes.c_float * DIM)(*[1.0] * DIM)
results = (ctypes.c_uint64 * (2 * K))()
ids = (ctypes.c_uint64 * 4096)()
VECTORS, QUERY = ctypes.addressof(vectors), ctypes.addressof(query)
RESULTS, IDS = ctypes.addressof(results), ctypes.addressof(ids)
fd = os.open(PATH, os.O_RDWR | os.O_CREAT, 0o644)


def add() -> object:
    """Add the vectors."""
    return call(fd, ADD, 1, DIM, AT_ONCE, 0, VECTORS, 0, 0, 0, 0, 0)


def adder(begin: int, end: int) -> None:
    """Add whenever a byte comes, and say how long it took, in seconds."""
    while os.read(begin, 1):
        begun = time.monotonic()
        add()
        os.write(end, b"%-20.9f" % (time.monotonic() - begun))
    os._exit(0)


CALLS: dict[str, Callable[[int], object]] = {
    "info": lambda _: call(fd, INFO, 1, *ALL_INFO),
    "search": lambda _: call(fd, SEARCH, 1, DIM, K, 0, QUERY, RESULTS, 0, 0, 0, 0, 0),
    "list": lambda _: call(fd, LIST, 1, len(ids), 0, IDS, 0, 0, 0, 0, 0),
    "get": lambda _: call(fd, GET, 1, DIM, 1, QUERY, 0, 0, 0, 0, 0),
    "add": lambda _: add(),
    "delete": lambda turn: call(fd, DELETE, 1, 0, turn + 2, 0, 0),  # of the first add
}

call(fd, CREATE, 1, DIM, 0, 0, 0, 0, 0, 0)
add()
go, done = os.pipe(), os.pipe()
if not os.fork():
    os.close(go[1])
    adder(go[0], done[1])
took = 0.01
for name, work in CALLS.items():
    print(name, file=sys.stderr, flush=True)
    for turn in range(ROUNDS):
        os.write(go[1], b"g")
        time.sleep(took * turn / ROUNDS)
        work(turn)
        took = (took + float(os.read(done[0], 20))) / 2
print(json.dumps(dict.fromkeys(CALLS, ROUNDS)))

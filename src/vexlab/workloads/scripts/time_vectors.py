"""How long it takes to list the first vectors of a large collection, and the last, one at a time.

``time_vectors.py FOLDER ROUNDS COUNT``: makes a collection of COUNT vectors in FOLDER. They are long, so that looking
at many of them takes longer than a call does. Prints a line for each round: the nanoseconds of the first PAGES pages
and of as many last ones.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time

from vexfs_calls import ADD, CREATE, LIST, call

FOLDER, ROUNDS, COUNT = sys.argv[1], *map(int, sys.argv[2:])
DIM, PAGES, AT_ONCE = 64, 40, 1000
fd = os.open(f"{FOLDER}/collection", os.O_RDWR | os.O_CREAT, 0o644)
call(fd, CREATE, 1, DIM, 0, 0, 0, 0, 0, 0)
floats = (ctypes.c_float * (DIM * AT_ONCE))(*[float(n % 17) for n in range(DIM * AT_ONCE)])
ids = (ctypes.c_uint64 * 10)()
last = 0
for _ in range(COUNT // AT_ONCE):
    last = call(fd, ADD, 1, DIM, AT_ONCE, 0, ctypes.addressof(floats), 0, 0, 0, 0, 0)[7] + AT_ONCE - 1


def pages(start: int) -> int:
    """Return the nanoseconds of so many pages from an id on."""
    begun = time.perf_counter_ns()
    for number in range(start, start + PAGES):
        answer = call(fd, LIST, 1, 1, number, ctypes.addressof(ids), 0, 0, 0, 0, 0)
        if (answer[4], ids[0]) != (1, number):
            sys.exit(f"the list from {number} on begins with {ids[: answer[4]]}")
    return time.perf_counter_ns() - begun


for turn in range(ROUNDS + 1):
    times = pages(last - COUNT + 1), pages(last - PAGES)
    if turn:
        print(*times)

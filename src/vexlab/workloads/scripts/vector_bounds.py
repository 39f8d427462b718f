"""What calls write into the caller's memory, with room for more and for less than the answer.

``vector_bounds.py COLLECTION DIM META STORED``: makes COLLECTION of STORED vectors of DIM components, each with META
bytes of metadata. Every buffer is filled with a pattern beforehand, and what the answer does not claim to have written
must still be the pattern. Prints a line for each call that writes more, and at its end how many there were.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

from vexfs_calls import ADD, CREATE, GET, LARGEST_LIST, LIST, SEARCH, call

PATH, DIM, META, STORED = sys.argv[1], *map(int, sys.argv[2:])
PATTERN, BEHIND = 0xA5, 512
calls: list[str] = []


def room(size: int) -> tuple[ctypes.Array[ctypes.c_ubyte], int]:
    """Return a buffer of the pattern, larger than ``size``, and its address."""
    buffer = (ctypes.c_ubyte * (size + BEHIND))()
    ctypes.memset(buffer, PATTERN, size + BEHIND)
    return buffer, ctypes.addressof(buffer)


def look(name: str, buffer: ctypes.Array[ctypes.c_ubyte], claimed: int) -> None:
    """Say where more than the bytes claimed were written."""
    calls.append(name)
    behind = bytes(buffer)[claimed:]
    if changed := len(behind) - behind.count(PATTERN):
        print(f"{name} changes {changed} bytes behind the {claimed} it claims")


fd = os.open(PATH, os.O_RDWR | os.O_CREAT, 0o644)
floats = (ctypes.c_float * (DIM * STORED))(*range(1, DIM * STORED + 1))
texts = (ctypes.c_ubyte * (META * STORED))(*[0x4D] * (META * STORED))
FLOATS, TEXTS = ctypes.addressof(floats), ctypes.addressof(texts)
call(fd, CREATE, 1, DIM, 0, META + 24, 0, 0, 0, 0)
call(fd, ADD, 1, DIM, STORED, META, FLOATS, TEXTS, 0, 0, 0, 0)
for size in (0, 1, 7, META - 1, META, META + 1, 256):
    vector, at = room(4 * DIM)
    text, behind = room(size)
    call(fd, GET, 1, DIM, 1, at, behind, size, 0, 0, 0)
    look(f"metadata into {size} bytes", text, min(size, META))
    look(f"a vector beside {size} bytes of metadata", vector, 4 * DIM)
for k in (1, 2, STORED, STORED + 1, 100, 16384):
    results, at = room(16 * k)
    found = call(fd, SEARCH, 1, DIM, k, 0, FLOATS, at, 0, 0, 0, 0, 0)[6]
    look(f"a search for {k}, which finds {found}", results, 16 * min(found, k))
for most in (1, 2, STORED, 100, LARGEST_LIST):
    ids, at = room(8 * most)
    found = call(fd, LIST, 1, most, 0, at, 0, 0, 0, 0, 0)[4]
    look(f"a list of {most}, which finds {found}", ids, 8 * min(found, most))
print(json.dumps({"calls": len(calls)}))

"""What is told of collections and of the filesystem besides vectors.

``vector_info.py FOLDER SYS``: makes collections in FOLDER; SYS is the filesystem's folder in /sys. Prints what is told
wrongly, and at its end how many collections were asked.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

from vexfs_calls import ADD, ALL_FS_INFO, ALL_INFO, CREATE, DELETE, FS_INFO, GET, INFO, SEARCH, call

FOLDER, SYS = sys.argv[1:]
DONE = ("vectors_added", "vectors_deleted", "searches", "vectors_compared")
FORMS = ((1, 0), (3, 5), (1024, 256))  # components, bytes of metadata


def told(name: str) -> int:
    """Return a number of /sys."""
    with open(f"{SYS}/{name}") as file:
        return int(file.read())


def same(what: str, got: object, expected: object) -> None:
    """Say where something else is told."""
    if got != expected:
        print(what, "is", got, "and not", expected)


def collection(metric: int, dim: int, meta_size: int) -> None:
    """Make a collection, do all that is counted, and ask for its form."""
    fd = os.open(f"{FOLDER}/{metric}-{dim}", os.O_RDWR | os.O_CREAT, 0o600)
    call(fd, CREATE, 1, dim, metric, meta_size, 0, 0, 0, 0)
    components = (ctypes.c_float * (7 * dim))(*[1.0] * (7 * dim))
    at = ctypes.addressof(components)
    before = [told(name) for name in DONE]
    first = call(fd, ADD, 1, dim, 7, 0, at, 0, 0, 0, 0, 0)[7]
    for number in (first, first + 3):
        call(fd, DELETE, 1, 0, number, 0, 0)
    results = (ctypes.c_uint64 * 8)()
    call(fd, SEARCH, 1, dim, 4, 0, at, ctypes.addressof(results), 0, 0, 0, 0, 0)
    for name, more, was in zip(DONE, (7, 2, 1, 5), before):
        same(f"{name} after {was} and {more} more", told(name), was + more)
    info = call(fd, INFO, 1, *ALL_INFO)
    whole = f"of a collection of metric {metric}, {dim} components and {meta_size} bytes of metadata"
    same(f"the form {whole}", info[:4], (1, dim, metric, (meta_size + 7) // 8 * 8))
    same(f"what was done {whole}", info[4:7], (5, 2, first + 7))
    same(f"the size {whole}", info[7], os.fstat(fd).st_size)
    if info[8] < 4 * dim + info[3] or info[8] * 7 > info[7]:
        print("seven records of", info[8], "bytes", whole, "take", info[7])
    kept, read = ctypes.create_string_buffer(bytes(range(1, 256)), 256), ctypes.create_string_buffer(256)
    for length in sorted({meta_size, info[3]} - {0}):
        number = call(fd, ADD, 1, dim, 1, length, at, ctypes.addressof(kept), 0, 0, 0, 0)[7]
        got = call(fd, GET, 1, 0, number, 0, ctypes.addressof(read), 256, 0, 0, 0)[6]
        same(f"the length of {length} bytes {whole}", got, length)
        if read.raw[:length] != kept.raw[:length]:
            print("other metadata are read than the", length, "bytes", whole)
    os.close(fd)


def filesystem() -> None:
    """Ask for what is told of the filesystem."""
    fd = os.open(FOLDER, os.O_RDONLY)
    _, _, _, _, _, _, _, errors, mounts, journal, uuid, *_ = call(fd, FS_INFO, 1, *ALL_FS_INFO)
    for name, got in (("errors", errors), ("mounts", mounts), ("journal_blocks", journal)):
        same(name, got, told(name))
    if uuid == bytes(16):
        print("there is no uuid")


FOUR_METRICS = range(4)
for number in FOUR_METRICS:
    for form in FORMS:
        collection(number, *form)
filesystem()
print(json.dumps({"collections": len(FOUR_METRICS) * len(FORMS)}))

"""Calls whose buffers end where the memory ends: behind each lies a page that nobody may touch.

``vector_edges.py COLLECTION DIM META STORED``: makes COLLECTION of STORED vectors of DIM components, each with META
bytes of metadata. What fits exactly must be answered; with one byte less the call says EFAULT. Before and behind the
structure of each call is a pattern, which must stay. Prints what is wrong, and at its end how many calls there were.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import struct
import sys

from vexfs_calls import (
    ADD,
    ALL_FS_INFO,
    ALL_INFO,
    CREATE,
    FS_INFO,
    GET,
    INFO,
    LIST,
    SEARCH,
    packed,
    request_of,
    size_of,
    unpacked,
)

PATH, DIM, META, STORED = sys.argv[1], *map(int, sys.argv[2:])
PAGE, PATTERN, AROUND = mmap.PAGESIZE, 0xA5, 64
LIBC = ctypes.CDLL(None, use_errno=True)
kept: list[mmap.mmap] = []
calls: list[int] = []
FLOATS = struct.pack(f"{DIM * STORED}f", *range(1, DIM * STORED + 1))
TEXTS = bytes(range(1, META + 1)) * STORED
LENS = struct.pack(f"{STORED}I", *[META] * STORED)


def edge(size: int) -> int:
    """Return the address of so many bytes, filled with the pattern, before a page that cannot be touched."""
    pages = -(-(size + AROUND) // PAGE) + 1
    memory = mmap.mmap(-1, pages * PAGE)
    kept.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    end = start + (pages - 1) * PAGE
    ctypes.memset(start, PATTERN, (pages - 1) * PAGE)
    if LIBC.mprotect(ctypes.c_void_p(end), ctypes.c_size_t(PAGE), 0):
        sys.exit("a page cannot be protected")
    return end - size


def ioctl(number: int, address: int) -> str:
    """Make a call with its structure at ``address``; return "OK" or the name of the error."""
    calls.append(number)
    failed = LIBC.ioctl(fd, ctypes.c_ulong(request_of(number)), ctypes.c_void_p(address))
    return errno.errorcode[ctypes.get_errno()] if failed else "OK"


def ask(name: str, wanted: str, number: int, *values: object) -> tuple[int, ...]:
    """Make a call with its structure between two patterns, and return the members."""
    size = size_of(number)
    buffer = (ctypes.c_ubyte * (size + 2 * AROUND))(*[PATTERN] * (size + 2 * AROUND))
    buffer[AROUND : AROUND + size] = list(packed(number, *values))
    said = ioctl(number, ctypes.addressof(buffer) + AROUND)
    if said not in wanted.split(" or "):
        print(f"{name}: {said}, not {wanted}")
    if bytes(buffer[:AROUND]) + bytes(buffer[-AROUND:]) != bytes([PATTERN] * 2 * AROUND):
        print(f"{name} writes around its structure of {size} bytes")
    members: tuple[int, ...] = unpacked(number, bytes(buffer[AROUND : AROUND + size]))
    return members


def untouched(name: str, address: int, size: int) -> None:
    """Say where a buffer is no longer the pattern."""
    found = ctypes.string_at(address, size)
    if found != bytes([PATTERN]) * size:
        print(f"{name} changes {sum(byte != PATTERN for byte in found)} bytes that it must not")


def written(name: str, address: int, wanted: bytes) -> None:
    """Say where a buffer does not hold what was stored."""
    if ctypes.string_at(address, len(wanted)) != wanted:
        print(f"{name}: other bytes are read than were stored")


def adds() -> None:
    """Read from one byte on numbers are others as well, which may be told first."""
    for at, what in enumerate(("vectors", "metadata", "lengths")):
        moved = [address + (number == at) for number, address in enumerate(whole)]
        ask(f"an add with one byte of its {what} missing", "EFAULT or EINVAL", ADD, 1, DIM, STORED, META, *moved, *NONE)
    ask("an add of exactly what is there", "OK", ADD, 1, DIM, STORED, META, *whole, *NONE)


def gets(how: str, wanted: str, short: int) -> None:
    """Read a vector, and its metadata, into their sizes less ``short``."""
    text, vector = edge(META), edge(4 * DIM)
    ask(f"a vector {how}", wanted, GET, 1, DIM, 1, vector + short, 0, 0, 0, 0, 0)
    got = ask(f"metadata {how}", wanted, GET, 1, DIM, 1, 0, text + short, META, 0, 0, 0)
    if not short:
        written("a vector", vector, FLOATS[: 4 * DIM])
        written("metadata", text, TEXTS[:META])
        if got[6] != META:
            print(f"metadata of {META} bytes are said to be {got[6]}")


def finds(how: str, wanted: str, short: int) -> None:
    """Search and list into the size of the answer less ``short``."""
    for k in range(1, STORED + 1):
        query, results = edge(4 * DIM), edge(16 * k)
        ctypes.memmove(query, FLOATS, 4 * DIM)
        answer = ask(f"{k} results {how}", wanted, SEARCH, 1, DIM, k, 0, query, results + short, 0, 0, 0, 0, 0)
        if not short and answer[6] != k:
            print(f"a search for {k} of {STORED} finds {answer[6]}")
        ask("a query with one byte missing", "EFAULT", SEARCH, 1, DIM, k, 0, query + 1, results, 0, 0, 0, 0, 0)
        ids = edge(8 * k)
        answer = ask(f"a list of {k} {how}", wanted, LIST, 1, k, 0, ids + short, 0, 0, 0, 0, 0)
        if not short and (answer[4] != k or (answer[6] != k + 1) != (k == STORED)):
            print(f"a list of {k} of {STORED} gives {answer[4]} and goes on at {answer[6]}")


def rooms() -> None:
    """Metadata into more room than they take, and into less."""
    for room in (0, 1, META // 2, META - 1, META, META + 1):
        text = edge(room)
        got = ask(f"metadata into {room} bytes", "OK", GET, 1, DIM, 1, 0, text, room, 0, 0, 0)
        written(f"metadata into {room} bytes", text, TEXTS[: min(room, META)])
        if got[6] != META:
            print(f"the length of metadata read into {room} bytes is said to be {got[6]}")


def refusals() -> None:
    """What is refused gives nothing."""
    vector, text, results = edge(4 * DIM + 4), edge(META), edge(16 * STORED)
    for other in (DIM - 1, DIM + 1):
        ask(f"a vector into {other} components", "EINVAL", GET, 1, other, 1, vector, text, META, 0, 0, 0)
        ask(f"a search by {other} components", "EINVAL", SEARCH, 1, other, 1, 0, whole[0], results, 0, 0, 0, 0, 0)
    ask("a vector that is not there", "ENOENT", GET, 1, DIM, STORED + 1, vector, text, META, 0, 0, 0)
    ask("a search for none", "EINVAL", SEARCH, 1, DIM, 0, 0, whole[0], results, 0, 0, 0, 0, 0)
    ask("a list of none", "EINVAL", LIST, 1, 0, 0, results, 0, 0, 0, 0, 0)
    for name, address, size in (("vector", vector, 4 * DIM + 4), ("metadata", text, META), ("results", results, 16)):
        untouched(f"a refused call's {name}", address, size * (STORED if name == "results" else 1))


def structures() -> None:
    """The structure of a call at the end of the memory."""
    ask("the collection's info", "OK", INFO, 1, *ALL_INFO)
    ask("the filesystem's info", "OK", FS_INFO, 1, *ALL_FS_INFO)
    plain = {FS_INFO: (1, *ALL_FS_INFO), INFO: (1, *ALL_INFO), GET: (1, DIM, 1, 0, 0, 0, 0, 0, 0)}
    for number, values in plain.items():
        size = size_of(number)
        for short in (0, 1):
            address = edge(size)
            ctypes.memmove(address, packed(number, *values), size)
            if short:
                ctypes.memmove(address + 1, ctypes.string_at(address, size - 1), size - 1)
            said = ioctl(number, address + short)
            if said != ("EFAULT" if short else "OK"):
                print(f"call {number} with its structure {short} bytes over the end: {said}")


NONE = (0, 0, 0)
fd = os.open(PATH, os.O_RDWR | os.O_CREAT, 0o644)
ask("create", "OK", CREATE, 1, DIM, 0, META + 24, 0, 0, 0, 0)
whole = [edge(len(each)) for each in (FLOATS, TEXTS, LENS)]
for place, each in zip(whole, (FLOATS, TEXTS, LENS)):
    ctypes.memmove(place, each, len(each))
adds()
for words in (("into exactly its size", "OK", 0), ("with one byte missing", "EFAULT", 1)):
    gets(*words)
    finds(*words)
rooms()
refusals()
structures()
print(json.dumps({"calls": len(calls)}))

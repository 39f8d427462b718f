"""An answer takes no more room than the caller offers: what lies behind it in the caller's memory stays as it is."""

from __future__ import annotations

import json

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
    pytest.mark.single_thread_tcg,
]

_DIM, _META, _STORED = 5, 40, 3

# Prints a line of JSON for each call. Every buffer is
# filled with a pattern beforehand, and what the answer does not claim to have written must still be the pattern.
_CALLS = r"""
import ctypes, json, os, sys

path, dim, meta, stored = sys.argv[1], *map(int, sys.argv[2:])
PATTERN, BEHIND = 0xA5, 512

fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def room(size):
    buffer = (ctypes.c_ubyte * (size + BEHIND))()
    ctypes.memset(buffer, PATTERN, size + BEHIND)
    return buffer, ctypes.addressof(buffer)


def say(name, buffer, claimed):
    behind = bytes(buffer)[claimed:]
    changed = len(behind) - behind.count(PATTERN)
    print(json.dumps({"name": name, "claimed": claimed, "changed": changed}))


floats = (ctypes.c_float * (dim * stored))(*range(1, dim * stored + 1))
texts = (ctypes.c_ubyte * (meta * stored))(*[0x4D] * (meta * stored))
call(CREATE, 1, dim, 0, meta + 24, 0, 0, 0, 0)
call(ADD, 1, dim, stored, meta, ctypes.addressof(floats), ctypes.addressof(texts), 0, 0, 0, 0)
for size in (0, 1, 7, meta - 1, meta, meta + 1, 256):
    vector, at = room(4 * dim)
    text, behind = room(size)
    call(GET, 1, dim, 1, at, behind, size, 0, 0, 0)
    say(f"metadata into {size} bytes", text, min(size, meta))
    say(f"a vector beside {size} bytes of metadata", vector, 4 * dim)
for k in (1, 2, stored, stored + 1, 100, 16384):
    results, at = room(16 * k)
    found = call(SEARCH, 1, dim, k, 0, ctypes.addressof(floats), at, 0, 0, 0, 0, 0)[6]
    say(f"a search for {k}, which finds {found}", results, 16 * min(found, k))
for most in (1, 2, stored, 100, 65536):
    ids, at = room(8 * most)
    found = call(LIST, 1, most, 0, at, 0, 0, 0, 0, 0)[4]
    say(f"a list of {most}, which finds {found}", ids, 8 * min(found, most))
"""

# Every buffer ends where the memory ends: behind it lies a page that nobody may touch. What fits exactly must be
# answered; with one byte less the call says EFAULT. Before and behind the structure of each call is a pattern. Prints
# what is wrong, then how many calls there were.
_EDGES = r"""
import ctypes, errno, mmap, os, struct, sys

path, dim, meta, stored = sys.argv[1], *map(int, sys.argv[2:])
PAGE, PATTERN, AROUND = mmap.PAGESIZE, 0xA5, 64
FS_INFO = 0
SHAPE[FS_INFO] = "2I4Q4I16s32s8Q"
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
kept = []
calls, wrong = 0, []


def edge(size):
    # the address of so many bytes, filled with the pattern, before a page that cannot be touched
    pages = -(-(size + AROUND) // PAGE) + 1
    memory = mmap.mmap(-1, pages * PAGE)
    kept.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    end = start + (pages - 1) * PAGE
    ctypes.memset(start, PATTERN, (pages - 1) * PAGE)
    if libc.mprotect(ctypes.c_void_p(end), ctypes.c_size_t(PAGE), 0):
        sys.exit("a page cannot be protected")
    return end - size


def ioctl(number, address, size):
    request = (1 if number in WRITES_ONLY else 3) << 30 | size << 16 | 0xF6 << 8 | number
    failed = libc.ioctl(fd, ctypes.c_ulong(request), ctypes.c_void_p(address))
    return errno.errorcode[ctypes.get_errno()] if failed else "OK"


def ask(name, wanted, number, *values):
    # the call with its structure between two patterns
    global calls
    calls += 1
    size = struct.calcsize("=" + SHAPE[number])
    buffer = (ctypes.c_ubyte * (size + 2 * AROUND))(*[PATTERN] * (size + 2 * AROUND))
    buffer[AROUND:AROUND + size] = struct.pack("=" + SHAPE[number], *values)
    said = ioctl(number, ctypes.addressof(buffer) + AROUND, size)
    if said not in wanted.split(" or "):
        wrong.append(f"{name}: {said}, not {wanted}")
    if bytes(buffer[:AROUND]) + bytes(buffer[-AROUND:]) != bytes([PATTERN] * 2 * AROUND):
        wrong.append(f"{name} writes around its structure of {size} bytes")
    return struct.unpack("=" + SHAPE[number], bytes(buffer[AROUND:AROUND + size]))


def untouched(name, address, size):
    found = ctypes.string_at(address, size)
    if found != bytes([PATTERN]) * size:
        wrong.append(f"{name} changes {sum(byte != PATTERN for byte in found)} bytes that it must not")


def written(name, address, wanted):
    if ctypes.string_at(address, len(wanted)) != wanted:
        wrong.append(f"{name}: other bytes are read than were stored")


floats = struct.pack(f"{dim * stored}f", *range(1, dim * stored + 1))
texts = bytes(range(1, meta + 1)) * stored
lens = struct.pack(f"{stored}I", *[meta] * stored)
ask("create", "OK", CREATE, 1, dim, 0, meta + 24, 0, 0, 0, 0)
whole = [edge(len(each)) for each in (floats, texts, lens)]
for address, each in zip(whole, (floats, texts, lens)):
    ctypes.memmove(address, each, len(each))
# read from one byte on numbers are others as well, which may be told first
for at, what in enumerate(("vectors", "metadata", "lengths")):
    moved = [address + (number == at) for number, address in enumerate(whole)]
    ask(f"an add with one byte of its {what} missing", "EFAULT or EINVAL", ADD, 1, dim, stored, meta, *moved, 0, 0, 0)
ask("an add of exactly what is there", "OK", ADD, 1, dim, stored, meta, *whole, 0, 0, 0)

for short in (0, 1):
    how, wanted = ("with one byte missing", "EFAULT") if short else ("into exactly its size", "OK")
    text, vector = edge(meta), edge(4 * dim)
    ask(f"a vector {how}", wanted, GET, 1, dim, 1, vector + short, 0, 0, 0, 0, 0)
    got = ask(f"metadata {how}", wanted, GET, 1, dim, 1, 0, text + short, meta, 0, 0, 0)
    if not short:
        written("a vector", vector, floats[:4 * dim])
        written("metadata", text, texts[:meta])
        if got[6] != meta:
            wrong.append(f"metadata of {meta} bytes are said to be {got[6]}")
    for k in range(1, stored + 1):
        query, results = edge(4 * dim), edge(16 * k)
        ctypes.memmove(query, floats, 4 * dim)
        answer = ask(f"{k} results {how}", wanted, SEARCH, 1, dim, k, 0, query, results + short, 0, 0, 0, 0, 0)
        if not short and answer[6] != k:
            wrong.append(f"a search for {k} of {stored} finds {answer[6]}")
        ask("a query with one byte missing", "EFAULT", SEARCH, 1, dim, k, 0, query + 1, results, 0, 0, 0, 0, 0)
        ids = edge(8 * k)
        answer = ask(f"a list of {k} {how}", wanted, LIST, 1, k, 0, ids + short, 0, 0, 0, 0, 0)
        if not short and (answer[4] != k or (answer[6] != k + 1) != (k == stored)):
            wrong.append(f"a list of {k} of {stored} gives {answer[4]} and goes on at {answer[6]}")
for room in (0, 1, meta // 2, meta - 1, meta, meta + 1):
    text = edge(room)
    got = ask(f"metadata into {room} bytes", "OK", GET, 1, dim, 1, 0, text, room, 0, 0, 0)
    written(f"metadata into {room} bytes", text, texts[:min(room, meta)])
    if got[6] != meta:
        wrong.append(f"the length of metadata read into {room} bytes is said to be {got[6]}")
# what is refused gives nothing
vector, text, results = edge(4 * dim + 4), edge(meta), edge(16 * stored)
for other in (dim - 1, dim + 1):
    ask(f"a vector into {other} components", "EINVAL", GET, 1, other, 1, vector, text, meta, 0, 0, 0)
    ask(f"a search by {other} components", "EINVAL", SEARCH, 1, other, 1, 0, whole[0], results, 0, 0, 0, 0, 0)
ask("a vector that is not there", "ENOENT", GET, 1, dim, stored + 1, vector, text, meta, 0, 0, 0)
ask("a search for none", "EINVAL", SEARCH, 1, dim, 0, 0, whole[0], results, 0, 0, 0, 0, 0)
ask("a list of none", "EINVAL", LIST, 1, 0, 0, results, 0, 0, 0, 0, 0)
refused = (("vector", vector, 4 * dim + 4), ("metadata", text, meta), ("results", results, 16 * stored))
for name, address, size in refused:
    untouched(f"a refused call's {name}", address, size)
ask("the collection's info", "OK", INFO, 1, *[0] * 13)
ask("the filesystem's info", "OK", FS_INFO, 1, *[0] * 9, b"", b"", *[0] * 8)
# the structure itself at the end of the memory
plain = {FS_INFO: [1, *[0] * 9, b"", b"", *[0] * 8], INFO: [1] + [0] * 13, GET: [1, dim, 1, 0, 0, 0, 0, 0, 0]}
for number, values in plain.items():
    size = struct.calcsize("=" + SHAPE[number])
    for short in (0, 1):
        address = edge(size)
        ctypes.memmove(address, struct.pack("=" + SHAPE[number], *values), size)
        if short:
            ctypes.memmove(address + 1, ctypes.string_at(address, size - 1), size - 1)
        calls += 1
        said = ioctl(number, address + short, size)
        if said != ("EFAULT" if short else "OK"):
            wrong.append(f"call {number} with its structure {short} bytes over the end: {said}")
print("; ".join(wrong[:12]) if wrong else f"calls {calls}")
"""


@pytest.mark.usefixtures("post_checks")
def test_buffer_edges(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """Every buffer may end where the memory ends; with one byte less a call says EFAULT; what it refuses it leaves."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    mounted.machine.push((SHAPES + _EDGES).encode(), "/tmp/edges.py")
    words = ["python3", "/tmp/edges.py", f"{mounted.mountpoint}/edges", str(_DIM), str(_META), str(_STORED)]
    result = mounted.machine.exec(words, timeout=60)
    assert result.ok, f"the calls did not come to their end: {result}"
    assert result.text.startswith("calls "), result.text
    metrics.record("calls_count", int(result.text.split()[1]))


@pytest.mark.usefixtures("post_checks")
def test_buffer_bounds(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """No call writes more than it says: of metadata, vectors, results and ids, whatever room the caller offers."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    mounted.machine.push((SHAPES + CALL + _CALLS).encode(), "/tmp/room.py")
    words = ["python3", "/tmp/room.py", f"{mounted.mountpoint}/room", str(_DIM), str(_META), str(_STORED)]
    result = mounted.machine.exec(words, timeout=60)
    assert result.ok, f"the calls did not come to their end: {result}"
    rows = [json.loads(line) for line in result.text.splitlines()]
    metrics.record("calls_count", len(rows))
    wrong = [
        f"{row['name']} changes {row['changed']} bytes behind the {row['claimed']} it claims"
        for row in rows
        if row["changed"]
    ]
    assert not wrong, "; ".join(wrong[:8])

"""Calls at random beside a model of what they promise: vectors with metadata, deleted, listed, counted and searched."""

from __future__ import annotations

import os
import random

import pytest

from vexlab.domains.vector_operations.shapes import CALL, SHAPES
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

_SEED = "VEXLAB_SEED"  # environment variable: do the calls of an earlier run again
_SEEDS = 1 << 31
_STEPS = 150

# The words are the collection, the seed and the number of steps. The model of one program is kept for the next, so that
# a second one, after mount, begins with everything the first has left. Components are small whole numbers: many vectors
# are equally far, and then the lower id comes first.
_PROGRAM = r"""
import ctypes, errno, math, os, pickle, random, sys

path, seed, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
draw = random.Random(seed)
DIM, ROOM, MODEL = 3, 200, "/tmp/vectors.model"
fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

def demand(true, *words):
    if not true:
        print("step", step, *words)
        sys.exit(0)

def at(buffer):
    return ctypes.addressof(buffer)

def vector():
    return tuple(float(draw.randint(-4, 4)) for _ in range(DIM))

def add():
    count, stride = draw.choice((1, 1, 2, 7, 40)), draw.choice((0, 1, 8, 33, ROOM))
    vectors = [vector() for _ in range(count)]
    metas = [draw.randbytes(draw.randint(0, stride)) for _ in range(count)]
    flat = (ctypes.c_float * (count * DIM))(*[x for each in vectors for x in each])
    areas = ctypes.create_string_buffer(b"".join(meta.ljust(stride, b"?") for meta in metas), count * stride + 1)
    lens = (ctypes.c_uint32 * count)(*map(len, metas))
    texts = (at(areas), at(lens)) if stride else (0, 0)
    first = call(ADD, 1, DIM, count, stride, at(flat), *texts, 0, 0, 0)[7]
    demand(first == model["next"], "first id is", first, "not", model["next"])
    model["live"].update(zip(range(first, first + count), zip(vectors, metas)))
    model["next"] = first + count

def get(number):
    room = draw.choice((0, 1, 16, ROOM, 256))
    into, text = (ctypes.c_float * DIM)(), ctypes.create_string_buffer(256)
    try:
        length = call(GET, 1, DIM, number, at(into), at(text) if room else 0, room, 0, 0, 0)[6]
    except OSError as error:
        demand(error.errno == errno.ENOENT, "get of", number, "fails with", errno.errorcode[error.errno])
        demand(number not in model["live"], number, "cannot be read")
        return
    demand(number in model["live"], number, "can be read, though it was deleted or never there")
    kept, meta = model["live"][number]
    demand(tuple(into) == kept, number, "is", tuple(into), "not", kept)
    demand(length == len(meta), "metadata of", number, "is", length, "bytes long, not", len(meta))
    demand(text.raw[:min(room, length)] == meta[:room], "metadata of", number, "is", text.raw[:length], "not", meta)

def delete():
    number = draw.choice(list(model["live"]) or [1]) if draw.random() < 0.8 else draw.randint(0, model["next"] + 3)
    try:
        call(DELETE, 1, 0, number, 0, 0)
    except OSError as error:
        demand(error.errno == errno.ENOENT, "delete of", number, "fails with", errno.errorcode[error.errno])
        demand(number not in model["live"], number, "cannot be deleted")
        return
    demand(model["live"].pop(number, None), number, "was deleted, though it was not there")

def listing():
    room, start, found = draw.choice((1, 3, 50, 1000)), draw.choice((0, draw.randint(0, model["next"]))), []
    wanted = [number for number in sorted(model["live"]) if number >= start]
    while True:
        ids = (ctypes.c_uint64 * room)()
        answer = call(LIST, 1, room, start, at(ids), 0, 0, 0, 0, 0)
        found += ids[:answer[4]]
        demand(answer[6] == 0 or answer[6] > start, "a list goes on at", answer[6], "after", start)
        start = answer[6]
        if not start or len(found) > len(wanted):
            break
    demand(found == wanted, "listed are", found[:20], "not", wanted[:20])

def info():
    answer = call(INFO, 1, *[0] * 13)
    live, deleted, next_id, size = answer[4:8]
    demand(live == len(model["live"]), live, "are live, not", len(model["live"]))
    demand(next_id == model["next"], "the next id is", next_id, "not", model["next"])
    given = next_id - model["first"]
    demand(live + deleted == given, live, "live and", deleted, "deleted of", given)
    demand(size == os.fstat(fd).st_size, "the file has", size, "bytes, says the call, and", os.fstat(fd).st_size)

def search():
    query, k = vector(), draw.choice((1, 2, 10, 100, 16384))
    flat, results = (ctypes.c_float * DIM)(*query), (ctypes.c_uint64 * (2 * k))()
    answer = call(SEARCH, 1, DIM, k, 0, at(flat), at(results), 0, 0, 0, 0, 0)
    found, scanned = answer[6], answer[8]
    demand(scanned == len(model["live"]), scanned, "were compared, not", len(model["live"]))
    wanted = sorted((sum((a - b) ** 2 for a, b in zip(query, each)), number)
                    for number, (each, _) in model["live"].items())[:k]
    got = [results[2 * n] for n in range(found)]
    demand(got == [number for _, number in wanted], "found are", got[:20], "not", [n for _, n in wanted][:20])
    for n, (square, number) in enumerate(wanted):
        distance = struct.unpack("d", struct.pack("Q", results[2 * n + 1]))[0]
        demand(math.isclose(distance, math.sqrt(square), rel_tol=1e-5) or math.isclose(distance, square, rel_tol=1e-5),
               "the distance of", number, "is", distance, "not", math.sqrt(square))

step = 0
try:
    with open(MODEL, "rb") as file:
        model = pickle.load(file)
    for number in range(model["next"] + 2):
        get(number)
except FileNotFoundError:
    kept = draw.choice((ROOM, ROOM - 3, ROOM + 1, 256))  # the last bytes are rounded up to a multiple of 8
    call(CREATE, 1, DIM, 0, kept, 0, 0, 0, 0)
    first = call(INFO, 1, *[0] * 13)[6]
    model = {"first": first, "next": first, "live": {}}
listing()
info()
search()
for step in range(1, steps + 1):
    draw.choices((add, delete, lambda: get(draw.randint(0, model["next"] + 2)), listing, info, search),
                 (4, 4, 6, 1, 1, 2))[0]()
with open(MODEL, "wb") as file:
    pickle.dump(model, file)
print("done", len(model["live"]))
"""


@pytest.mark.usefixtures("post_checks")
def test_program(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """Random calls answer as the interface promises, metadata and all, and go on so after mount where they ended."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    seed = int(os.environ.get(_SEED) or random.randrange(_SEEDS))
    metrics.record("seed", seed)
    mounted.machine.push((SHAPES + CALL + _PROGRAM).encode(), "/tmp/program.py")
    for part in range(3):
        words = ["python3", "/tmp/program.py", f"{mounted.mountpoint}/program", str(seed + part), str(_STEPS)]
        result = mounted.machine.exec(words, timeout=120)
        told = f"part {part} of 3 (do it again with {_SEED}={seed})"
        assert result.ok, f"{told}: a call fails that must not: {result}"
        assert result.text.startswith("done "), f"{told}: {result.text[:1000]}"
        PostChecks(mounted).again()

"""Calls at random beside a model of what they promise.

``vector_model.py COLLECTION SEED STEPS``: vectors with metadata are added, read, deleted, listed, counted and searched.
The model of one program is kept for the next, so that a second one, after mount, begins with everything the first has
left. Components are small whole numbers: many vectors are equally far, and then the lower id comes first. Prints what
is wrong and ends there, or at its end how many vectors there are.
"""

from __future__ import annotations

import ctypes
import errno
import json
import math
import os
import pickle
import random
import struct
import sys

from vexfs_calls import ADD, ALL_INFO, CREATE, DELETE, GET, INFO, LIST, SEARCH, call

PATH, SEED, STEPS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
DIM, ROOM, MODEL = 3, 200, "/tmp/vectors.model"
Vector = tuple[float, ...]
at = ctypes.addressof
draw = random.Random(SEED)


class Program:
    """A collection and the model of it: which vectors are live, with their metadata, and which id comes next."""

    def __init__(self) -> None:
        self.fd = os.open(PATH, os.O_RDWR | os.O_CREAT, 0o644)
        self.step = 0
        self.live: dict[int, tuple[Vector, bytes]] = {}
        self.first = self.next = 0
        if os.path.exists(MODEL):
            with open(MODEL, "rb") as file:
                self.first, self.next, self.live = pickle.load(file)
            for number in range(self.next + 2):
                self.get(number)
            return
        kept = draw.choice((ROOM, ROOM - 3, ROOM + 1, 256))  # the last bytes are rounded up to a multiple of 8
        call(self.fd, CREATE, 1, DIM, 0, kept, 0, 0, 0, 0)
        self.first = call(self.fd, INFO, 1, *ALL_INFO)[6]
        self.next = self.first

    def keep(self) -> None:
        """Keep the model for the next program."""
        with open(MODEL, "wb") as file:
            pickle.dump((self.first, self.next, self.live), file)

    def demand(self, true: object, *words: object) -> None:
        """Say what is wrong, and end, where it is not true."""
        if not true:
            print("step", self.step, *words)
            sys.exit(0)

    def add(self) -> None:
        """Add some vectors, with metadata or without."""
        count, stride = draw.choice((1, 1, 2, 7, 40)), draw.choice((0, 1, 8, 33, ROOM))
        vectors = [vector() for _ in range(count)]
        metas = [draw.randbytes(draw.randint(0, stride)) for _ in range(count)]
        flat = (ctypes.c_float * (count * DIM))(*[x for each in vectors for x in each])
        areas = ctypes.create_string_buffer(b"".join(meta.ljust(stride, b"?") for meta in metas), count * stride + 1)
        lens = (ctypes.c_uint32 * count)(*map(len, metas))
        texts = (at(areas), at(lens)) if stride else (0, 0)
        first = call(self.fd, ADD, 1, DIM, count, stride, at(flat), *texts, 0, 0, 0)[7]
        self.demand(first == self.next, "first id is", first, "not", self.next)
        self.live.update(zip(range(first, first + count), zip(vectors, metas)))
        self.next = first + count

    def get(self, number: int) -> None:
        """Read a vector, which may not be there."""
        room = draw.choice((0, 1, 16, ROOM, 256))
        into, text = (ctypes.c_float * DIM)(), ctypes.create_string_buffer(256)
        try:
            length = call(self.fd, GET, 1, DIM, number, at(into), at(text) if room else 0, room, 0, 0, 0)[6]
        except OSError as error:
            self.absent(error, "get", number)
            self.demand(number not in self.live, number, "cannot be read")
            return
        self.demand(number in self.live, number, "can be read, though it was deleted or never there")
        kept, meta = self.live[number]
        self.demand(tuple(into) == kept, number, "is", tuple(into), "not", kept)
        self.demand(length == len(meta), "metadata of", number, "is", length, "bytes long, not", len(meta))
        right = text.raw[: min(room, length)] == meta[:room]
        self.demand(right, "metadata of", number, "is", text.raw[:length], "not", meta)

    def get_any(self) -> None:
        """Read any vector."""
        self.get(draw.randint(0, self.next + 2))

    def absent(self, error: OSError, what: str, number: int) -> None:
        """Have an error say that a vector is not there."""
        said = errno.errorcode[error.errno or 0]
        self.demand(error.errno == errno.ENOENT, what, "of", number, "fails with", said)

    def delete(self) -> None:
        """Delete a vector, which may not be there."""
        number = draw.choice(list(self.live) or [1]) if draw.random() < 0.8 else draw.randint(0, self.next + 3)
        try:
            call(self.fd, DELETE, 1, 0, number, 0, 0)
        except OSError as error:
            self.absent(error, "delete", number)
            self.demand(number not in self.live, number, "cannot be deleted")
            return
        self.demand(self.live.pop(number, None), number, "was deleted, though it was not there")

    def listing(self) -> None:
        """List from somewhere on."""
        room, start = draw.choice((1, 3, 50, 1000)), draw.choice((0, draw.randint(0, self.next)))
        found: list[int] = []
        wanted = [number for number in sorted(self.live) if number >= start]
        while True:
            ids = (ctypes.c_uint64 * room)()
            answer = call(self.fd, LIST, 1, room, start, at(ids), 0, 0, 0, 0, 0)
            found += ids[: answer[4]]
            self.demand(answer[6] == 0 or answer[6] > start, "a list goes on at", answer[6], "after", start)
            start = answer[6]
            if not start or len(found) > len(wanted):
                break
        self.demand(found == wanted, "listed are", found[:20], "not", wanted[:20])

    def info(self) -> None:
        """Ask for the numbers."""
        live, deleted, next_id, size = call(self.fd, INFO, 1, *ALL_INFO)[4:8]
        self.demand(live == len(self.live), live, "are live, not", len(self.live))
        self.demand(next_id == self.next, "the next id is", next_id, "not", self.next)
        given = next_id - self.first
        self.demand(live + deleted == given, live, "live and", deleted, "deleted of", given)
        real = os.fstat(self.fd).st_size
        self.demand(size == real, "the file has", size, "bytes, says the call, and", real)

    def search(self) -> None:
        """Search for the nearest."""
        query, k = vector(), draw.choice((1, 2, 10, 100, 16384))
        flat, results = (ctypes.c_float * DIM)(*query), (ctypes.c_uint64 * (2 * k))()
        answer = call(self.fd, SEARCH, 1, DIM, k, 0, at(flat), at(results), 0, 0, 0, 0, 0)
        found, scanned = answer[6], answer[8]
        self.demand(scanned == len(self.live), scanned, "were compared, not", len(self.live))
        squares = [(square(query, each), number) for number, (each, _) in self.live.items()]
        wanted = sorted(squares)[:k]
        ids = [number for _, number in wanted]
        got = [results[2 * n] for n in range(found)]
        self.demand(got == ids, "found are", got[:20], "not", ids[:20])
        for n, (far, number) in enumerate(wanted):
            distance = struct.unpack("d", struct.pack("Q", results[2 * n + 1]))[0]
            near = any(math.isclose(distance, each, rel_tol=1e-5) for each in (math.sqrt(far), far))
            self.demand(near, "the distance of", number, "is", distance, "not", math.sqrt(far))

    def one(self) -> None:
        """Do a call at random."""
        ways = (self.add, self.delete, self.get_any, self.listing, self.info, self.search)
        draw.choices(ways, (4, 4, 6, 1, 1, 2))[0]()


def vector() -> Vector:
    """Return a vector."""
    return tuple(float(draw.randint(-4, 4)) for _ in range(DIM))


def square(one: Vector, two: Vector) -> float:
    """Return the square of the distance."""
    return sum((a - b) ** 2 for a, b in zip(one, two))


program = Program()
program.listing()
program.info()
program.search()
for program.step in range(1, STEPS + 1):
    program.one()
program.keep()
print(json.dumps({"live": len(program.live)}))

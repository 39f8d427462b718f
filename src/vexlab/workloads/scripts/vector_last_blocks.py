"""Adding vectors with none to three blocks free.

``vector_last_blocks.py FOLDER``: FOLDER is that of a small filesystem with blocks of 4096 bytes. A record of 1016
components is as large as a block. Of a file 12 blocks stand in the inode (VEXFS_NDIR_BLOCKS), the next needs a pointer
block as well, so that adds to 0, 11 and 12 vectors need one block, two or more. Prints what is wrong, and at its end
how many adds were done and how many were refused.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import sys

from vexfs_calls import ADD, ALL_INFO, CREATE, GET, INFO, call

DIM, SINGLES, MOST_FREE, BLOCK = 1016, 60, 3, 4096
ADDS = ((0, 1), (0, 3), (11, 3), (12, 1), (12, 3))  # vectors there are, vectors added
ATTEMPTS = [(free, *each) for free in range(MOST_FREE + 1) for each in ADDS]
Attempt = tuple[int, int, int]
vectors = (ctypes.c_float * (DIM * 12))(*range(DIM * 12))
VECTORS, STORED = ctypes.addressof(vectors), bytes(vectors)
done: list[Attempt] = []
refused: list[Attempt] = []
empty = [f"single{n}" for n in range(SINGLES)]  # files without a block
full: list[str] = []  # files of one block


def add(fd: int, count: int) -> int:
    """Add vectors and return the first id."""
    first: int = call(fd, ADD, 1, DIM, count, 0, VECTORS, 0, 0, 0, 0, 0)[7]
    return first


def state(fd: int) -> dict[str, int]:
    """Return what an add that is refused must not change."""
    info, stat, whole = call(fd, INFO, 1, *ALL_INFO), os.fstat(fd), os.statvfs(".")
    names = ("live", "deleted", "next id", "bytes")
    return {
        **dict(zip(names, info[4:8])),
        "size": stat.st_size,
        "sectors": stat.st_blocks,
        "free blocks": whole.f_bfree,
        "free inodes": whole.f_ffree,
    }


def no_room(error: OSError) -> None:
    """Raise an error again that does not say that there is no room."""
    if error.errno != errno.ENOSPC:
        raise error


def take_one() -> bool:
    """Take one block, by a file that has none."""
    if not empty:
        return False
    try:
        with open(empty[-1], "wb", buffering=0) as file:
            file.write(bytes(BLOCK))
    except OSError as error:
        no_room(error)
        return False
    full.append(empty.pop())
    return True


def set_free(wanted: int) -> None:
    """Have so many blocks free. Syncs are few: each may take long on a busy host."""
    now = 0
    for _ in range(10):
        now = os.statvfs(".").f_bfree
        if now == wanted:
            return
        for _ in range(wanted - now):
            os.truncate(full[-1], 0)
            empty.append(full.pop())
        for _ in range(now - wanted):
            take_one()
        os.sync()
    sys.exit(f"{now} blocks are free, not {wanted}")


def prepare(attempt: Attempt) -> int:
    """Make the collection of an attempt, with what it has before."""
    fd = os.open("{}-{}-{}".format(*attempt), os.O_RDWR | os.O_CREAT, 0o644)
    call(fd, CREATE, 1, DIM, 0, 0, 0, 0, 0, 0)
    if attempt[1]:
        add(fd, attempt[1])
    return fd


def take_all() -> None:
    """Take every block: half of the single ones first, then what is left by one file, and the rest."""
    for name in empty:
        open(name, "wb").close()
    while len(full) < SINGLES // 2:
        take_one()
    with open("ballast", "wb", buffering=0) as ballast:
        for piece in (bytes(1 << 20), bytes(BLOCK)):
            try:
                while True:
                    ballast.write(piece)
            except OSError as error:
                no_room(error)
    while take_one():
        pass


def attempt_one(attempt: Attempt, fd: int) -> None:
    """Add with so many blocks free: what is refused must change nothing."""
    free, start, count = attempt
    set_free(free)
    before = state(fd)
    what = f"{count} added to {start} with {before['free blocks']} blocks free"
    try:
        first = add(fd, count)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            print(f"{what}: {errno.errorcode[error.errno or 0]}")
        refused.append(attempt)
        after = state(fd)
        if before != after:
            os.sync()
            after = state(fd)
        for name in before:
            if before[name] != after[name]:
                print(f"{what}, refused: {name} {before[name]} became {after[name]}")
        return
    done.append(attempt)
    if first != start + 1 or call(fd, INFO, 1, *ALL_INFO)[4] != start + count:
        print(f"{what} begin at id {first}")


def with_room(attempt: Attempt, fd: int) -> None:
    """Do an add that was refused, and read all there is."""
    _, start, count = attempt
    first = add(fd, count)
    if first != start + 1:
        print(f"{count} added to {start} when there was room begin at id {first}")
    into = (ctypes.c_float * DIM)()
    for number in range(1, start + count + 1):
        call(fd, GET, 1, DIM, number, ctypes.addressof(into), 0, 0, 0, 0, 0)
        at = (number - 1 if number <= start else number - start - 1) * 4 * DIM
        if bytes(into) != STORED[at : at + 4 * DIM]:
            print(f"vector {number} of {start} and {count} is another")


os.chdir(sys.argv[1])
files = {attempt: prepare(attempt) for attempt in ATTEMPTS}
take_all()
for each in ATTEMPTS:
    attempt_one(each, files[each])
os.unlink("ballast")
os.sync()
for each in refused:
    with_room(each, files[each])
print(json.dumps({"done": len(done), "refused": len(refused)}))

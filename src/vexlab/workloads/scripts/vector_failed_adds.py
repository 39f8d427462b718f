"""Adds of vectors that fail in their middle, for whatever reason.

``vector_failed_adds.py COLLECTION``: makes COLLECTION. Prints a line for each way to fail after which something is
wrong, and at its end how many ways there were.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import mmap
import os
import random
import resource
import signal
import sys
import time

from vexfs_calls import ADD, ALL_INFO, CREATE, INFO, call

PATH = sys.argv[1]
DIM, META, COUNT = 64, 16, 3000
LIBC = ctypes.CDLL(None, use_errno=True)
good = (ctypes.c_float * (DIM * COUNT))(*[1.0] * (DIM * COUNT))
metas = (ctypes.c_ubyte * (META * COUNT))()
lens = (ctypes.c_uint32 * COUNT)(*[META] * COUNT)
GOOD, METAS, LENS = ctypes.addressof(good), ctypes.addressof(metas), ctypes.addressof(lens)
ways: list[str] = []


def add(vectors: int = GOOD, count: int = COUNT, texts: int = 0, sizes: int = 0) -> int:
    """Add ``count`` vectors and return the first id."""
    first: int = call(fd, ADD, 1, DIM, count, META if texts else 0, vectors, texts, sizes, 0, 0, 0)[7]
    return first


def state() -> dict[str, int]:
    """Return what an add that fails must not change."""
    info = call(fd, INFO, 1, *ALL_INFO)
    stat = os.fstat(fd)
    names = ("live", "deleted", "next id", "bytes")
    return {**dict(zip(names, info[4:8])), "size": stat.st_size, "blocks": stat.st_blocks}


def tell(name: str, wrong: list[str]) -> None:
    """Print what is wrong after a way to fail, if anything is."""
    ways.append(name)
    if wrong:
        print(f"{name}: {', '.join(wrong)}")


def fails(name: str, wanted: str, vectors: int = GOOD, texts: int = 0, sizes: int = 0) -> None:
    """Do an add that must fail with the error ``wanted``, and one that must not, after it."""
    before = state()
    try:
        add(vectors, texts=texts, sizes=sizes)
        said = "success"
    except OSError as error:
        said = errno.errorcode[error.errno or 0]
    wrong = [] if said == wanted else [f"it says {said}, not {wanted}"]
    after = state()
    wrong += [f"{what} {before[what]} became {after[what]}" for what in before if before[what] != after[what]]
    following = add(count=2)
    if following != before["next id"]:
        wrong.append(f"the next vector got id {following}, not {before['next id']}")
    tell(name, wrong)


def partly(size: int) -> tuple[mmap.mmap, int]:
    """Return a buffer of which only the first two thirds can be read, and its address."""
    pages = -(-size // mmap.PAGESIZE)
    memory = mmap.mmap(-1, pages * mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    LIBC.mprotect(ctypes.c_void_p(address + pages * 2 // 3 * mmap.PAGESIZE), pages // 3 * mmap.PAGESIZE, 0)
    return memory, address


def unreadable() -> None:
    """Buffers of which a part cannot be read."""
    vectors, address = partly(ctypes.sizeof(good))
    fails("vectors that cannot all be read", "EFAULT", address)
    texts, address = partly(ctypes.sizeof(metas))
    fails("metadata that cannot all be read", "EFAULT", texts=address)
    sizes, address = partly(ctypes.sizeof(lens))
    fails("lengths that cannot all be read", "EFAULT", texts=METAS, sizes=address)
    del vectors, texts, sizes  # they were to be there until now


def refused() -> None:
    """What the last of many vectors has that is refused, and a limit that is met in the middle."""
    good[DIM * COUNT - 1] = float("nan")
    fails("a last vector that is no number", "EINVAL")
    good[DIM * COUNT - 1] = 1.0
    lens[COUNT - 1] = META + 1
    fails("a last length that is too large", "EINVAL", texts=METAS, sizes=LENS)
    lens[COUNT - 1] = META
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit = os.fstat(fd).st_size + 100000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    fails("a limit of the file's size", "EFBIG")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def killed() -> None:
    """A process that adds, killed at any moment."""
    draw = random.Random(5)
    wrong = []
    for _ in range(8):
        before = state()
        pid = os.fork()
        if not pid:
            for _ in range(5):  # no more than there is room for, however fast
                add()
            time.sleep(60)
        time.sleep(draw.uniform(0, 0.05))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        after = state()
        added = after["next id"] - before["next id"]
        if added % COUNT or after["live"] - before["live"] != added or after["bytes"] != after["size"]:
            wrong.append(f"{added} were added by adds of {COUNT}: {after}")
    tell("its process killed", wrong)


def full() -> None:
    """A filesystem that has no room for all."""
    with open(PATH + ".ballast", "wb", buffering=0) as ballast:
        with contextlib.suppress(OSError):
            while True:
                ballast.write(bytes(65536))
        os.fsync(ballast.fileno())
        ballast.truncate(ballast.tell() - (300 << 10))
        os.fsync(ballast.fileno())
    fails("a full filesystem", "ENOSPC")
    os.unlink(PATH + ".ballast")
    os.sync()
    add()


fd = os.open(PATH, os.O_RDWR | os.O_CREAT, 0o644)
call(fd, CREATE, 1, DIM, 0, META, 0, 0, 0, 0)
add(count=100)
unreadable()
refused()
killed()
full()
print(json.dumps({"ways": len(ways)}))

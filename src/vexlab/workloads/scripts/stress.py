"""Many processes that wait for each other through the filesystem, are interrupted and killed, under a watchdog.

``stress.py POINT STRESS SECONDS LIMIT``: a process that has not come on for LIMIT seconds counts as stuck. Prints
"stuck PID OPERATION" and ends with status 3, leaving that process to be looked at; otherwise a line for each error that
no such stress may give, and how much was done. The work comes in bursts: all stop before the next begins, for what a
later one does would wake a process up whose own wake-up was lost.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import random
import signal
import struct
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from capable import broken, can, error_of, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Steps = Iterator[tuple[str, Callable[[], object]]]  # what is done, and what does it

point, which, seconds, limit = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878
ALLOWED = {
    errno.ENOENT,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.EINTR,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EOPNOTSUPP,
    errno.EAGAIN,
    errno.ENODATA,
    errno.EDEADLK,
    errno.ENOSPC,
    errno.EMLINK,
    errno.EBUSY,
    errno.EINVAL,
    errno.EPERM,  # a link to what has just become a directory
}
# What each step needs: where it is refused it may say so with that error, and where it is broken it is left out.
NEEDED = {
    "rename": "rename",
    "link": "link",
    "mkdir": "mkdir",
    "symlink": "symlink",
    "unlink": "unlink",
    "rmdir": "rmdir",
    "rename across": "rename_directory",
    "rename back": "rename_directory",
    "fsync": "fsync",
    "fdatasync": "fdatasync",
    "store through a mapping": "mmap_write",
    "lock": "locks",
    "setxattr": "xattr",
    "setxattr that must be new": "xattr",
    "getxattr": "xattr",
    "listxattr": "xattr",
    "removexattr": "xattr",
    "store into a hole": "mmap_write",
    "make a hole": "truncate_up",
    "freeze": "freeze",
}
LARGEST = within("file_size", 120000)
D = "d/" if can("mkdir") else "d-"
SLOT, REST, BURST_END = 64, 56, 64 * 31
BURST_S = 0.1 if which == "vectors" else 2.0  # its waits are for one another only
board = mmap.mmap(-1, SLOT * 32)  # for each worker a counter, what is being done, and whether it rests; the burst's end


def name_of(error: OSError) -> str:
    """Return the name of the error."""
    return errno.errorcode.get(error.errno or 0, str(error.errno))


def note(slot: int, what: str) -> None:
    """Count a step of this worker, and say which it is."""
    count = struct.unpack_from("Q", board, slot * SLOT)[0]
    board[slot * SLOT + 8 : slot * SLOT + 56] = what.encode().ljust(48, b"\0")[:48]
    struct.pack_into("Q", board, slot * SLOT, count + 1)


def burst_end() -> float:
    """Return when the burst ends."""
    (end,) = struct.unpack_from("d", board, BURST_END)
    return float(end)


def rest(slot: int, end: float) -> None:
    """Between two bursts wait for the next, or for the end of all."""
    last = burst_end()
    if time.monotonic() < last:
        return
    board[slot * SLOT + REST] = 1
    while burst_end() == last and time.monotonic() < end:
        time.sleep(0.005)
    board[slot * SLOT + REST] = 0


held: list[int] = []  # by this worker: however far it comes in what it does, all is closed before it begins anew


def opened(path: str, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open a file that is closed at the end of the turn."""
    held.append(os.open(path, flags, 0o644))
    return held[-1]


def closed(fd: int) -> None:
    """Close it."""
    held.remove(fd)
    os.close(fd)


def names(pick: random.Random) -> Steps:
    """Names made, renamed, linked and removed."""
    a, b = f"{D}{pick.randrange(12)}", f"{D}{pick.randrange(12)}"
    yield "create", lambda: closed(opened(a))
    yield "rename", lambda: os.rename(a, b)
    yield "link", lambda: os.link(b, a)
    yield "mkdir", lambda: os.mkdir(a)
    yield "symlink", lambda: os.symlink("x", b)
    yield "readdir", lambda: os.listdir("d" if can("mkdir") else ".")
    yield "unlink", lambda: os.unlink(b)
    yield "rmdir", lambda: os.rmdir(a)


def moves(pick: random.Random) -> Steps:
    """Directories moved into one another: the order in which two of them are locked matters."""
    a, b = f"t{pick.randrange(3)}", f"t{pick.randrange(3)}"
    yield "mkdir", lambda: os.makedirs(f"{a}/x", exist_ok=True)
    yield "rename across", lambda: os.rename(f"{a}/x", f"{b}/y{pick.randrange(2)}")
    yield "rename back", lambda: os.rename(f"{b}/y0", f"{a}/x")
    yield "rmdir", lambda: os.rmdir(f"{b}/y1")


def writes(pick: random.Random) -> Steps:
    """Writes, cuts and syncs."""
    fd = opened(f"f{pick.randrange(3)}")
    yield "write", lambda: os.pwrite(fd, b"w" * 9000, pick.randrange(100000) * LARGEST // 120000)
    yield "fsync", lambda: os.fsync(fd)
    yield "truncate", lambda: os.ftruncate(fd, pick.randrange(100000) * LARGEST // 120000)
    yield "fdatasync", lambda: os.fdatasync(fd)
    closed(fd)


def reads(pick: random.Random) -> Steps:
    """Reads, and stores through a mapping."""
    fd = opened(f"f{pick.randrange(3)}")
    yield "read", lambda: os.pread(fd, 50000, pick.randrange(60000))

    def mapped() -> None:
        if can("truncate_up"):
            os.ftruncate(fd, LARGEST)
        else:
            os.pwrite(fd, b"w", LARGEST - 1)
        view = mmap.mmap(fd, min(4096 * 8, LARGEST))
        view[pick.randrange(len(view))] = 1
        view.flush()
        view.close()

    yield "store through a mapping", mapped
    closed(fd)


def locks(pick: random.Random) -> Steps:
    """Locks of both kinds."""
    one, two = opened("lock1"), opened("lock2")

    def both() -> None:
        fcntl.lockf(one, fcntl.LOCK_EX, 10, pick.randrange(5))
        fcntl.flock(two, fcntl.LOCK_EX)
        os.pwrite(two, b"l", 0)
        fcntl.flock(two, fcntl.LOCK_UN)
        fcntl.lockf(one, fcntl.LOCK_UN)

    yield "lock", both
    closed(two)
    closed(one)


def attributes(pick: random.Random) -> Steps:
    """Extended attributes."""
    path, name = f"f{pick.randrange(3)}", f"user.{pick.randrange(4)}"
    yield "setxattr", lambda: os.setxattr(path, name, b"v" * pick.randrange(within("xattr_value_max", 900)))
    yield "setxattr that must be new", lambda: os.setxattr(path, name, b"v", os.XATTR_CREATE)
    yield "getxattr", lambda: os.getxattr(path, name)
    yield "listxattr", lambda: os.listxattr(path)
    yield "removexattr", lambda: os.removexattr(path, name)


def syncs(_pick: random.Random) -> Steps:
    """Now and then all on the disk."""
    yield "sync", os.sync
    yield "wait", lambda: time.sleep(0.02)


def deletions(_pick: random.Random) -> Steps:
    """Files deleted while in use, each in a folder of its own, whose lock nobody else waits for."""
    # A file in use waits on a list for its deletion.
    folder = f"own{os.getpid()}{'/' if can('mkdir') else '-'}"
    if can("mkdir"):
        os.makedirs(folder, exist_ok=True)
    files = [opened(f"{folder}{number}") for number in range(6)]
    for number, fd in enumerate(files):
        yield "write", lambda: os.pwrite(fd, b"w" * 5000, 0)
        yield "truncate", lambda: os.ftruncate(fd, 100)
        yield "unlink", lambda: os.unlink(f"{folder}{number}")
    for fd in files:
        yield "close", lambda: closed(fd)


HOLE = within("file_size", 256 * 4096) // 4096 * 4096


def fills(_pick: random.Random) -> Steps:
    """Writes into a hole: with the stores below, both take each page at one moment."""
    # Whoever of both is behind finds blocks and catches up.
    fd = opened("new")
    yield "make a hole", lambda: os.ftruncate(fd, HOLE)
    yield "rename", lambda: os.rename("new", "hole")
    yield "write into a hole", lambda: os.pwrite(fd, b"w" * HOLE, 0)
    closed(fd)


def stores(_pick: random.Random) -> Steps:
    """Stores into that hole."""
    fd, zeros = opened("hole", os.O_RDWR), opened("/dev/zero", os.O_RDONLY)

    def store() -> None:
        with mmap.mmap(fd, HOLE) as view:
            os.readv(zeros, [view])

    yield "store into a hole", store
    closed(zeros)
    closed(fd)


def fsyncs(_pick: random.Random) -> Steps:
    """A file of its own, written and synced."""
    fd = opened(f"own{os.getpid()}")
    for _ in range(50):
        yield "write", lambda: os.pwrite(fd, b"w", 0)
        yield "fsync", lambda: os.fsync(fd)
    closed(fd)


def commits(_pick: random.Random) -> Steps:
    """All on the disk, without rest."""
    yield "sync", os.sync


def freezes(_pick: random.Random) -> Steps:
    """The filesystem frozen and thawed."""
    fd = opened(".", os.O_RDONLY)

    def freeze() -> None:
        fcntl.ioctl(fd, FIFREEZE, 0)
        try:
            time.sleep(0.03)
        finally:
            fcntl.ioctl(fd, FITHAW, 0)

    yield "freeze", freeze
    yield "wait", lambda: time.sleep(0.1)
    closed(fd)


def call(fd: int, number: int, shape: str, values: tuple[int, ...]) -> None:
    """Ask VexFS (include/uapi/vexfs.h)."""
    data = bytearray(struct.pack("=" + shape, *values))
    fcntl.ioctl(fd, 3 << 30 | len(data) << 16 | 0xF6 << 8 | number, data, True)  # noqa: FBT003 - by position only


def adds(_pick: random.Random) -> Steps:
    """VexFS's VEC_ADD (include/uapi/vexfs.h): vectors of four components."""
    buffer = (ctypes.c_float * 64)(*range(64))
    fd = opened("collection")
    for _ in range(20):
        yield "VEC_ADD", lambda: call(fd, 3, "4I6Q", (1, 4, 16, 0, ctypes.addressof(buffer), 0, 0, 0, 0, 0))
    closed(fd)


def infos(_pick: random.Random) -> Steps:
    """A collection asked what it holds."""
    fd = opened("collection")
    for _ in range(60):
        yield "VEC_INFO", lambda: call(fd, 2, "4I4Q2I4Q", (1, *[0] * 13))
    closed(fd)


if not can("mkdir", "rmdir", "rename_directory"):
    moves = names
STRESSES: dict[str, list[Callable[[random.Random], Steps]]] = {
    "names": [names, names, names, moves, moves, syncs],
    "data": [writes, writes, reads, reads, locks, locks, attributes, syncs],
    "deletions": [deletions, deletions, deletions, deletions, commits, commits],
    "holes": [fills, stores, stores, fsyncs, fsyncs],
    "freeze": [writes, names, reads, attributes, freezes],
    "vectors": [adds, adds, adds, infos, infos, infos, syncs],
}
workers = STRESSES[which]


def work(slot: int, end: float) -> NoReturn:
    """Do turn after turn until the end; never returns."""
    signal.signal(signal.SIGUSR1, lambda *_: None)
    pick = random.Random(slot * 1000 + os.getpid())
    while time.monotonic() < end:
        try:
            for what, do in workers[slot](pick):
                rest(slot, end)
                note(slot, what)
                need = NEEDED.get(what, "")
                if broken(need):
                    continue
                try:
                    do()
                except OSError as error:
                    if error.errno not in ALLOWED and name_of(error) != error_of(need):
                        print(what, "says", name_of(error), flush=True)
        except OSError as error:
            if error.errno not in ALLOWED:
                print("open says", name_of(error), flush=True)
        for fd in held:
            try:
                os.close(fd)
            except OSError as error:
                print("close says", name_of(error), flush=True)
        held.clear()
    os._exit(0)


def begin(slot: int, end: float) -> int:
    """Start a worker; return its process id."""
    board[slot * SLOT + REST] = 0
    pid = os.fork()
    if not pid:
        work(slot, end)
    return pid


os.chdir(point)
if can("mkdir"):
    os.makedirs("stress", exist_ok=True)
    os.chdir("stress")
for name in ("d", "t0", "t1", "t2") if can("mkdir") else ():
    os.makedirs(name, exist_ok=True)
if which == "vectors":
    fd = opened("collection")
    data = bytearray(struct.pack("=5I3I", 1, 4, 0, 0, 0, 0, 0, 0))
    fcntl.ioctl(fd, 1 << 30 | len(data) << 16 | 0xF6 << 8 | 1, data, True)  # noqa: FBT003 - by position only
    closed(fd)
pick, end = random.Random(1), time.monotonic() + seconds
struct.pack_into("d", board, BURST_END, time.monotonic() + BURST_S)
pids = [begin(slot, end) for slot in range(len(workers))]
seen = [(0, time.monotonic())] * len(pids)
alive = set(range(len(pids)))
while alive:
    time.sleep(0.02)
    now = time.monotonic()
    for slot in list(alive):
        count = struct.unpack_from("Q", board, slot * SLOT)[0]
        if count != seen[slot][0] or board[slot * SLOT + REST]:
            seen[slot] = (count, now)
        if os.waitpid(pids[slot], os.WNOHANG)[0]:
            seen[slot] = (count, now)
            if now < end:
                pids[slot] = begin(slot, end)
            else:
                alive.discard(slot)
        elif now - seen[slot][1] > limit:
            doing = board[slot * SLOT + 8 : slot * SLOT + 56].rstrip(b"\0").decode()
            print("stuck", pids[slot], doing, flush=True)
            os._exit(3)
    if now > burst_end() and all(board[slot * SLOT + REST] for slot in alive):
        struct.pack_into("d", board, BURST_END, now + BURST_S)
    victim = pick.randrange(len(pids))
    if now < end and victim in alive and workers[victim] not in (freezes, locks):
        os.kill(pids[victim], signal.SIGKILL if pick.random() < 0.15 else signal.SIGUSR1)
print("done", sum(struct.unpack_from("Q", board, slot * SLOT)[0] for slot in range(len(pids))))

"""What filesystems at their beginning get wrong, each shown with as little as it takes.

``essentials.py CHECK POINT [refuses]``: makes CHECK in the filesystem mounted at POINT; "refuses" where the target
declares that with nothing free even what is there cannot be written again. Prints a line for each thing that is wrong,
or "skip: " and the reason.
"""

from __future__ import annotations

import errno
import os
import sys
import time

from capable import can, within
from room import Large

which, point, when_full = sys.argv[1:]
os.chdir(point)
BLOCK = 4096
LARGEST = within("file_size", 40 * BLOCK)


def wrong(*words: object) -> None:
    """Say what is wrong."""
    print(*words)


def name_of(error: OSError) -> str:
    """Return the name of the error."""
    return errno.errorcode.get(error.errno or 0, str(error.errno))


def opened(name: str, flags: int = 0) -> int:
    """Open a file, made where it is not there."""
    return os.open(name, os.O_RDWR | os.O_CREAT | flags, 0o644)


def read(name: str) -> bytes:
    """Return what a file holds."""
    with open(name, "rb") as file:
        return file.read()


def fresh() -> None:
    """Have all on the disk and nothing of it in memory."""
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("3")


def grown(fd: int, size: int) -> None:
    """Give a file ``size`` bytes, by a write at its end where no call does it."""
    if can("truncate_up"):
        os.ftruncate(fd, size)
    else:
        os.pwrite(fd, b"\0", size - 1)


def append() -> None:
    """Two who write, one of them with O_APPEND."""
    one, other = opened("log", os.O_APPEND), opened("log")
    os.write(one, b"first ")
    os.lseek(one, 0, os.SEEK_SET)
    os.write(one, b"second ")
    os.pwrite(other, b"FIRST third ", 0)
    os.lseek(other, 0, os.SEEK_END)
    os.write(other, b"last ")
    os.write(one, b"end")
    expected = b"FIRST third  last end"
    if read("log") != expected:
        wrong("two who write, one with O_APPEND, leave", read("log"), "and not", expected)
    if can("truncate_down"):
        os.ftruncate(other, 5)
        os.write(one, b"!")
        if read("log") != b"FIRST!":
            wrong("after the file was cut to 5 bytes O_APPEND leaves", read("log"), "and not", b"FIRST!")


def write_nothing() -> None:
    """Writes of no bytes."""
    fd = opened("file")
    for what, at in (("an empty file", 0), ("an empty file, far out", 10 * BLOCK)):
        if os.pwrite(fd, b"", at) or os.fstat(fd).st_size:
            wrong("a write of 0 bytes to", what, "makes it", os.fstat(fd).st_size, "bytes long")
    os.write(fd, b"content")
    before = os.fstat(fd)
    for what, at in (("its beginning", 0), ("its end", 7), ("behind its end", 5 * BLOCK)):
        if os.pwrite(fd, b"", at):
            wrong("a write of 0 bytes at", what, "says that it wrote some")
        after = os.fstat(fd)
        if (after.st_size, after.st_blocks) != (before.st_size, before.st_blocks):
            wrong(
                "a write of 0 bytes at",
                what,
                "changes size and blocks from",
                (before.st_size, before.st_blocks),
                "to",
                (after.st_size, after.st_blocks),
            )
    os.lseek(fd, 3, os.SEEK_SET)
    os.writev(fd, [b"", b"T", b""])
    if read("file") != b"conTent":
        wrong("a writev with empty buffers leaves", read("file"))


def stale_bytes() -> None:
    """What was cut off does not show again when the file grows."""
    size = LARGEST // BLOCK * BLOCK or LARGEST
    for number, cut in enumerate((0, 1, 511, BLOCK - 1, BLOCK, BLOCK + 1, size // 2 + 100)):
        for again in (False, True):
            if cut >= size:
                continue
            fd = opened(f"cut{number}")
            os.pwrite(fd, b"s" * size, 0)
            if again:
                fresh()
            os.ftruncate(fd, cut)
            if again:
                fresh()
            grown(fd, size)
            if again:
                fresh()
            content = os.pread(fd, size + 1, 0)
            os.close(fd)
            left = size - cut - content[cut:].count(0)
            if len(content) != size or content[:cut] != b"s" * cut:
                wrong("cut to", cut, "bytes and grown again, the file lost its beginning or its length")
            elif left:
                wrong("cut from", size, "to", cut, "bytes and grown again, it shows", left, "of the bytes cut off")


def free() -> int:
    """Return the bytes that are free."""
    os.sync()
    vfs = os.statvfs(".")
    return vfs.f_bfree * vfs.f_frsize


def settled(before: int) -> int:
    """Return the bytes that are free once filesystems that free in the background have."""
    # filesystems free in the background
    for _ in range(20):
        if free() >= before:
            break
        time.sleep(0.25)
    return free()


def by_unlink(name: str) -> None:
    """Free the file's blocks by removing it."""
    os.unlink(name)


def by_truncate(name: str) -> None:
    """Free them by truncate(2)."""
    os.truncate(name, 0)


def by_opening(name: str) -> None:
    """Free them by O_TRUNC."""
    os.close(opened(name, os.O_TRUNC))


def by_rename(name: str) -> None:
    """Free them by putting another file in its place."""
    os.close(opened("empty"))
    os.rename("empty", name)


def while_open(name: str) -> None:
    """Free them by removing the file while it is open."""
    fd = opened(name)
    os.unlink(name)
    os.pread(fd, 10, 0)
    os.close(fd)


def freed_blocks() -> None:
    """Blocks of files that are gone are free again."""
    ways = {
        "unlink": (by_unlink, "unlink"),
        "truncate": (by_truncate, "truncate_down"),
        "open with O_TRUNC": (by_opening, "truncate_down"),
        "a rename over it": (by_rename, "rename rename_over"),
        "unlink while it is open": (while_open, "unlink_open"),
    }
    for what, (way, needs) in ways.items():
        if not can(*needs.split()):
            continue
        start = 0
        for turn in range(9):
            for number in range(8):
                fd = opened(f"file{number}")
                os.pwrite(fd, b"f" * LARGEST, 0)
                os.close(fd)
            for number in range(8):
                way(f"file{number}")
            if not turn:
                start = free()  # the first round lets the filesystem's own maps and folders grow
        end = settled(start)
        if end < start - 32 * os.statvfs(".").f_frsize:
            wrong(f"64 files of {LARGEST} bytes, whose blocks went by {what}, leave {start - end} bytes less free")


def truncate_full() -> None:  # noqa: C901 - one sequence of steps
    """On a full device a file is cut by O_TRUNC and written anew, again and again."""
    if not Large("filler").fills():
        print("skip: as many files as there may be, each as large as it may be, do not fill the device")
        return
    for name in ("victim", "kept"):
        fd = opened(name)
        os.write(fd, name[:1].encode() * LARGEST)
        os.close(fd)
    os.sync()
    filler = Large("filler")
    for size in (1 << 20, 1 << 16, BLOCK):
        try:
            while filler.write(b"f" * size):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                wrong("filling says", name_of(error), "not ENOSPC")
    filler.close()
    os.sync()
    for _ in range(3):
        try:
            fd = opened("victim", os.O_TRUNC)
        except OSError as error:
            wrong("on the full device open with O_TRUNC says", name_of(error))
            return
        if os.fstat(fd).st_size:
            wrong("opened with O_TRUNC on the full device the file has", os.fstat(fd).st_size, "bytes still")
        written = 0
        for _ in range(20):  # the blocks are free at the latest when all is on the disk
            try:
                written += os.pwrite(fd, b"n" * (LARGEST - written), written)
                break
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    wrong("writing anew says", name_of(error))
                os.sync()
                time.sleep(0.25)
        os.close(fd)
        fresh()
        if not written and when_full != "refuses":
            wrong("on the full device a file cut by O_TRUNC takes not one byte of its own room again")
        if read("victim") != b"n" * written:
            wrong("written anew on the full device the file does not hold its", written, "bytes")
        if read("kept") != b"k" * LARGEST:
            wrong("another file lost its content meanwhile")
    filler.remove()


def far_sizes() -> None:
    """Sizes beyond what a filesystem can store are kept or refused, and cut again."""
    furthest = within("file_sparse", 1 << 40)
    if not can("sparse_files"):
        furthest = min(furthest, 1 << 24)
    sizes = [
        size
        for size in (1 << 20, 1 << 28, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32, (1 << 32) + BLOCK, 1 << 40)
        if size < furthest
    ] + [furthest]
    fd = opened("far")
    os.pwrite(fd, b"near", 0)
    before = os.fstat(fd).st_blocks
    for size in (*sizes, *reversed(sizes), furthest):
        grown(fd, size)
        if os.fstat(fd).st_size != size:
            wrong("made", size, "bytes long it is", os.fstat(fd).st_size)
        if os.pread(fd, 100, size - 50) != bytes(50):
            wrong("made", size, "bytes long its end reads as", os.pread(fd, 100, size - 50)[:20])
        os.ftruncate(fd, 4)
        if os.pread(fd, 100, 0) != b"near":
            wrong("cut again to 4 bytes it holds", os.pread(fd, 100, 0))
    fresh()
    if read("far") != b"near":
        wrong("from the disk it holds", read("far")[:20])
    if can("sparse_files") and os.fstat(fd).st_blocks > before + 16:
        wrong("grown and cut again it has", os.fstat(fd).st_blocks, "blocks of 512 bytes, before it had", before)
    os.close(fd)
    if can("unlink"):
        os.unlink("far")


{
    "append": append,
    "write_nothing": write_nothing,
    "stale_bytes": stale_bytes,
    "freed_blocks": freed_blocks,
    "truncate_full": truncate_full,
    "far_sizes": far_sizes,
}[which]()
sys.stdout.flush()

"""Work that leaves parts of blocks and pages unwritten: what nobody wrote must read as zeros, now and afterwards.

``leave_unwritten.py POINT make|read``: makes the files and reads them, or only reads them. Prints a line of JSON for
each file that holds anything else.
"""

from __future__ import annotations

import json
import mmap
import os
import sys

from capable import can, within

os.chdir(sys.argv[1])
ZEROS, DATA = b"\0", b"d"
FARTHEST, LARGEST = within("file_sparse", 1 << 20), within("file_size", 4 * 70001 + 5000)


def new(name: str) -> int:
    """Open a file, made where it is not there."""
    return os.open(name, os.O_RDWR | os.O_CREAT, 0o644)


def grown(fd: int, size: int) -> None:
    """Give a file ``size`` bytes, by a write at its end where no call does it."""
    if can("truncate_up"):
        os.ftruncate(fd, size)
    else:
        os.pwrite(fd, ZEROS, size - 1)


if sys.argv[2] == "make":
    for at in [min(place, FARTHEST) for place in (0, 1, 511, 513, 4095, 4097, 50000, 1 << 20)]:
        fd = new(f"gap {at}")
        os.pwrite(fd, DATA * 7, at)
        os.pwrite(fd, DATA * 3, at + 9000)
        os.close(fd)
    for size in [min(wanted, (LARGEST - 5000) // 4) for wanted in (1, 700, 4097, 70001)]:
        fd = new(f"grown {size}")
        os.write(fd, DATA * size)
        grown(fd, size + 6000)
        os.close(fd)
        if can("truncate_down"):
            fd = new(f"cut {size}")
            os.write(fd, b"gone" * size)
            if can("fsync"):
                os.fsync(fd)
            os.ftruncate(fd, size)
            os.pwrite(fd, DATA * size, 0)
            grown(fd, 4 * size + 5000)
            os.close(fd)
        if can("mmap_write"):
            fd = new(f"mapped {size}")
            grown(fd, size + 5000)
            with mmap.mmap(fd, size + 5000) as view:
                view[size : size + 5] = DATA * 5
            os.close(fd)
    for length in (1, 30, 59, 60, 61, 100, 1000):
        if can("symlink") and length == within("symlink_max", length):
            os.symlink("s" * length, f"link {length}")
    PLACE = "names/" if can("mkdir", "rmdir") else "names-"
    NAMES = within("dir_entries", 8 * 200) // 8
    if can("mkdir"):
        os.mkdir("names")

    def named(n: int) -> str:
        """Return a name, longer from one to the next."""
        return PLACE + (str(n) * (1 + n % 50))[: within("name_max", 250)]

    make, gone = (os.mkdir, os.rmdir) if can("mkdir", "rmdir") else (lambda path: os.close(new(path)), os.unlink)
    for n in range(NAMES):
        make(named(n))
    for n in range(0, NAMES, 3):
        gone(named(n))
    for size in (0, 1, 17, 300):
        try:
            if can("xattr"):
                os.setxattr("names" if can("mkdir") else "gap 0", f"user.size{size}", b"x" * size)
        except OSError:
            break
for name in sorted(os.listdir(".")):
    if name.startswith(("gap ", "grown ", "cut ", "mapped ")):
        with open(name, "rb") as file:
            other = file.read().translate(None, ZEROS + DATA)
        if other:
            print(json.dumps({"file": name, "bytes": len(other), "first": repr(other[:16])}))

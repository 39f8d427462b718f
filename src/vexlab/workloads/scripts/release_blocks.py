"""Three files go, each its own way, and another wants their blocks before that can be on the disk.

``release_blocks.py POINT SIZE``: nearly all room is taken; each of the three has SIZE bytes. sync_file_range(2) writes
the other's data and commits nothing: were the power cut now, the three would be back. Prints the other's size, or
"skip: " and the reason.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

from capable import can
from room import Large

SIZE = int(sys.argv[2])
WAIT_AND_WRITE = 7
os.chdir(sys.argv[1])


def written(path: str | Path) -> None:
    """Have the file's data on the disk, and nothing committed."""
    fd = os.open(path, os.O_RDWR)
    ctypes.CDLL(None, use_errno=True).sync_file_range(fd, ctypes.c_long(0), ctypes.c_long(0), WAIT_AND_WRITE)
    os.close(fd)


def put(name: str, most: int) -> Large:
    """Write ``most`` bytes, or until nothing more can be written."""
    large = Large(name, most)
    try:
        for _ in range(most // 4096):
            large.write(f"{name:15}\n".encode() * 256)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    large.close()
    if name == "late":
        for path in large.paths():
            written(path)
    return large


if not Large("full", 1 << 50).fills():
    sys.exit(print("skip: as many files as there may be, each as large as it may be, do not fill the device") or 0)
removed, cut, replaced = (put(name, SIZE) for name in ("removed", "cut", "replaced"))
for large in (removed, cut, replaced):
    if large.size != SIZE:
        sys.exit(f"{large.name} holds {large.size} bytes of {SIZE}")
over = can("rename", "rename_over")
if over:
    shorts = [put(f"short{number}", 4096) for number, _ in enumerate(replaced.paths())]
put("full", 1 << 50)
os.sync()
removed.remove()
if can("truncate_down"):
    for path in cut.paths():
        os.truncate(path, 0)
else:
    cut.remove()
if over:
    for short, path in zip(shorts, replaced.paths()):
        os.replace(short.name, path)
else:
    replaced.remove()
print(put("late", 3 * SIZE).size, flush=True)

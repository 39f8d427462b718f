"""A large add, begun, amid which another file's fsync commits.

``cut_add.py FOLDER``: three vectors are in FOLDER/large, and on the disk, before the large add to it begins. Vectors
are added to a collection without a name, too, which is to be gone after the cut. Prints at its end whether the add is
still under way ("under_way", 0 or 1).
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import time

from vexfs_calls import ADD, CREATE, call

DIM, COUNT = 512, 20000
floats = (ctypes.c_float * (DIM * COUNT))()


def collection(name: str) -> int:
    """Make a collection and return its descriptor."""
    fd = os.open(name, os.O_RDWR | os.O_CREAT)
    call(fd, CREATE, 1, DIM, 0, 0, 0, 0, 0, 0)
    return fd


def add(fd: int, count: int) -> None:
    """Add so many vectors."""
    call(fd, ADD, 1, DIM, count, 0, ctypes.addressof(floats), 0, 0, 0, 0, 0)


os.chdir(sys.argv[1])
gone = collection("gone")
os.unlink("gone")
add(gone, 500)
large = collection("large")
add(large, 3)
os.sync()
pid = os.fork()
if not pid:
    add(large, COUNT)
    os._exit(0)
blocks = os.fstat(large).st_blocks
while os.fstat(large).st_blocks < blocks + COUNT * DIM * 4 // 512 // 8:
    time.sleep(0.001)
other = os.open("other", os.O_RDWR | os.O_CREAT)
os.fsync(other)
print(json.dumps({"under_way": int(os.waitpid(pid, os.WNOHANG)[0] == 0)}))

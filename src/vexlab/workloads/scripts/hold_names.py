"""Files without a name are open, others were, and forty folders are new: it is in the journal, not yet in its place.

``hold_names.py FOLDER``: prints "held" when all is done, and stays.
"""

from __future__ import annotations

import os
import sys
import time

from capable import can, within

LARGEST = within("file_sparse", within("file_size", 83000))
COUNT = 40
os.chdir(sys.argv[1])
held = [os.open(f"held{n}", os.O_CREAT | os.O_RDWR) for n in range(COUNT)]
for n, fd in enumerate(held):
    os.write(fd, b"x" * (1000 * n * LARGEST // 83000))
os.sync()
for n in range(COUNT):
    if can("unlink_open"):
        os.unlink(f"held{n}")
    if can("mkdir"):
        os.mkdir(f"late{n}")
    else:
        os.close(os.open(f"late{n}", os.O_CREAT))
for n, fd in enumerate(held):
    if n % 2 and can("truncate_down"):
        os.ftruncate(fd, 300 * n * LARGEST // 83000)
    else:
        os.pwrite(fd, b"x" * 5000, 2000 * n * LARGEST // 83000)
for fd in held[1::3]:  # out of the middle of whatever list they are on
    os.close(fd)
if can("fsync"):
    os.fsync(os.open(".", os.O_RDONLY))
else:
    os.sync()
print("held", flush=True)
time.sleep(1000)

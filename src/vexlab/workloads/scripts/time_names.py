"""How long the first pages of a large directory take, and the last.

``time_names.py FOLDER ROUNDS NAMES``: makes NAMES files in FOLDER. Prints a line for each round: the nanoseconds of the
first PAGES pages and of as many last ones. A page is what fits into 4 KiB.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time

FOLDER, ROUNDS, NAMES = sys.argv[1], *map(int, sys.argv[2:])
PAGES = 40
GETDENTS64 = 217  # of asm/unistd_64.h
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(4096)
os.chdir(FOLDER)
for number in range(NAMES):
    os.mknod(f"{number:05}{'-name' * 30}")
for turn in range(ROUNDS + 1):
    fd = os.open(".", os.O_RDONLY)
    times = []
    while True:
        begun = time.perf_counter_ns()
        size = libc.syscall(GETDENTS64, fd, buffer, 4096)
        times.append(time.perf_counter_ns() - begun)
        if size <= 0:
            break
    os.close(fd)
    if size < 0 or len(times) < 4 * PAGES:
        sys.exit(f"{len(times)} pages, the last call returned {size}")
    if turn:
        print(sum(times[1 : 1 + PAGES]), sum(times[-1 - PAGES : -1]))

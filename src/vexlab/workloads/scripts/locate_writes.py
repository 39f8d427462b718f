"""Finds the sectors that hold the data of failing_writes.py, wherever they were put.

``locate_writes.py DEVICE <CONTENT``: prints a table of device-mapper's in which what goes there fails. It is the target
"error", which is sent no flushes, so that an fsync's flush succeeds; with "flakey" each of them fails. Exit status 1
where there are none.
"""

from __future__ import annotations

import sys

device = sys.argv[1]
runs: list[tuple[bool, int]] = []  # [whether marked, sectors]
while piece := sys.stdin.buffer.read(1 << 20):
    for at in range(0, len(piece), 512):
        marked = piece[at : at + 16] == b"vexlab was here "
        if not runs or runs[-1][0] != marked:
            runs.append((marked, 0))
        runs[-1] = (marked, runs[-1][1] + 1)
begin = 0
for marked, count in runs:
    print(begin, count, *(("error",) if marked else ("linear", device, begin)))
    begin += count
sys.exit(not any(marked for marked, _ in runs))

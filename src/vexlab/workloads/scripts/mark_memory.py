"""Takes nearly all of the free memory, marks it, and gives it back at its end; prints how many MiB."""

from __future__ import annotations

import mmap

with open("/proc/meminfo") as lines:
    free = next(int(line.split()[1]) for line in lines if line.startswith("MemFree"))
room = mmap.mmap(-1, free - 16 * 1024 << 10)
piece = b"memory of others" * 65536
while room.tell() + len(piece) <= len(room):
    room.write(piece)
print(room.tell() >> 20)

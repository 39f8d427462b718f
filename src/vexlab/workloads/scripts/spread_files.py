"""Folders far apart, each with a file, and files whose neighbours go: blocks and inodes are freed there as well.

``spread_files.py FOLDER``: prints at its end the highest block of any file (FIBMAP of linux/fs.h), 0 where the
filesystem does not tell.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import sys

from capable import within

FIBMAP = 1
COUNT = within("dir_entries", within("link_max", 1200)) // 2
LINES = within("file_size", 32000) // 8
SEVENTH = struct.pack("i", 7)  # of a file's blocks
os.chdir(sys.argv[1])
for number in range(COUNT):
    os.mkdir(f"{number}")
    for name in ("kept", "gone"):
        with open(f"{number}/{name}", "wb") as file:
            file.write(f"{number:7}\n".encode() * LINES)
os.sync()
highest = 0
for number in range(COUNT):
    os.unlink(f"{number}/gone")
    with open(f"{number}/kept", "rb") as file:
        block = bytearray(SEVENTH)
        try:
            fcntl.ioctl(file, FIBMAP, block, True)  # noqa: FBT003 - by position only
        except OSError:
            continue
        highest = max(highest, struct.unpack("i", block)[0])
print(json.dumps({"highest": highest}))

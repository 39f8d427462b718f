"""What became of the file that reuse_blocks left.

``read_reused.py FOLDER``: prints its size, and where it has other bytes than were written, how many blocks, the first
place and what is there.
"""

from __future__ import annotations

import os
import sys

from room import Large

LINE = b"of a file\n" * 25 + b"12345\n"
os.chdir(sys.argv[1])
parts = []
for path in Large("reused", 1 << 50).find().paths():
    with open(path, "rb") as file:
        parts.append(file.read())
data = b"".join(parts)
wrong = [at for at in range(0, len(data), 4096) if data[at : at + 4096] != (LINE * 16)[: len(data) - at]]
if wrong:
    print(len(data), "wrong", len(wrong), "first", wrong[0], data[wrong[0] : wrong[0] + 40])
else:
    print(len(data))

"""Whether each of the files that release_blocks left has its own data.

``read_released.py FOLDER BYTES``: BYTES is the size of all but the one that takes what is left. Prints the first place
in each file where it has other bytes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from room import Large

SIZE = int(sys.argv[2])
os.chdir(sys.argv[1])


def look(path: Path, own: bytes, *, short: bool) -> None:
    """Say where a file has other bytes than ``own`` again and again, or where it is ``short`` those it begins with."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        for at in range(0, size, 4096):
            data = file.read(4096)
            if short and size == 4096 and data.startswith(b"short"):
                own = data[:16] * 256
            if data != own[: size - at]:
                print(f"{path}, at {at} of {size}: {data[:40]!r}")
                break


for name in ("removed", "cut", "replaced", "full"):
    for part in Large(name, 1 << 50 if name == "full" else SIZE).find().paths():
        look(part, f"{name:15}\n".encode() * 256, short=name == "replaced")

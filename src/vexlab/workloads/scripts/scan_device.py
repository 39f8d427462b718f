"""Looks on a device for what only memory holds.

``scan_device.py DEVICE``: prints how many bytes it read, then a line of JSON for each sort of thing, where it is for
the first time and how often. With `nokaslr` addresses have the upper halves of those of memory, of vmalloc and of
struct page (Documentation/x86/x86_64/mm.rst); no number of a filesystem is that large.
"""

from __future__ import annotations

import json
import sys
from typing import Any

SORTS = {
    "what another process left in memory": (b"memory of others", 1),
    "an object of a slab cache that nobody had filled (0x5a)": (b"\x5a" * 16, 1),
    "an object of a slab cache that had been freed (0x6b)": (b"\x6b" * 16, 1),
    "an address of memory": (bytes.fromhex("8088ffff"), 8),
    "an address of vmalloc": (bytes.fromhex("00c9ffff"), 8),
    "an address of a struct page": (bytes.fromhex("00eaffff"), 8),
}
found: dict[str, dict[str, Any]] = {}
base = 0
with open(sys.argv[1], "rb", buffering=0) as device:
    while piece := device.read(1 << 20):
        for sort, (pattern, align) in SORTS.items():
            at = piece.find(pattern)
            while at >= 0:
                if align == 1 or at % align == align - len(pattern):
                    first = {"sort": sort, "at": base + at, "bytes": piece[max(at - 8, 0) : at + 24].hex(), "times": 0}
                    entry = found.setdefault(sort, first)
                    entry["times"] += 1
                at = piece.find(pattern, at + len(pattern))
        base += len(piece)
print(json.dumps({"read": base}))
for entry in found.values():
    print(json.dumps(entry))

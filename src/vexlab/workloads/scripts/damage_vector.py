"""A bit of a component turned over wherever a vector lies on a device.

``damage_vector.py DEVICE VECTOR AT``: VECTOR is its bytes as hexadecimal digits, of which the one at AT is damaged.
Prints how many places there were.
"""

from __future__ import annotations

import json
import sys

DEVICE, VECTOR, AT = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3])
places, base, before = [], 0, b""
with open(DEVICE, "r+b", buffering=0) as disk:
    while piece := disk.read(1 << 20):
        window = before + piece
        found = window.find(VECTOR)
        while found >= 0:
            places.append(base - len(before) + found)
            found = window.find(VECTOR, found + 1)
        base += len(piece)
        before = window[-len(VECTOR) + 1 :]
    for place in places:
        disk.seek(place + AT)
        byte = disk.read(1)[0]
        disk.seek(place + AT)
        disk.write(bytes([byte ^ 1]))
print(json.dumps({"places": len(places)}))

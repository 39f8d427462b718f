"""Random bytes at the head of a device: a mebibyte of them, and one of sectors of zeros, of ones and of random bytes.

``random_bytes.py DEVICE SEED``
"""

from __future__ import annotations

import os
import random
import sys

SECTOR = 512
draw = random.Random(int(sys.argv[2]))
with open(sys.argv[1], "r+b", buffering=0) as device:
    device.write(draw.randbytes(1 << 20))
    device.seek(1 << 20)
    kinds = (draw.choice((bytes(SECTOR), b"\xff" * SECTOR, draw.randbytes(SECTOR))) for _ in range(2048))
    device.write(b"".join(kinds))
os.sync()

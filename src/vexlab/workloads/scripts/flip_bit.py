"""A bit of a file turned over.

``flip_bit.py FILE OFFSET``: of the byte at OFFSET the lowest bit.
"""

from __future__ import annotations

import os
import sys

PLACE = int(sys.argv[2])
fd = os.open(sys.argv[1], os.O_RDWR)
os.pwrite(fd, bytes([os.pread(fd, 1, PLACE)[0] ^ 1]), PLACE)

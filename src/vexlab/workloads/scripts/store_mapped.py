"""Stores through a shared mapping: a word at each sixteenth of a file.

``store_mapped.py FILE SIZE``
"""

from __future__ import annotations

import mmap
import os
import sys

SIZE = int(sys.argv[2])
view = mmap.mmap(os.open(sys.argv[1], os.O_RDWR), SIZE)
for place in range(0, SIZE - SIZE % 16, SIZE // 16):
    view[place : place + 5] = b"store"

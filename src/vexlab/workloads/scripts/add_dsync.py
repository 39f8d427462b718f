"""A vector added to a collection by a descriptor for which each write is a sync.

``add_dsync.py COLLECTION COMPONENT…``
"""

from __future__ import annotations

import ctypes
import os
import sys

from vexfs_calls import ADD, call

COLLECTION, COMPONENTS = sys.argv[1], list(map(float, sys.argv[2:]))
DIM = len(COMPONENTS)
vector = (ctypes.c_float * DIM)(*COMPONENTS)
fd = os.open(COLLECTION, os.O_RDWR | os.O_DSYNC)
call(fd, ADD, 1, DIM, 1, 0, ctypes.addressof(vector), 0, 0, 0, 0, 0)

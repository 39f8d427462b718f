"""The first part of a device, in use: new folders lie farther back then.

``take_first.py FOLDER BYTES``: takes so many bytes, by a file ``first`` or as many files as it takes.
"""

from __future__ import annotations

import os
import sys

from room import Large

WANTED = int(sys.argv[2])
os.chdir(sys.argv[1])
first = Large("first")
while first.size < WANTED:
    first.write(bytes(min(1 << 20, WANTED - first.size)))
first.close()

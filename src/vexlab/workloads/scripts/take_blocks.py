"""All blocks of a filesystem, taken by the files of one folder: the last write must end with ENOSPC, and nothing else.

``take_blocks.py FOLDER``: prints "skip: " and the reason where so much cannot be written.
"""

from __future__ import annotations

import errno
import os
import sys

from room import Large

os.chdir(sys.argv[1])
large = Large("large")
if not large.fills():
    print("skip: as many files as there may be, each as large as it may be, do not fill the device")
    sys.exit()
try:
    while large.write(bytes(1 << 20)):
        pass
except OSError as error:
    large.close()
    os.sync()
    sys.exit(0 if error.errno == errno.ENOSPC else str(error))
sys.exit("a file without end, and no error")

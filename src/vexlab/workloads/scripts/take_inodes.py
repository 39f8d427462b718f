"""All inodes of a filesystem, taken by empty files: the last one must be refused with ENOSPC, and nothing else.

``take_inodes.py FOLDER``: makes them in FOLDER, or in as many folders below it as their names take.
"""

from __future__ import annotations

import errno
import os
import sys

from capable import can, within

FOLDER, MOST = sys.argv[1], 1 << 20
EACH = within("dir_entries", MOST) // 2
PLENTY = EACH >= MOST // 2
if not can("mkdir") and not PLENTY:
    sys.exit()
try:
    for number in range(MOST):
        folder = FOLDER
        if not PLENTY:
            folder += f"/{number // EACH // EACH}/{number // EACH % EACH}"
            os.makedirs(folder, exist_ok=True)
        os.mknod(f"{folder}/{number}")
except OSError as error:
    sys.exit(0 if error.errno == errno.ENOSPC else str(error))
sys.exit("a million files, and still no end")

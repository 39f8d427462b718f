"""Temporary folders that are cleared up even after ``kill -9``: by whoever starts next.

Each is held by a lock for as long as its owner lives, so that what a dead process left behind is told from what a
living one works in. A folder has the name ``vexlab-KIND-…`` in the system's temporary folder (``TMPDIR``).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PREFIX = "vexlab-"
_LOCK = ".owner"
_YOUNG_S = 60.0  # a folder this young may not have its lock yet


@contextmanager
def folder(kind: str) -> Iterator[Path]:
    """Make a folder for one purpose and remove it in the end."""
    made = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{kind}-"))
    try:
        with hold(made):
            yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def hold(made: Path) -> Iterator[None]:
    """Mark the folder ``made`` as that of a living process."""
    with (made / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sweep() -> None:
    """Remove the folders of ours that dead processes left behind."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another one sweeps as well, or it is not ours
            if left.is_symlink() or not left.is_dir() or left.stat().st_uid != os.getuid():
                continue
            if _is_dead(left):
                shutil.rmtree(left, ignore_errors=True)


def _is_dead(left: Path) -> bool:
    try:
        with (left / _LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return time.time() - left.stat().st_mtime > _YOUNG_S

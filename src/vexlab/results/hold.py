"""A run that goes on holds a lock, which the kernel takes back however its process ends: so nobody removes the run."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from vexlab.errors import InfraError

_LOCK = ".running"  # in the run's folder


def hold(folder: Path) -> IO[bytes]:
    """Mark the run whose evidence lies in ``folder`` as going on until the file is closed; raise ``InfraError``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / _LOCK).open("wb")
        fcntl.flock(file, fcntl.LOCK_SH)  # shared: several runs may have one folder, and none waits for another
    except OSError as error:
        raise InfraError(f"the results folder {folder} cannot be written: {error}") from error
    return file


def is_held(folder: Path) -> bool:
    """Whether the run whose evidence lies in ``folder`` goes on."""
    try:
        with (folder / _LOCK).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # there is none, or none that can be read
        return False
    return False

"""A process that outlives us and clears up what we leave behind, however we end.

It runs in a session of its own and holds one end of a pipe. When the other end closes, because we ended well or because
somebody sent us SIGKILL, it ends every QEMU that works in a folder and removes the folder.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

_KEEP = b"keep"
_END_S = 30.0

_CLEARING, _SUCCESSION = (str(Path(__file__).with_name(f"{name}.py")) for name in ("clearing", "succession"))


class Janitor:
    """Watches over ``folder`` until ``close`` or ``dismiss``; without ``remove`` it ends QEMU but leaves the files."""

    def __init__(self, folder: Path, *, remove: bool = True) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", _CLEARING, str(folder), "remove" if remove else "leave"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        """Clear up now and wait until it is done; after ``dismiss`` this does nothing."""
        self._process.communicate(timeout=_END_S)

    def dismiss(self) -> None:
        """Leave everything as it is: the machine may live on."""
        self._process.communicate(_KEEP, timeout=_END_S)


class OnDeath:
    """Runs a host command if this process is killed before the context ends; ``argv[0]`` is a path."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", _SUCCESSION, *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(_KEEP, timeout=_END_S)

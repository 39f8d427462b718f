"""Clocks of hosts that are wrong, without touching the one of this machine (``clock.c``)."""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_SOURCE = Path(__file__).with_name("clock.c")


@dataclass(frozen=True)
class Clock:
    """A clock that processes have which start with ``env``."""

    library: Path
    file: Path

    @property
    def env(self) -> Mapping[str, str]:
        return {"LD_PRELOAD": str(self.library), "TEST_CLOCK": str(self.file)}

    def set(self, seconds: int) -> None:
        """Have it go ahead by ``seconds`` from now on."""
        with self.file.open("r+b") as file:  # in place: it is mapped
            file.write(struct.pack("=q", seconds))


def built(folder: Path) -> Path:
    """Return the library, compiled into ``folder``."""
    library = folder / "clock.so"
    argv = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(library), str(_SOURCE)]
    subprocess.run(argv, check=True, timeout=60)
    return library


def clock(library: Path, file: Path, seconds: int = 0) -> Clock:
    """Make a clock that is ahead by ``seconds``."""
    file.write_bytes(bytes(8))
    made = Clock(library, file)
    made.set(seconds)
    return made

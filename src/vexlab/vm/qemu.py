"""The QEMU on this machine: where it is, how old, what it can."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from vexlab import process
from vexlab.errors import InfraError

PROGRAM = "qemu-system-x86_64"
OLDEST = (6, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Qemu:
    """An installed QEMU; ``version`` is its whole version string, part of every snapshot's key."""

    path: str
    version: str

    @property
    def number(self) -> tuple[int, ...]:
        """The version's numbers, for comparison."""
        match = re.search(r"(\d+)\.(\d+)", self.version)
        return tuple(int(part) for part in match.groups()) if match else (0, 0)


@functools.cache
def find_qemu() -> Qemu:
    """Return the QEMU on PATH; raise ``InfraError`` where there is none or it is too old."""
    path = process.find(PROGRAM)
    if path is None:
        raise InfraError(f"{PROGRAM} is not installed", hint="`vexlab doctor` names the package that holds it")
    first = process.run([path, "--version"], timeout=10, check=True).text.partition("\n")[0]
    # QEMU emulator version 7.2.9 (Debian 1:7.2+dfsg-7)
    qemu = Qemu(path=path, version=first.removeprefix("QEMU emulator version ").strip())
    if qemu.number < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise InfraError(f"QEMU {qemu.version} is too old", hint=f"install QEMU {wanted} or newer")
    return qemu

"""A guest's memory as a file: written by QEMU, so that it is to be had of a kernel that answers nobody.

The format is ELF (QEMU's ``dump-guest-memory``); with it goes the kernel's own description of itself, VMCOREINFO
(Documentation/admin-guide/kdump/vmcoreinfo.rst), which QEMU would only add for a machine with a device for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from vexlab.errors import MachineError
from vexlab.vm.machine import Machine

MEMORY, DESCRIPTION = "memory.elf", "vmcoreinfo"
POINTER = "vmcoreinfo_data"  # kernel/crash_core.c: unsigned char *
_DUMP_S = 120.0
_PAGE = 4096  # VMCOREINFO_BYTES
# ffffffff832eecb8: 0xffff888003ac1000
_WORD = re.compile(r": 0x([0-9a-f]{16})\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """Two files in one folder; ``vmcoreinfo`` is text, a fact a line."""

    memory: Path
    vmcoreinfo: Path


def take_dump(machine: Machine, pointer: int, folder: Path) -> Dump:
    """Write the machine's memory to ``folder``; it stands still meanwhile. ``pointer`` is where ``POINTER`` lies.

    Raises ``MachineError`` where QEMU refuses or the kernel has not described itself.
    """
    description = folder / DESCRIPTION
    memory = folder / MEMORY
    match = _WORD.search(machine.qmp.hmp(f"x /1gx {pointer:#x}").rstrip())
    if not match or not int(match[1], 16):
        raise MachineError(f"the kernel's description of itself is not where {POINTER} should point to it")
    saved = {"val": int(match[1], 16) - (1 << 64), "size": _PAGE, "filename": str(description)}
    machine.qmp.command("memsave", saved)
    description.write_bytes(description_in(description.read_bytes()))
    arguments = {"paging": False, "protocol": f"file:{memory}"}
    machine.qmp.command("dump-guest-memory", arguments, timeout=_DUMP_S)
    return Dump(memory=memory, vmcoreinfo=description)


def description_in(page: bytes) -> bytes:
    """Return the text at the beginning of a page of memory; raise ``MachineError`` where it is none."""
    text = page.split(b"\0", 1)[0]
    if not text.startswith(b"OSRELEASE="):
        raise MachineError("what should be the kernel's description of itself is something else")
    return text

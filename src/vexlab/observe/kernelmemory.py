"""What QEMU reads out of the kernel's memory, with no help of the guest: its taint and its log.

A console may be silenced, the agent replaced, user space stopped, every CPU spinning: the variables stay where they
are. Their addresses are asked of the kernel once, before anything of the target runs (``/proc/kallsyms``; the lab
boots with ``nokaslr``). A kernel that does not tell them leaves the answers empty.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping

from vexlab.errors import MachineError
from vexlab.vm.machine import Machine

_TAINT = "tainted_mask"  # kernel/panic.c: unsigned long
_LOG = "__log_buf"  # kernel/printk/printk.c: the text of the kernel's log, if it was not made larger at boot
_LOG_BYTES = 1 << 17  # CONFIG_LOG_BUF_SHIFT of Debian's kernels
_NAMES = (_TAINT, _LOG)

# ffffffff832eecb8 b tainted_mask
_SYMBOL = re.compile(r"^([0-9a-f]{16}) [a-zA-Z] (\w+)$", re.MULTILINE)
# ffffffff832eecb8: 0x0000000000003200
_WORD = re.compile(r": 0x([0-9a-f]{16})\s*$")
# A record is eight bytes of a number, then its text; numbers are not text.
_RECORD = re.compile(rb"[\t\n\x20-\x7e]{4,}")


def list_symbols(machine: Machine) -> str:
    """Return the lines of ``/proc/kallsyms`` that ``parse_symbols`` reads; empty where the kernel does not tell."""
    pattern = "|".join(_NAMES)
    return machine.ash(f"grep -E ' ({pattern})$' /proc/kallsyms").text


def parse_symbols(text: str) -> Mapping[str, int]:
    """Return the addresses in ``list_symbols``' text; a kernel that hides them prints zeros."""
    found = {name: int(address, 16) for address, name in _SYMBOL.findall(text)}
    return {name: address for name, address in found.items() if address and name in _NAMES}


def read_taint(machine: Machine) -> int | None:
    """Return the kernel's taint flags, as in ``/proc/sys/kernel/tainted``; ``None`` where they cannot be read."""
    if _TAINT not in machine.symbols:
        return None
    with contextlib.suppress(MachineError):
        if match := _WORD.search(machine.qmp.hmp(f"x /1gx {machine.symbols[_TAINT]:#x}").rstrip()):
            return int(match[1], 16)
    return None


def read_log(machine: Machine) -> str:
    """Return the texts of the kernel's log in the order of memory, without times; empty where it cannot be read."""
    if _LOG not in machine.symbols:
        return ""
    file = machine.files.folder / "kernel-log.bin"
    with contextlib.suppress(MachineError, OSError):
        address = machine.symbols[_LOG] - (1 << 64)  # QMP knows no unsigned numbers
        arguments = {"val": address, "size": _LOG_BYTES, "filename": str(file)}
        machine.qmp.command("memsave", arguments)
        return records_in(file.read_bytes())
    return ""


def records_in(memory: bytes) -> str:
    """Return the printable runs of the log's memory, a line each."""
    return "".join(match.decode("ascii").rstrip("\n") + "\n" for match in _RECORD.findall(memory))

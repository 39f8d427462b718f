"""The programs that ran last in a guest, found in its memory from outside. Pure but for ``last_programs``.

``fsfuzz`` (``workloads/fsfuzz/trace.c``) keeps them in pages that begin with 16 bytes which the host has chosen for
this machine. Nothing in the guest needs to be alive: QEMU is asked for the memory itself.
"""

from __future__ import annotations

import contextlib
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from vexlab.errors import MachineError
from vexlab.vm.machine import Machine

_PAGE = 4096
_HEAD = struct.Struct("<16sQIIII")  # as struct page in trace.c
_PAGES_MOST = 8
_SAVE_S = 120.0


@dataclass(frozen=True, slots=True)
class Traced:
    """A program that was begun: its number in the order of that machine, and its text."""

    number: int
    text: str


def last_programs(machine: Machine, magic: bytes) -> tuple[Traced, ...]:
    """Return the programs that ``machine`` began last, the last one last; none where its memory cannot be had."""
    file = machine.files.folder / "guest-memory.bin"
    try:
        with contextlib.suppress(MachineError, OSError):
            arguments = {"val": 0, "size": machine.spec.memory << 20, "filename": str(file)}
            machine.qmp.command("pmemsave", arguments, timeout=_SAVE_S)
            with file.open("rb") as memory, mmap.mmap(memory.fileno(), 0, access=mmap.ACCESS_READ) as view:
                return programs_in(view, magic)
        return ()
    finally:
        file.unlink(missing_ok=True)


def programs_in(memory: bytes | mmap.mmap, magic: bytes) -> tuple[Traced, ...]:
    """Return the programs whose pages are all in ``memory``, in their order."""
    parts: dict[int, dict[int, bytes]] = {}
    wanted: dict[int, int] = {}
    for number, index, pages, text in _pages(memory, magic):
        parts.setdefault(number, {})[index] = text
        wanted[number] = pages
    whole = [number for number in sorted(parts) if set(parts[number]) == set(range(wanted[number]))]
    return tuple(
        Traced(number, b"".join(text for _, text in sorted(parts[number].items())).decode("ascii", errors="replace"))
        for number in whole
    )


def _pages(memory: bytes | mmap.mmap, magic: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yield number, index, pages and text of each page; what a dying guest left half written is left out."""
    at = memory.find(magic)
    while at >= 0:
        if at % _PAGE == 0 and at + _PAGE <= len(memory):
            _, number, index, pages, length, _ = _HEAD.unpack(memory[at : at + _HEAD.size])
            if number and index < pages <= _PAGES_MOST and length <= _PAGE - _HEAD.size:
                yield number, index, pages, memory[at + _HEAD.size : at + _HEAD.size + length]
        at = memory.find(magic, at + 1)

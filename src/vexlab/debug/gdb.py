"""What lets gdb into the kernel of a running machine: QEMU's own stub on a socket, and a file of gdb's commands.

gdb stops the machine when it connects, and lets it go on when it detaches or ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from vexlab.errors import MachineError, UsageError
from vexlab.vm.machine import Machine

# The module's sections that stay in memory, and those whose place nobody needs: of the kernel's tables, and of init.
_SECTIONS = 'cd "/sys/module/$1/sections" && for file in .*; do [ -f "$file" ] && echo "$file $(cat "$file")"; done; :'
_SECTION = re.compile(r"^(\.(?:text|data|rodata|bss|noinstr|exit)[\w.-]*) (0x[0-9a-f]{1,16})$", re.MULTILINE)
_TEXT = ".text"
_ASK_S = 20.0


def sections_of(machine: Machine, module: str) -> dict[str, int]:
    """Return the addresses of the sections of a loaded module; raise ``UsageError`` where it is not loaded."""
    found = parse_sections(machine.ash(_SECTIONS, module, timeout=_ASK_S).text)
    if not found.get(_TEXT):
        raise UsageError(
            f"{module} is not loaded in the machine, or the kernel does not tell where it lies",
            hint=f"`vexlab vm exec NAME -- insmod /vexlab/{module}.ko`",
        )
    return found


def parse_sections(text: str) -> dict[str, int]:
    """Return the addresses of sections, told in lines such as ``.text 0xffffffffc0200000``."""
    return {name: int(address, 16) for name, address in _SECTION.findall(text)}


def open_stub(machine: Machine, socket: Path) -> None:
    """Have QEMU wait for gdb on ``socket``, which only its owner can use; raise ``MachineError``. The machine goes on.

    One gdb at a time is served; a second call ends the connection of the first.
    """
    said = machine.qmp.hmp(f"gdbserver unix:{socket},server=on,wait=off")
    if not socket.exists():
        raise MachineError(f"QEMU does not wait for gdb: {said.strip()}")


def commands(*, symbols: Path, sections: Mapping[str, int], socket: Path, source: Path | None) -> str:
    """Return what gdb does first: it takes the module's symbols, finds the source, and connects. Pure."""
    others = "".join(f" -s {name} {address:#x}" for name, address in sorted(sections.items()) if name != _TEXT)
    lines = [
        "# Written by vexlab debug. When gdb ends, or kills what it debugs, the machine goes on.",
        "set pagination off",
        "set confirm off",
        "set architecture i386:x86-64",
        "define kill",
        "detach",
        "end",
        *([f"directory {_quoted(source)}"] if source else []),
        f"add-symbol-file {_quoted(symbols)} {sections[_TEXT]:#x}{others}",
        f"target remote {socket}",
    ]
    return "\n".join([*lines, ""])


def _quoted(path: Path) -> str:
    """Return the path as gdb splits words (gdb_buildargv): a quote or backslash in it would end it."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'

"""What lets gdb into the kernel of a running machine: QEMU's own stub on a socket, and a file of gdb's commands.

gdb stops the machine when it connects, and lets it go on when it detaches or ends.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vexlab.errors import MachineError, UsageError
from vexlab.vm.machine import Machine

# The module's sections that stay in memory, and those whose place nobody needs: of the kernel's tables, and of init.
SECTIONS = 'cd "/sys/module/$1/sections" && for file in .*; do [ -f "$file" ] && echo "$file $(cat "$file")"; done; :'
_SECTION = re.compile(r"^(\.(?:text|data|rodata|bss|noinstr|exit)[\w.-]*) (0x[0-9a-f]{1,16})$", re.MULTILINE)
_TEXT = ".text"
_ASK_S = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where in the kernel's ``struct module`` the name is, and the addresses of code and of init code: bytes."""

    name: int
    text: int
    init: int


def sections_of(machine: Machine, module: str) -> dict[str, int]:
    """Return the addresses of the sections of a loaded module; raise ``UsageError`` where it is not loaded."""
    found = parse_sections(machine.ash(SECTIONS, module, timeout=_ASK_S).text)
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


def commands(
    *,
    symbols: Path,
    sections: Mapping[str, int],
    socket: Path,
    source: Path | None,
    vmlinux: Path | None = None,
    more: Sequence[str] = (),
) -> str:
    """Return what gdb does first: it takes the symbols, finds the source, connects, and then does ``more``. Pure.

    Without ``sections`` the module's symbols are left out.
    """
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
        *([f"symbol-file {_quoted(vmlinux)}"] if vmlinux else []),
        *([f"add-symbol-file {_quoted(symbols)} {sections[_TEXT]:#x}{others}"] if sections else []),
        f"target remote {socket}",
        *more,
    ]
    return "\n".join([*lines, ""])


def going_on(file: Path) -> tuple[str, ...]:
    """Return the definition of gdb's command ``go``, which makes ``file`` and lets the machine run. Pure."""
    return (
        "define go",
        f"shell touch {shlex.quote(str(file))}",
        "continue",
        "end",
        "document go",
        "Let the case run its command, and the machine.",
        "end",
    )


def at_load(module: str, symbols: Path, starter: int, places: Places) -> tuple[str, ...]:
    """Return what stops the kernel before the init of ``module``, whose symbols are taken at their place. Pure.

    ``starter`` is the address of ``do_init_module(struct module *)`` (kernel/module/main.c), whose argument is in rdi.
    """
    return (
        "python",
        "class AtLoad(gdb.Breakpoint):",
        "    def stop(self):",
        '        module = int(gdb.parse_and_eval("(unsigned long)$rdi"))',
        "        memory = gdb.selected_inferior()",
        f'        name = memory.read_memory(module + {places.name}, 56).tobytes().split(b"\\0")[0]',
        f"        if name != {module.encode()!r}:",
        "            return False",
        f"        text, init = (int.from_bytes(memory.read_memory(module + at, 8).tobytes(), 'little')"
        f" for at in ({places.text}, {places.init}))",
        f"        command = {'add-symbol-file ' + _quoted(symbols)!r}",
        "        gdb.post_event(lambda: gdb.execute(f'{command} {text:#x} -s .init.text {init:#x}'))",
        "        return True",
        f'AtLoad("*{starter:#x}", type=gdb.BP_HARDWARE_BREAKPOINT)',
        "end",
        "set breakpoint pending on",
    )


def _quoted(path: Path) -> str:
    """Return the path as gdb splits words (gdb_buildargv): a quote or backslash in it would end it."""
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'

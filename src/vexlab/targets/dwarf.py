"""The kernel's types as the debugging information of a module has them. Needs the extra ``vexlab[debug]``: drgn."""

from __future__ import annotations

from pathlib import Path

from drgn import Architecture, Platform, Program

_TEXT = (0xFFFFFFFFC0000000, 0xFFFFFFFFC8000000)  # any place for the module's code


def types_of(module: Path) -> Program | None:
    """Return what drgn knows by the debugging information in a module's file, ``None`` where there is none."""
    prog = Program(Platform(Architecture.X86_64))
    try:
        found = prog.extra_module(module.stem, create=True)
        found.address_range = _TEXT
        found.try_file(module, force=True)
    except (OSError, ValueError, LookupError):
        return None
    return prog

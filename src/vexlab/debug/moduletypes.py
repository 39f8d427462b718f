"""Where a debugger finds a module that is being loaded. Needs the extra ``vexlab[debug]``: drgn."""

from __future__ import annotations

from pathlib import Path

from drgn import offsetof

from vexlab.debug.gdb import Places
from vexlab.targets.dwarf import types_of

# include/linux/module.h: one array of memories since 6.4 (enum mod_mem_type), two layouts before.
_BASES = (("mem[0].base", "mem[4].base"), ("core_layout.base", "init_layout.base"))


def places_in(module: Path) -> Places | None:
    """Return where in ``struct module`` what a debugger asks for is, ``None`` where that is not known."""
    prog = types_of(module)
    try:
        kind = prog.type("struct module") if prog else None
    except LookupError:
        kind = None
    for text, init in _BASES if kind else ():
        try:
            return Places(name=offsetof(kind, "name"), text=offsetof(kind, text), init=offsetof(kind, init))
        except LookupError:
            continue
    return None

"""Whose code an address is: the module's functions as the guest's kernel lists them, and their lines from DWARF."""

from __future__ import annotations

import bisect
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from vexlab.classify.symbols import DebugInfo, sources
from vexlab.model.report import Frame
from vexlab.model.trace import StackSum

# "\tffffffffc0a3157a vexfs_vec_search+26"
_FRAME = re.compile(r"^\s*([0-9a-f]{8,16}) (\S+?)(?:\+(\d+))?$")
# ffffffffc0a31560 t vexfs_vec_search\t[vexfs]
_SYMBOL = re.compile(r"^([0-9a-f]{16}) ([tT]) (\S+)(?:\s+\[([\w-]+)\])?$", re.MULTILINE)
# vexfs 217088 1 - Live 0xffffffffc0a31000 (OE)
_MODULE = re.compile(r"^(\S+) (\d+) .* 0x([0-9a-f]+)(?: \(\w+\))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleText:
    """Where a loaded module's code is: ``low`` ≤ address < ``high``, and where its functions start, in order."""

    module: str
    low: int = 0
    high: int = 0
    starts: tuple[int, ...] = ()
    names: tuple[str, ...] = ()

    def stack(self, text: str) -> tuple[Frame, ...]:
        """Return the frames of a stack as bpftrace prints it in its mode ``perf``, innermost first."""
        return tuple(
            self._frame(int(match[1], 16), match[2], int(match[3] or 0))
            for line in text.splitlines()
            if (match := _FRAME.match(line))
        )

    def _frame(self, address: int, name: str, offset: int) -> Frame:
        if not self.low <= address < self.high:
            return Frame(function=name, offset=offset)
        number = bisect.bisect_right(self.starts, address) - 1
        if number < 0:
            return Frame(function=name, offset=offset, module=self.module)
        return Frame(function=self.names[number], offset=address - self.starts[number], module=self.module)


def parse_kallsyms(text: str, built_in: str = "") -> Mapping[str, Collection[str]]:
    """Return the functions in lines of ``/proc/kallsyms`` by module, ``""`` being the kernel's image.

    Those of the image are the functions of ``built_in``, too, where that module is built into it.
    """
    found: dict[str, set[str]] = {}
    for _, _, name, module in _SYMBOL.findall(text):
        found.setdefault(module, set()).add(name)
    if built_in and built_in not in found:
        found[built_in] = set(found.get("", ()))
    return found


def module_text(module: str, kallsyms: str, modules: str) -> ModuleText:
    """Return where ``module`` lies, from lines of ``/proc/kallsyms`` and ``/proc/modules``."""
    low = high = 0
    for name, size, address in _MODULE.findall(modules):
        if name == module:
            low, high = int(address, 16), int(address, 16) + int(size)
    pairs = sorted((int(address, 16), name) for address, _, name, owner in _SYMBOL.findall(kallsyms) if owner == module)
    return ModuleText(
        module=module,
        low=low,
        high=high,
        starts=tuple(address for address, _ in pairs),
        names=tuple(name for _, name in pairs),
    )


def with_sources(sums: Iterable[StackSum], info: DebugInfo, cache: Path) -> tuple[StackSum, ...]:
    """Return the stacks with file and line of each function whose debug information is at hand."""
    given = tuple(sums)
    known = sources(
        {frame for each in given for frame in each.frames if frame.module in info.modules}, info, cache=cache
    )
    return tuple(
        replace(each, frames=tuple(new for frame in each.frames for new in known.get(frame, (frame,))))
        for each in given
    )

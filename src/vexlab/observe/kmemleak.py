"""Memory that nobody refers to any more, as kmemleak finds it (Documentation/dev-tools/kmemleak.rst).

An object is reported when a scan finds no reference to it, its content has not changed since the scan before, and it
was at least five seconds old when that scan began (MSECS_MIN_AGE, mm/kmemleak.c): hence two scans, and a wait between
them where the first took less.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vexlab.vm.files import SECTIONS
from vexlab.vm.machine import Machine

OPTION = "DEBUG_KMEMLEAK"
_SCAN_S = 120.0
_MOST = 200_000  # bytes of the report that are read

_TWICE = """
read -r begun _ </proc/uptime
echo scan >$leaks || exit
read -r now _ </proc/uptime
passed=$((${now%.*} - ${begun%.*}))
[ $passed -ge 6 ] || sleep $((6 - passed))
echo scan >$leaks || exit
"""

# What the kernel itself has lost by the time that a machine is ready is none of a case's.
_START = f"""
mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
leaks=/sys/kernel/debug/kmemleak
echo scan=off >$leaks || exit
{_TWICE}
echo clear >$leaks
"""
_STOP = f"""
leaks=/sys/kernel/debug/kmemleak
{_TWICE}
cat {SECTIONS} 2>/dev/null; echo "=="; head -c {_MOST} $leaks
"""
#     [<000000001bc03e72>] kmemdup+0x22/0x50         the number in brackets is hashed
_FRAME = re.compile(r"^\s+(?:\[<[0-9a-f]+>\] )?(\S+)(?: \[\w+\])?$", re.MULTILINE)
#     [<ffffffffc0201234>] 0xffffffffc0201234
_RAW = re.compile(r"(?P<lead>\[<[0-9a-f]+>\] )?0x(?P<address>ffffffff[0-9a-f]{8})$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A function of a module: ``offset`` and ``size`` in bytes, from the start of its section ``.text``."""

    name: str
    offset: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaks:
    """``text`` is kmemleak's own report; ``bases`` are the addresses at which the module's code lay."""

    text: str
    bases: tuple[int, ...]


def forget(machine: Machine) -> bool:
    """Have kmemleak forget what the kernel has lost so far; ``False`` where it does not work."""
    return machine.ash(_START, timeout=_SCAN_S).ok


def find_leaks(machine: Machine) -> Leaks | None:
    """Return what was lost since ``forget``, ``None`` where kmemleak does not work. Takes at least five seconds."""
    result = machine.ash(_STOP, timeout=_SCAN_S)
    if not result.ok:
        return None
    bases, _, text = result.text.partition("==")
    found = tuple(int(line, 16) for line in bases.splitlines() if re.fullmatch(r"0x[0-9a-f]{16}", line))
    return Leaks(text=whole_objects(text.strip(), cut=len(result.stdout) >= _MOST), bases=found)


def whole_objects(text: str, *, cut: bool) -> str:
    """Return a report that may end amid an object (``cut``) without that: what is left of its stack is another's."""
    before, begins, _ = text.rpartition("\nunreferenced object 0x")
    return before if cut and begins else text


def parse_symbols(text: str) -> tuple[Symbol, ...]:
    """Read ``nm -S`` of a module's file: its functions in ``.text``, where nm says ``t`` or ``T``."""
    # 0000000000001230 0000000000000104 t vexfs_load_map
    pattern = re.compile(r"^([0-9a-f]{16}) ([0-9a-f]{16}) [tT] ([\w.$]+)$", re.MULTILINE)
    return tuple(Symbol(name=name, offset=int(at, 16), size=int(size, 16)) for at, size, name in pattern.findall(text))


def with_symbols(leaks: Leaks, symbols: Iterable[Symbol], module: str) -> str:
    """Return the report with the names of functions of a module that is gone: ``f+0x1/0x2 [vexfs]``."""
    known = tuple(symbols)

    def named(match: re.Match[str]) -> str:
        address = int(match["address"], 16)
        for base in reversed(leaks.bases):
            for each in known:
                inside = address - base - each.offset
                if 0 <= inside < each.size:
                    return f"{match['lead'] or ''}{each.name}+{inside:#x}/{each.size:#x} [{module}]"
        return match[0]

    return _RAW.sub(named, leaks.text)


def by_stack(text: str) -> str:
    """Return the report with one object for each stack that allocated any; of others it says how many there are.

    A leak for each call makes hundreds of objects.
    """
    stacks: dict[tuple[str, ...], list[str]] = {}
    for each in re.split(r"^(?=unreferenced object 0x)", text, flags=re.MULTILINE):
        if each.startswith("unreferenced object"):
            stack = tuple(_FRAME.findall(each.partition("backtrace")[2]))
            stacks.setdefault(stack, []).append(each)
    return "".join(_counted(each) for each in stacks.values())


def _counted(same: list[str]) -> str:
    first, *others = same
    if not others:
        return first
    return first.replace("  backtrace", f"  {len(others)} more objects were allocated there\n  backtrace", 1)


def objects(text: str) -> Mapping[str, int]:
    """Return how many objects a report lists for each size: ``{"(size 64)": 3}``."""
    found: dict[str, int] = {}
    # unreferenced object 0xffff888101234560 (size 64):
    for size in re.findall(r"^unreferenced object 0x[0-9a-f]+ (\(size \d+\)):", text, re.MULTILINE):
        found[size] = found.get(size, 0) + 1
    return found

"""What a module's file says of its functions: which return a value, and where in one an error's number is set."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from vexlab import process

_READ_S = 120.0
_LINES_MOST = 6

# 312: 0000000000001560   412 FUNC    LOCAL  DEFAULT    2 vexfs_vec_search
_SYMBOL = re.compile(rb"^ *\d+: [0-9a-f]+ +(?:\d+|0x[0-9a-f]+) FUNC +\S+ +\S+ +\d+ (\S+)$", re.MULTILINE)
# <1><2f3a>: Abbrev Number: 41 (DW_TAG_subprogram)
_ENTRY = re.compile(r"^ *<[0-9a-f]+><([0-9a-f]+)>: Abbrev Number: \d+(?: \((\w+)\))?")
# <2f3b>   DW_AT_name        : (indirect string, offset: 0x1c2): vexfs_put_super
_ATTRIBUTE = re.compile(r"^ *<[0-9a-f]+> +(DW_AT_\w+) *: (.*)$")
# vexfs_lookup.cold  vexfs_x.isra.0: what the compiler made of a function
_VARIANT = re.compile(r"\.(?:cold|isra|part|constprop|llvm)\b.*$")
# ffffffff81000010:	mov    $0xffffffef,%eax
_SETS = re.compile(r"^ *([0-9a-f]+):\s+(?:[a-z]+)\s+\$0x(f{0,8}[0-9a-f]{8}),")


def returning(module: Path) -> tuple[str, ...]:
    """Return the functions of the module that return a value, as its debug information says; all where it says nothing.

    What a function without a value leaves in the register is no error. Parts that the compiler split off are left out.
    """
    table = process.run(["readelf", "-s", "-W", str(module)], timeout=_READ_S, check=True).stdout
    names = dict.fromkeys(name.decode(errors="replace") for name in _SYMBOL.findall(table))
    listing = process.run(
        ["readelf", "--debug-dump=info", "--dwarf-depth=2", "-W", str(module)], timeout=_READ_S, check=True
    ).text
    void = {name for name, has_value in subprograms(listing) if not has_value}
    return tuple(
        name for name in names if ".cold" not in name and _VARIANT.sub("", name) not in void and _is_code(name)
    )


def _is_code(name: str) -> bool:
    return name not in ("init_module", "cleanup_module") and not name.startswith("__pfx_")


def subprograms(listing: str) -> Iterator[tuple[str, bool]]:
    """Yield each function of a listing of ``readelf --debug-dump=info`` and whether it returns a value."""
    kind, name, typed = "", "", False
    for line in listing.splitlines():
        if entry := _ENTRY.match(line):
            if kind == "DW_TAG_subprogram" and name:
                yield name, typed
            kind, name, typed = entry[2] or "", "", False
        elif kind == "DW_TAG_subprogram" and (attribute := _ATTRIBUTE.match(line)):
            if attribute[1] == "DW_AT_name":
                name = attribute[2].rpartition(": ")[2].strip()
            typed = typed or attribute[1] == "DW_AT_type"
    if kind == "DW_TAG_subprogram" and name:
        yield name, typed


def offsets_setting(module: Path, function: str, number: int) -> tuple[int, ...]:
    """Return the offsets in ``function`` at which -``number`` is loaded: the places that can be where it comes from."""
    argv = ["objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", str(module)]
    text = process.run(argv, timeout=_READ_S, check=True).text
    return tuple(_offsets(text, number))[:_LINES_MOST]


def _offsets(text: str, number: int) -> Iterator[int]:
    start: int | None = None
    wanted = {f"{(1 << 32) - number:08x}", f"{(1 << 64) - number:016x}"}
    for line in text.splitlines():
        if head := re.match(r"^([0-9a-f]+) <[^>]+>:$", line):  # 0000000000001560 <vexfs_vec_search>:
            start = int(head[1], 16)
        elif start is not None and (found := _SETS.match(line)) and found[2] in wanted:
            yield int(found[1], 16) - start

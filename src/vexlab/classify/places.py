"""A finding with file and line of the module's functions in it, as the kernel's ``decode_stacktrace.sh`` gives them.

The module's own debug information tells them (``vexlab.classify.symbols``); what the kernel said stays as it is, each
line only grows. So do neither title nor fingerprint change: what was known by them is known by them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from vexlab.classify.symbols import DebugInfo, sources
from vexlab.model.report import Frame
from vexlab.model.verdict import Finding

# vexfs_readdir+0x1c3/0x2d0 [vexfs]  ·  vexfs_iget.isra.0+0x5/0x1b0 [vexfs 5e1f…]   (with the id of the build)
_FRAME = re.compile(r"(?P<name>[\w.]+)\+0x(?P<offset>[0-9a-f]+)/0x(?P<size>[0-9a-f]+) \[(?P<module>[\w-]+)[^\]\n]*\]")
# RIP: 0010:vexfs_readdir+0x1c3/0x2d0 [vexfs]  ·  pc : vexfs_readdir+0x1c3/0x2d0 [vexfs]     an instruction's address;
# others are those that a call returns to
_EXACT = re.compile(r"\b(?:RIP|EIP|pc)\b *:")
_FRAMES_MOST = 400  # of one finding


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """A frame in the line of that number, up to ``end``; ``exact`` tells that its offset is that of an instruction."""

    line: int
    end: int
    frame: Frame
    exact: bool


def placed(finding: Finding, info: DebugInfo, cache: Path) -> Finding:
    """Return ``finding`` with ``file:line`` behind the frames of the modules of ``info``, and that of its function.

    Raises ``UsageError`` for a file that is no ELF object, ``InfraError`` where binutils are missing.
    """
    lines = finding.text.split("\n")
    found = [each for number, line in enumerate(lines) if (each := _found(number, line, info))][:_FRAMES_MOST]
    known = {
        exact: sources([each.frame for each in found if each.exact is exact], info, cache=cache, exact=exact)
        for exact in {each.exact for each in found}
    }
    place = ""
    for each in found:
        expanded = known[each.exact].get(each.frame, ())
        if words := _words(expanded):
            line = lines[each.line]
            lines[each.line] = f"{line[: each.end]} ({words}){line[each.end :]}"
            if not place and each.frame.function.partition(".")[0] == finding.frame:
                place = expanded[-1].source
    return replace(finding, text="\n".join(lines), place=place)


def _found(number: int, line: str, info: DebugInfo) -> _Found | None:
    match = _FRAME.search(line)
    if not match or match["module"] not in {name.replace("-", "_") for name in info.modules}:
        return None
    frame = Frame(
        function=match["name"], offset=int(match["offset"], 16), size=int(match["size"], 16), module=match["module"]
    )
    return _Found(line=number, end=match.end(), frame=frame, exact=bool(_EXACT.search(line)))


def _words(frames: tuple[Frame, ...]) -> str:
    """Return where a frame is: its own line, and before it those of what the compiler put into it."""
    *inlined, own = frames or (Frame(function=""),)
    if not own.source:
        return ""
    return " ".join([*(f"{each.function} {each.source}, in" for each in inlined if each.source), own.source])

"""What the filesystem under test can do, for scripts in the guest: ``from capable import can, within``."""

from functools import lru_cache
from pathlib import Path

_FILE = Path("/vexlab/profile")
_TEXT = _FILE.read_text() if _FILE.exists() else ""
_LINES = {line.split()[0]: line.split() for line in _TEXT.splitlines() if line.count(" ") == 3}


@lru_cache(None)
def can(*names: str) -> bool:
    """Whether none of these capabilities is known to be refused or broken."""
    return all(name not in _LINES or _LINES[name][1] in ("works", "unknown") for name in names)


@lru_cache(None)
def broken(*names: str) -> bool:
    """Whether one of these capabilities is known to be broken: nobody should use it."""
    return any(name in _LINES and _LINES[name][1] in ("broken", "deadly") for name in names)


def error_of(name: str) -> str:
    """Return the name of the error that refused this capability, or stood at its limit; ``""`` for none."""
    return _LINES.get(name, ["", "", "", "-"])[3].replace("-", "")


@lru_cache(None)
def within(name: str, wanted: int) -> int:
    """Return ``wanted``, or half of the limit of this capability where an error was seen at a limit below that.

    A limit without an error is only where the search ended.
    """
    line = _LINES.get(name, ["", "", "-", "-"])
    reached = line[2].isdigit() and line[3] != "-" and int(line[2]) < wanted
    return int(line[2]) // 2 if reached else wanted


@lru_cache(None)
def entries(wanted: int, length: int) -> int:
    """Return ``wanted``, or how many names of ``length`` bytes fill half of a directory that takes so few.

    The limit was found with names of up to 4 bytes; an entry has some 8 bytes beside the name in most formats.
    """
    line = _LINES.get("dir_entries", ["", "", "-", "-"])
    if not line[2].isdigit() or line[3] == "-":
        return wanted
    return max(1, min(wanted, int(line[2]) * (8 + 4) // (8 + length) // 2))

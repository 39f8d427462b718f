"""What the filesystem under test can do, for scripts in the guest: ``from capable import can, half``."""

from pathlib import Path

_FILE = Path("/vexlab/profile")
_TEXT = _FILE.read_text() if _FILE.exists() else ""
_LINES = {line.split()[0]: line.split() for line in _TEXT.splitlines() if line.count(" ") == 3}


def can(*names: str) -> bool:
    """Whether none of these capabilities is known to be refused or broken."""
    return all(name not in _LINES or _LINES[name][1] in ("works", "unknown") for name in names)


def half(name: str, otherwise: int) -> int:
    """Return half of the limit of this capability, at most ``otherwise``, which holds where nothing is known too."""
    limit = _LINES.get(name, ["", "", "-"])[2]
    return min(int(limit) // 2, otherwise) if limit.isdigit() else otherwise

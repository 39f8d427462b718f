"""What the filesystem under test can do, for scripts in the guest: ``from capable import can, half``."""

try:
    with open("/vexlab/profile") as _file:
        _LINES = {line.split()[0]: line.split() for line in _file if line.count(" ") == 3}
except FileNotFoundError:
    _LINES = {}


def can(*names):
    """Whether none of these capabilities is known to be refused or broken."""
    return all(name not in _LINES or _LINES[name][1] in ("works", "unknown") for name in names)


def half(name, otherwise):
    """Half of the limit of this capability, at most ``otherwise``, which holds where nothing is known too."""
    limit = _LINES.get(name, ["", "", "-"])[2]
    return min(int(limit) // 2, otherwise) if limit.isdigit() else otherwise

"""What ``essentials.py`` and ``limits.py`` are told and what they print. Pure.

The programs are in ``workloads/scripts``.
"""

from __future__ import annotations

from dataclasses import dataclass

from vexlab.workloads import SCRIPTS

ESSENTIALS, LIMITS = SCRIPTS / "essentials.py", SCRIPTS / "limits.py"
# The checks of ESSENTIALS, each with the capabilities without which it cannot be made.
CHECKS = {
    "append": "create write append",
    "write_nothing": "create write",
    "stale_bytes": "create write truncate_down",
    "freed_blocks": "create write unlink statfs_blocks",
    "truncate_full": "create write unlink truncate_down",
    "far_sizes": "create write truncate_down file_sparse",
}
_SKIP = "skip: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a check says: a line for each thing that is ``wrong``; ``skipped`` is why it could not be made, or empty."""

    wrong: tuple[str, ...] = ()
    skipped: str = ""


def found(text: str) -> Found:
    """Return what a program printed."""
    lines = text.splitlines()
    skipped = [line.removeprefix(_SKIP) for line in lines if line.startswith(_SKIP)]
    wrong = tuple(line for line in lines if not line.startswith(_SKIP))
    return Found(wrong=wrong, skipped=skipped[0] if skipped else "")

"""What the tests of fsck.vexfs share: a repair that leaves nothing to repair, and what dumpvexfs says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vexfs_image import Tools


def repair(tools: Tools, image: Path) -> str:
    """Repairs, and finds nothing left. What was said."""
    repaired = tools.fsck(image, "-y")
    assert repaired.status == 1, repaired.out + repaired.err
    again = tools.fsck(image, "-n")
    assert again.status == 0, repaired.out + again.out
    return repaired.out


def inode_of(tools: Tools, image: Path, path: str) -> dict[str, Any]:
    found: dict[str, Any] = tools.dump(image, "-j", "-i", path).json()
    return found


def entries(tools: Tools, image: Path, path: str) -> dict[str, dict[str, Any]]:
    listed = tools.dump(image, "-j", "-d", path).json()["entries"]
    return {entry["d_name"]: entry for entry in listed if entry["d_ino"]}


def entry_field(tools: Tools, image: Path, path: str, name: str, field: str) -> str:
    """Name of a field of a directory entry, as --fields has it."""
    directory = inode_of(tools, image, path)["inode"]
    offset = entries(tools, image, path)[name]["offset"]
    known = {f["offset"]: f["name"] for f in tools.fields(image) if f["name"].startswith(f"directory[{directory}]")}
    place: str = known[offset].rsplit(".", 1)[0]
    return f"{place}.{field}"

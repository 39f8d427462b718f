"""fsck.vexfs: orphans, truncations under way, and lists that run in a circle."""

from __future__ import annotations

from pathlib import Path

import pytest
from fsck_repair import entry_field, inode_of, repair
from vexfs_image import STRIDE, Tools, write_block


def orphan(tools: Tools, image: Path, path: str, *, after: int = 0) -> int:
    """Unlinks a file as the kernel does while it is open. Its inode."""
    number: int = inode_of(tools, image, path)["inode"]
    directory, name = path.rsplit("/", 1)
    place = entry_field(tools, image, directory or "/", name, "d_ino")
    tools.set(image, place, 0)
    tools.set(image, place.replace("d_ino", "d_hash"), 0)
    tools.set(image, f"inode[{number}].i_links", 0)
    tools.set(image, f"inode[{number}].i_orphan_next", after)
    tools.set(image, "inode[1].i_orphan_next", number)
    return number


def test_orphans_are_no_error_and_are_worked_off(tools: Tools, image: Path) -> None:
    first = orphan(tools, image, "/large")
    orphan(tools, image, "/slow", after=first)
    before = image.read_bytes()
    checked = tools.fsck(image, "-n")
    assert checked.status == 0, checked.out
    assert "2 deleted" in checked.out
    assert image.read_bytes() == before
    worked = tools.fsck(image, "-y")
    assert worked.status == 0, worked.out
    assert tools.value(image, "inode[1].i_orphan_next") == 0
    assert "Orphans" not in tools.fsck(image, "-n").out


def test_truncation_under_way_is_finished(tools: Tools, image: Path) -> None:
    number = inode_of(tools, image, "/large")["inode"]
    tools.set(image, f"inode[{number}].i_size", 50_001)
    tools.set(image, "inode[1].i_orphan_next", number)
    checked = tools.fsck(image, "-n")
    assert checked.status == 0, checked.out
    assert tools.fsck(image, "-p", "-f").status == 0
    after = inode_of(tools, image, "/large")
    assert after["i_blocks"] == (13 + 1 + bool(after["i_xattr_block"])) * 8
    assert tools.fsck(image, "-n").status == 0


def test_circular_orphan_list_is_cut(tools: Tools, image: Path) -> None:
    number = orphan(tools, image, "/large")
    tools.set(image, f"inode[{number}].i_orphan_next", number)
    assert "orphan-list" in tools.problems(image)
    repair(tools, image)


@pytest.mark.parametrize("level", [12, 13, 14])
@pytest.mark.parametrize("unlinked", [False, True])
def test_orphan_whose_pointers_run_in_a_circle(shipped: Tools, image: Path, level: int, *, unlinked: bool) -> None:
    """Followed blindly, the map has a thousand million ends."""
    block = inode_of(shipped, image, "/large")["i_block[12]"]
    number = inode_of(shipped, image, "/large")["inode"]
    shipped.set(image, f"inode[{number}].i_block[{level}]", block)
    write_block(image, block, block.to_bytes(4, "little") * 1024)
    if unlinked:
        orphan(shipped, image, "/large")
    else:
        shipped.set(image, f"inode[{number}].i_size", 5)
        shipped.set(image, "inode[1].i_orphan_next", number)
    shipped.fsck(image, "-n")
    assert shipped.fsck(image, "-y").status == 1
    assert shipped.fsck(image, "-n").status == 0


def test_collection_whose_pointers_run_in_a_circle(shipped: Tools, image: Path) -> None:
    number = inode_of(shipped, image, "/vectors")["inode"]
    block = inode_of(shipped, image, "/large")["i_block[12]"]
    shipped.set(image, f"inode[{number}].i_block[14]", block)
    shipped.set(image, f"inode[{number}].i_size", (1 << 32) * STRIDE)
    write_block(image, block, block.to_bytes(4, "little") * 1024)
    assert "vector-hole" in shipped.problems(image)
    repair(shipped, image)


def test_unlinked_inode_off_the_list_is_deleted(tools: Tools, image: Path) -> None:
    orphan(tools, image, "/large")
    tools.set(image, "inode[1].i_orphan_next", 0)
    assert "unlinked" in tools.problems(image)
    repair(tools, image)

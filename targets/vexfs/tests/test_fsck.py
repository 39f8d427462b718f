"""fsck.vexfs: every promise of the format is checked, and what is broken can be repaired."""

from __future__ import annotations

from pathlib import Path

import pytest
from fsck_repair import entries, entry_field, inode_of, repair
from vexfs_image import BLOCK, Tools


def test_clean_image_is_not_written(tools: Tools, image: Path) -> None:
    before = image.read_bytes()
    assert tools.fsck(image, "-n").status == 0
    assert tools.fsck(image, "-y").status == 0
    assert tools.fsck(image, "-p", "-f").status == 0
    assert image.read_bytes() == before


def test_read_only_check_never_writes(tools: Tools, image: Path) -> None:
    tools.set(image, "inode[2].i_links", 77)
    tools.set(image, "super.s_inodes_count", 1)
    before = image.read_bytes()
    assert tools.fsck(image, "-n").status == 4
    assert image.read_bytes() == before


# What happens to the image, and the problem that must be named.
SIMPLE: list[tuple[str, object, str]] = [
    ("super.s_blocks_count", 2000, "superblock"),
    ("super.s_inodes_per_group", 304, "superblock"),
    ("super.s_groups_count", 2, "superblock"),
    ("super.s_journal_start", 30, "superblock"),
    ("super.s_journal_blocks", 1025, "superblock"),
    ("super.s_uuid", "ff" * 16, "superblock"),
    ("super.s_hash_seed", 1, "entry-hash"),
    ("super.s_reserved", "01" * 324, "superblock-reserved"),
    ("super.s_state", 5, "superblock-state"),
    ("super.s_state", 3, "superblock-error"),
    ("journal.h_magic", 1, "journal-superblock"),
    ("journal.s_maxlen", 1000, "journal-superblock"),
    ("journal.s_first", 2, "journal-superblock"),
    ("journal.s_feature_incompat", 1, "journal-superblock"),
    ("journal.s_uuid", "00" * 16, "journal-superblock"),
    ("journal.s_start", 5000, "journal-superblock"),
    ("journal.s_errno", 0xFFFFFFFB, "journal-error"),
    ("group[0].bg_block_bitmap", 9, "group-descriptor"),
    ("group[0].bg_inode_bitmap", 9, "group-descriptor"),
    ("group[0].bg_inode_table", 9, "group-descriptor"),
    ("group[0].bg_flags", 1, "group-descriptor"),
    ("group[0].bg_reserved", "00" * 31 + "01", "group-descriptor"),
    ("group[0].bg_free_blocks", 0, "free-blocks"),
    ("group[0].bg_free_inodes", 0, "free-inodes"),
    ("group[0].bg_used_dirs", 0, "used-directories"),
    ("block_bitmap[0].b_bits", "ff" * 4092, "block-bitmap"),
    ("block_bitmap[0].b_bits", "00" * 4092, "block-bitmap"),
    ("inode_bitmap[0].b_bits", "ff" * 4092, "inode-bitmap"),
    ("inode_bitmap[0].b_bits", "00" * 4092, "inode-bitmap"),
    ("inode[1].i_mode", 0o40755, "reserved-inode"),
    ("inode[1].i_size", 1, "reserved-inode"),
    ("inode[1].i_orphan_next", 2, "orphan-list"),
    ("inode[1].i_orphan_next", 0xFFFFFFFF, "orphan-list"),
    ("inode[2].i_mode", 0o100644, "root"),
    ("inode[2].i_links", 1, "inode-links"),
    ("inode[2].i_parent", 11, "directory-parent"),
    ("inode[2].i_size", 0, "directory-size"),
    ("inode[2].i_size", 4095, "directory-size"),
    ("inode[2].i_size", 1 << 62, "directory-size"),
]


@pytest.mark.parametrize(("field", "value", "problem"), SIMPLE)
def test_damaged_field_is_named_and_repaired(
    tools: Tools, image: Path, field: str, value: object, problem: str
) -> None:
    tools.set(image, field, value)
    assert problem in tools.problems(image)
    repair(tools, image)


FILE: list[tuple[str, object, str]] = [
    ("i_mode", 0, "inode"),
    ("i_mode", 0o170644, "inode"),
    ("i_reserved0", 1, "inode-field"),
    ("i_links", 0, "inode-links"),
    ("i_links", 5, "inode-links"),
    ("i_size", 1, "block-past-end"),
    ("i_size", 1 << 60, "inode-size"),
    ("i_blocks", 0, "inode-blocks"),
    ("i_mtime_nsec", 1_000_000_000, "inode-field"),
    ("i_dtime", 1, "inode-field"),
    ("i_flags", 0x8000, "inode-field"),
    ("i_flags", 1, "vector-descriptor"),
    ("i_parent", 2, "inode-field"),
    ("i_orphan_next", 12, "orphan-list"),
    ("i_xattr_block", 1, "xattrs"),
    ("i_xattr_block", 0xFFFFFFFF, "xattrs"),
    ("i_block[0]", 1, "block-pointer"),
    ("i_block[0]", 0xFFFFFFFF, "block-pointer"),
    ("i_block[12]", 2048, "block-pointer"),
    ("i_block[13]", 2000, "block-past-end"),
    ("i_reserved1", 1, "inode-field"),
    ("i_vec.v_dim", 3, "vector-flag"),
    ("i_reserved2", "01" * 12, "inode-field"),
]


@pytest.mark.parametrize(("field", "value", "problem"), FILE)
def test_damaged_inode_is_named_and_repaired(
    tools: Tools, image: Path, field: str, value: object, problem: str
) -> None:
    number = inode_of(tools, image, "/large")["inode"]
    tools.set(image, f"inode[{number}].{field}", value)
    assert problem in tools.problems(image)
    repair(tools, image)


@pytest.mark.parametrize(
    "field",
    [
        "super.s_csum",
        "group[0].bg_csum",
        "block_bitmap[0].b_csum",
        "inode_bitmap[0].b_csum",
        "journal.s_checksum",
        "inode[2].i_csum",
    ],
)
def test_wrong_checksum_is_found(tools: Tools, image: Path, field: str) -> None:
    tools.set(image, field, 12345, sealed=False)
    assert tools.fsck(image, "-n").status == 4
    repair(tools, image)


ENTRY: list[tuple[str, object, str]] = [
    ("d_ino", 0xFFFFFFFF, "entry-dangling"),
    ("d_ino", 1, "entry-dangling"),
    ("d_ino", 300, "entry-dangling"),
    ("d_hash", 1, "entry-hash"),
    ("d_rec_len", 0, "directory-block"),
    ("d_rec_len", 6, "directory-block"),
    ("d_rec_len", 8, "directory-block"),
    ("d_rec_len", 65535, "directory-block"),
    ("d_name_len", 0, "directory-block"),
    ("d_name_len", 255, "directory-block"),
    ("d_name_len", 4, "directory-block"),
    ("d_type", 4, "entry-type"),
    ("d_name", "sm/ll", "entry-name"),
    ("d_name", ".", "entry-name"),
]


@pytest.mark.parametrize(("field", "value", "problem"), ENTRY)
def test_damaged_entry_is_named_and_repaired(
    tools: Tools, image: Path, field: str, value: object, problem: str
) -> None:
    tools.set(image, entry_field(tools, image, "/", "small", field), value)
    assert problem in tools.problems(image)
    repair(tools, image)


def test_damaged_length_costs_no_other_entry(tools: Tools, image: Path) -> None:
    """The hashes show where the next entry begins."""
    before = set(entries(tools, image, "/many"))
    tools.set(image, entry_field(tools, image, "/many", "another", "d_rec_len"), 4000)
    repair(tools, image)
    assert set(entries(tools, image, "/many")) == before


def test_name_twice_in_a_directory(tools: Tools, image: Path) -> None:
    hashed = entries(tools, image, "/")["fast"]["d_hash"]
    for field, value in (("d_name", "fast"), ("d_hash", hashed)):
        tools.set(image, entry_field(tools, image, "/", "slow" if field == "d_name" else "fast", field), value)
    assert "entry-duplicate" in tools.problems(image)
    said = repair(tools, image)
    assert "has no name" in said
    assert "lost+found" in entries(tools, image, "/")


def test_directory_with_two_names_keeps_the_right_one(tools: Tools, image: Path) -> None:
    number = inode_of(tools, image, "/deep/level0/level1")["inode"]
    tools.set(image, entry_field(tools, image, "/", "empty", "d_ino"), number)
    assert "directory-linked-twice" in tools.problems(image)
    repair(tools, image)
    assert "empty" not in entries(tools, image, "/")
    assert inode_of(tools, image, "/deep/level0/level1")["inode"] == number


def test_circle_of_directories_is_broken(tools: Tools, image: Path) -> None:
    """An entry in a loop cut off from the root."""
    outer = inode_of(tools, image, "/deep/level0")["inode"]
    inner = inode_of(tools, image, "/deep/level0/level1/level2/level3")["inode"]
    leaf = entry_field(tools, image, "/deep/level0/level1/level2/level3", "level4", "d_ino")
    tools.set(image, entry_field(tools, image, "/deep", "level0", "d_ino"), 0)
    tools.set(image, leaf, outer)
    tools.set(image, f"inode[{outer}].i_parent", inner)
    assert "directory-loop" in tools.problems(image)
    repair(tools, image)
    found = entries(tools, image, "/lost+found")
    assert found


def test_lost_files_are_found_again(tools: Tools, image: Path) -> None:
    number = inode_of(tools, image, "/large")["inode"]
    deep = inode_of(tools, image, "/deep")["inode"]
    for name in ("large", "deep"):
        tools.set(image, entry_field(tools, image, "/", name, "d_ino"), 0)
    assert "unreachable" in tools.problems(image)
    repair(tools, image)
    found = entries(tools, image, "/lost+found")
    assert {found[f"#{number}"]["d_ino"], found[f"#{deep}"]["d_ino"]} == {number, deep}
    assert inode_of(tools, image, f"/lost+found/#{deep}")["i_parent"] == inode_of(tools, image, "/lost+found")["inode"]


def test_block_of_two_files_is_separated_and_nothing_lost(tools: Tools, image: Path) -> None:
    """A data pointer gone astray neither costs a file its pointer block nor its data."""
    large, small = (inode_of(tools, image, f"/{name}") for name in ("large", "small"))
    blocks = tools.dump(image, "-j", "-m", "/large").json()["map"]
    for stolen in (large["i_block[12]"], large["i_block[0]"]):
        tools.set(image, f"inode[{small['inode']}].i_block[0]", stolen)
        assert "block-shared" in tools.problems(image)
        repair(tools, image)
        after = tools.dump(image, "-j", "-m", "/large").json()["map"]
        assert [b["file_block"] for b in after] == [b["file_block"] for b in blocks]


def test_directory_hole_is_filled(tools: Tools, image: Path) -> None:
    number = inode_of(tools, image, "/many")
    assert number["i_size"] > BLOCK
    tools.set(image, f"inode[{number['inode']}].i_block[0]", 0)
    assert "directory-hole" in tools.problems(image)
    repair(tools, image)


def test_directory_size_cut_short_loses_nothing(tools: Tools, image: Path) -> None:
    before = set(entries(tools, image, "/many"))
    number = inode_of(tools, image, "/many")["inode"]
    tools.set(image, f"inode[{number}].i_size", 0)
    repair(tools, image)
    assert set(entries(tools, image, "/many")) == before


@pytest.mark.parametrize("size", [0, 5, 60, 61, 299, 301, 4096, 1 << 40])
@pytest.mark.parametrize("name", ["fast", "slow"])
def test_symlink_size(tools: Tools, image: Path, name: str, size: int) -> None:
    before = inode_of(tools, image, f"/{name}")
    if size == before["i_size"]:
        return
    tools.set(image, f"inode[{before['inode']}].i_size", size)
    assert "symlink" in tools.problems(image)
    repair(tools, image)
    assert inode_of(tools, image, f"/{name}")["target"] == before["target"]


def test_special_file_has_no_blocks(tools: Tools, image: Path) -> None:
    number = inode_of(tools, image, "/fifo")["inode"]
    tools.set(image, f"inode[{number}].i_block[3]", 1500)
    assert "inode-field" in tools.problems(image)
    repair(tools, image)

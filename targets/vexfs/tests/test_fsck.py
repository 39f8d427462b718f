"""fsck.vexfs: every promise of the format is checked, and what is broken can be repaired."""

from __future__ import annotations

import re
import signal
import subprocess
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from vexfs_image import (
    BLOCK,
    STRIDE,
    Tools,
    poke,
    read_block,
    write_block,
)


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


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("x_magic", 1, "xattrs-checksum"),
        ("x_used", 4097, "xattrs-checksum"),
        ("x_count", 9, "xattrs-checksum"),
        ("x_reserved", "01" * 16, "xattrs-checksum"),
        ("at[32].e_value_len", 5000, "xattrs"),
        ("at[32].e_name_index", 9, "xattrs"),
        ("at[32].e_name_len", 0, "xattrs"),
        ("at[32].e_name", "two", "xattrs"),
    ],
)
def test_xattrs(tools: Tools, image: Path, field: str, value: object, problem: str) -> None:
    number = inode_of(tools, image, "/large")
    if not number["i_xattr_block"]:
        pytest.skip("this host's filesystem has no user attributes to copy")
    if field != "x_magic":
        tools.set(image, f"xattrs[{number['inode']}].{field}", value)
    else:
        poke(image, number["i_xattr_block"] * BLOCK, b"\1")
    assert problem in tools.problems(image)
    repair(tools, image)


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("v_dim", 0, True),
        ("v_dim", 5000, True),
        ("v_meta_size", 7, True),
        ("v_stride", 1, True),
        ("v_metric", 9, True),
        ("v_version", 2, True),
        ("v_index_type", 1, True),
        ("v_index_aux[1]", 1, True),
        ("v_reserved", "01" * 16, True),
    ],
)
def test_collection_descriptor(tools: Tools, image: Path, field: str, value: object, *, kept: bool) -> None:
    number = inode_of(tools, image, "/vectors")["inode"]
    tools.set(image, f"inode[{number}].i_vec.{field}", value)
    assert "vector-descriptor" in tools.problems(image)
    repair(tools, image)
    assert (len(tools.dump(image, "-j", "-c", "/vectors").json()["records"]) == 300) is kept


def test_collection_that_lost_its_flag_gets_it_back(tools: Tools, image: Path) -> None:
    number = inode_of(tools, image, "/vectors")["inode"]
    tools.set(image, f"inode[{number}].i_flags", 0)
    assert "vector-flag" in tools.problems(image)
    repair(tools, image)
    assert inode_of(tools, image, "/vectors")["i_flags"] == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("r_id", 7),
        ("r_flags", 3),
        ("r_flags", 0),
        ("r_norm2", 0),
        ("r_meta_len", 9),
        ("r_reserved1", 1),
        ("r_vector", "0000c07f" * 3),
        ("metadata", "ff" * 8),
    ],
)
@pytest.mark.parametrize("sealed", [False, True])
def test_record(tools: Tools, image: Path, field: str, value: object, *, sealed: bool) -> None:
    number = inode_of(tools, image, "/vectors")["inode"]
    tools.set(image, f"collection[{number}].record[1].{field}", value, sealed=sealed)
    assert tools.problems(image) == ["vector-record"]
    repair(tools, image)
    records = tools.dump(image, "-j", "-c", "/vectors").json()["records"]
    assert [r["flags"] for r in records] == [1, 2] + [1] * 298


def test_collection_of_odd_size_and_with_a_hole(tools: Tools, image: Path) -> None:
    inode = inode_of(tools, image, "/vectors")
    tools.set(image, f"inode[{inode['inode']}].i_size", 300 * STRIDE - 1)
    assert "inode-size" in tools.problems(image)
    repair(tools, image)
    assert inode_of(tools, image, "/vectors")["i_size"] == 299 * STRIDE
    tools.set(image, f"inode[{inode['inode']}].i_block[1]", 0)
    assert "vector-hole" in tools.problems(image)
    repair(tools, image)
    flags = [r["flags"] for r in tools.dump(image, "-j", "-c", "/vectors").json()["records"]]
    assert len(flags) == 299
    assert 60 < flags.count(2) < 90


# Orphans.


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


# Whole structures.


@pytest.mark.parametrize("block", range(6))
@pytest.mark.parametrize("filling", ["zero", "garbage"])
def test_lost_metadata_block(tools: Tools, image: Path, block: int, filling: str) -> None:
    write_block(image, block, bytes(BLOCK) if filling == "zero" else Random(block).randbytes(BLOCK))
    assert tools.fsck(image, "-n").status == 4
    repair(tools, image)


def test_superblock_is_found_in_its_copies(tools: Tools, folder: Path, tmp_path: Path) -> None:
    image = tmp_path / "image"
    tools.mkfs(image, "-q", "-s", "300M", "-L", "precious", "-d", folder)
    original = read_block(image, 0)
    write_block(image, 0, bytes(BLOCK))
    write_block(image, 24, bytes(BLOCK))
    said = repair(tools, image)
    assert "the copy in block 32736" in said
    assert read_block(image, 0)[:132] == original[:132]
    write_block(image, 32736, bytes(BLOCK))
    assert "superblock-copy" in tools.problems(image)
    repair(tools, image)


def test_superblock_is_made_from_the_journals(tools: Tools, image: Path) -> None:
    write_block(image, 0, bytes(BLOCK))
    assert "one made from the journal's" in repair(tools, image)


def test_nothing_to_go_by_is_an_operational_error(tools: Tools, image: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.write_bytes(Random(1).randbytes(8 << 20))
    before = foreign.read_bytes()
    assert tools.fsck(foreign, "-y").status == 8
    assert foreign.read_bytes() == before
    (tmp_path / "empty").touch()
    assert tools.fsck(tmp_path / "empty", "-y").status == 8
    assert tools.fsck(tmp_path / "absent", "-y").status == 8
    assert tools.fsck(tmp_path, "-y").status == 8
    tools.set(image, "super.s_feature_incompat", 1)
    assert "does not know" in tools.fsck(image, "-y").err


def test_truncated_image_is_not_cut_to_fit(tools: Tools, image: Path) -> None:
    with image.open("r+b") as file:
        file.truncate(7 << 20)
    before = image.read_bytes()
    checked = tools.fsck(image, "-y")
    assert checked.status == 8
    assert "only 1792 blocks" in checked.err
    assert image.read_bytes() == before


# How it behaves.


def test_usage_errors(tools: Tools, image: Path) -> None:
    for arguments in ([], ["-x", image], ["-n", "-y", image], [image, image]):
        done = tools.run("fsck.vexfs", *arguments)
        assert done.status == 16
        assert "--help" in done.err
    assert tools.fsck(image).status == 8, "it cannot ask without a terminal"


def test_preen_skips_a_clean_filesystem_and_stops_at_real_damage(tools: Tools, image: Path) -> None:
    tools.set(image, "group[0].bg_free_blocks", 5)
    assert "not checked" in tools.fsck(image, "-p").out
    assert tools.fsck(image, "-p", "-f").status == 1
    assert tools.fsck(image, "-n").status == 0
    tools.set(image, "inode[2].i_parent", 3)
    tools.set(image, "super.s_state", 0)
    before = image.read_bytes()
    assert tools.fsck(image, "-p").status == 4
    assert image.read_bytes() == before


def test_unclean_state_is_no_error_and_is_put_right(tools: Tools, image: Path) -> None:
    tools.set(image, "super.s_state", 0)
    assert tools.fsck(image, "-n").status == 0
    assert tools.fsck(image, "-p").status == 0
    assert tools.value(image, "super.s_state") == 1


@pytest.mark.parametrize(("answers", "status"), [("y\n" * 9, 1), ("n\n" * 9, 4), ("", 32)])
def test_it_asks(shipped: Tools, image: Path, answers: str, status: int) -> None:
    """On a terminal, which script(1) gives it."""
    shipped.set(image, "group[0].bg_free_blocks", 5)
    command = f"{shipped.folder}/fsck.vexfs {image}"
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        input=(answers or "\x04").encode(),
        capture_output=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == status, done.stdout


def test_interruption_is_reported(shipped: Tools, folder: Path, tmp_path: Path) -> None:
    """A signal ends it with status 32 at its next step, here while its output waits for a reader."""
    image = tmp_path / "image"
    assert shipped.mkfs(image, "-q", "-s", "64M", "-N", "16000", "-d", folder).status == 0
    # Thousands of complaints, more than a pipe holds.
    shipped.set(image, "inode_bitmap[0].b_bits", "ff" * 4092)
    with subprocess.Popen(
        [shipped.folder / "fsck.vexfs", "-n", image], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(timeout=30) == 32


def test_json_lines_for_programs(tools: Tools, image: Path) -> None:
    tools.set(image, "group[0].bg_free_blocks", 5)
    *problems, last = tools.fsck(image, "-n", "-j").lines()
    assert [p["problem"] for p in problems] == ["free-blocks"]
    assert problems[0]["repaired"] is False
    assert last["result"] == "has errors"
    assert last["status"] == 4


# Every field, and chance.


def shape(name: str) -> str:
    """The kind of field, whatever the numbers in its name."""
    return re.sub(r"\d+", "N", name)


# Any value of these is as good as another, if the checksum says so.
FREE = re.compile(
    r"super\.s_(state|label|mkfs_time|mount_time|write_time|mount_count|error_count|first_error_time|last_error_time"
    r"|feature_compat)|inode\[\d+\]\.i_(mode|uid|gid|size|[amcb]time(_nsec)?|generation|rdev|block\[\d+\])"
    r"|journal\.(h_sequence|s_(sequence|start|dynsuper|max_trans.*|num_fc_blks|head|padding2?|users))"
    r"|symlink\[\d+\]\.target|xattrs\[\d+\]\.at\[\d+\]\.e_(name|name_index|value|value_len)"
    r"|collection\[\d+\]\.record\[\d+\]\.(r_flags|r_meta_len|r_norm2|r_vector|metadata)|.*csum|.*checksum"
)


def damaged_value(field: dict[str, Any], random: Random) -> str | None:
    value = field["value"]
    if field["encoding"] in ("le", "be"):
        most = (1 << 8 * field["size"]) - 1
        choices = sorted({0, 1, most, (value + 1) & most, random.randrange(most + 1)} - {value})
        return str(random.choice(choices))
    if field["encoding"] == "bytes":
        data = bytearray.fromhex(value)
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)
        return data.hex()
    text = value.rstrip("\0")
    changed = text[:-1] + ("x" if text[-1:] != "x" else "y")
    return changed if changed != value else None


@pytest.mark.parametrize("sealed", [False, True])
def test_every_kind_of_field(shipped: Tools, image: Path, master: Path, *, sealed: bool) -> None:
    """One field of each kind at a time: found unless any value is right, and repaired."""
    random = Random(1)
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for field in shipped.fields(master):
        kinds[shape(field["name"])].append(field)
    missed = []
    for fields in kinds.values():
        field = random.choice(fields)
        value = damaged_value(field, random)
        if value is None:
            continue
        image.write_bytes(master.read_bytes())
        shipped.set(image, field["name"], value, sealed=sealed)
        found = shipped.fsck(image, "-n").status
        repaired = shipped.fsck(image, "-y")
        if found == 8:
            assert field["name"] in ("super.s_rev_level", "super.s_feature_incompat", "super.s_feature_ro_compat")
            continue
        assert repaired.status == (1 if found else 0), (field, value, repaired.out)
        left = shipped.fsck(image, "-n")
        assert left.status == 0, (field, value, repaired.out, left.out)
        checked_otherwise = re.match(r"symlink|collection.*r_flags", field["name"])
        if not found and not (FREE.fullmatch(field["name"]) if sealed else checked_otherwise):
            missed.append((field["name"], field["value"], value))
    assert not missed


def fuzz(tools: Tools, master: Path, image: Path, *, number: int, rounds: int) -> None:
    random = Random(number)
    pristine = master.read_bytes()
    fields = tools.fields(master)
    hot = sorted({field["offset"] // BLOCK for field in fields} | set(range(24)))
    for _ in range(rounds):
        data = bytearray(pristine)
        kind = random.choice(["flip", "flip", "block", "zero", "swap", "copy"])
        first, second = (random.choice(hot) * BLOCK for _ in range(2))
        if kind == "flip":
            for _ in range(random.choice([1, 8, 64])):
                at = random.choice(hot) * BLOCK
                used = [i for i in range(BLOCK) if data[at + i]] or [0]
                data[at + random.choice([random.choice(used), random.randrange(BLOCK)])] ^= 1 << random.randrange(8)
        elif kind == "block":
            data[first : first + BLOCK] = random.randbytes(BLOCK)
        elif kind == "zero":
            data[first : first + BLOCK] = bytes(BLOCK)
        elif kind == "copy":
            data[first : first + BLOCK] = data[second : second + BLOCK]
        else:
            one, two = data[first : first + BLOCK], data[second : second + BLOCK]
            data[first : first + BLOCK], data[second : second + BLOCK] = two, one
        image.write_bytes(data)
        found = tools.fsck(image, "-n").status
        assert image.read_bytes() == data, "-n wrote"
        tools.dump(image, "--fields")
        repaired = tools.fsck(image, "-y")
        left = tools.fsck(image, "-n")
        expected = {0: (0, 0), 4: (1, 0), 8: (8, 8)}[found]
        assert (repaired.status, left.status) == expected, (number, kind, repaired.out[-3000:], left.out)


@pytest.mark.parametrize("number", range(4))
def test_random_damage(tools: Tools, master: Path, image: Path, number: int) -> None:
    """No crash, no loop, no leak; repaired in one go, or refused and left alone."""
    fuzz(tools, master, image, number=number, rounds=12)


def several_fields(tools: Tools, master: Path, image: Path, *, number: int, rounds: int) -> None:
    random = Random(number)
    fields = [field for field in tools.fields(master) if field["encoding"] in ("le", "be")]
    kinds: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for field in fields:
        kinds[shape(field["name"])].append(field)
    pointers = [field for field in fields if "i_block[" in field["name"] or field["name"].endswith("pointer")]
    names = sorted(kinds)
    for _ in range(rounds):
        image.write_bytes(master.read_bytes())
        changes = []
        for _ in range(random.randrange(1, 7)):
            field = random.choice(random.choice([pointers, kinds[random.choice(names)]]))
            most = (1 << 8 * field["size"]) - 1
            other = random.choice(random.choice([pointers, kinds[shape(field["name"])]]))["value"] & most
            value = random.choice([0, 1, most, (field["value"] + 1) & most, random.randrange(most + 1), other, other])
            changes.append((field["name"], value))
            tools.dump(image, "--set", f"{field['name']}={value}", "--seal")
        found = tools.fsck(image, "-n").status
        repaired = tools.fsck(image, "-y")
        left = tools.fsck(image, "-n")
        expected = {0: (0, 0), 4: (1, 0), 8: (8, 8)}[found]
        assert (repaired.status, left.status) == expected, (number, changes, repaired.out[-3000:], left.out)


@pytest.mark.parametrize("number", range(2))
def test_several_fields_at_once_behind_good_checksums(tools: Tools, master: Path, image: Path, number: int) -> None:
    several_fields(tools, master, image, number=number, rounds=10)


@pytest.mark.long
@pytest.mark.parametrize("number", range(100, 110))
def test_many_times_several_fields(shipped: Tools, master: Path, image: Path, number: int) -> None:
    several_fields(shipped, master, image, number=number, rounds=200)


@pytest.mark.long
@pytest.mark.parametrize("number", range(100, 120))
def test_much_random_damage(shipped: Tools, master: Path, image: Path, number: int) -> None:
    fuzz(shipped, master, image, number=number, rounds=150)

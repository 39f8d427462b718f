"""fsck.vexfs: extended attributes and collections of vectors."""

from __future__ import annotations

from pathlib import Path

import pytest
from fsck_repair import inode_of, repair
from vexfs_image import BLOCK, STRIDE, Tools, poke


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
        ("v_index_type", 2, True),
        ("v_index_ino", 0, True),
        ("v_index_lists", 4097, True),
        ("v_index_count", 301, True),
        ("v_index_aux", 1, True),
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

"""fsck.vexfs: approximate indexes, each word of which is checked, and which are made anew from the vectors."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from fsck_repair import entry_field, inode_of, repair
from vexfs_image import BLOCK, INDEX_LENGTHS, INDEX_SLOTS, LISTS, VECTORS, Tools, poke, read_block


def owner_of(tools: Tools, image: Path) -> tuple[int, int]:
    """The inode numbers of the collection and of its index."""
    owner = inode_of(tools, image, "/vectors")
    return owner["inode"], owner["i_vec.v_index_ino"]


def slots_of(tools: Tools, image: Path) -> list[int]:
    """The slots of all lists, in their order."""
    block = read_block(image, inode_of(tools, image, str(owner_of(tools, image)[1]))["i_block[0]"])
    return list(struct.unpack_from(f"<{VECTORS}I", block, 4 * INDEX_SLOTS))


@pytest.mark.parametrize(
    ("word", "value"),
    [
        (20, 0x7FC00000),
        (INDEX_LENGTHS, 0),
        (INDEX_LENGTHS + 3, 0xFFFFFFFF),
        (INDEX_SLOTS, VECTORS),
        (INDEX_SLOTS + 40, 0xFFFFFFFF),
        (INDEX_SLOTS + 7, 0),
        (INDEX_SLOTS + 7, 299),
        (INDEX_SLOTS + VECTORS, 1),
    ],
)
def test_words(tools: Tools, image: Path, word: int, value: int) -> None:
    index = owner_of(tools, image)[1]
    tools.set(image, f"index[{index}].block[0].at[{word}].word", value)
    assert tools.problems(image) == ["vector-index"]
    repair(tools, image)
    assert sorted(slots_of(tools, image)) == list(range(VECTORS))
    assert owner_of(tools, image)[1] == index, "it is the same index"


@pytest.mark.parametrize("field", ["h_magic", "h_version", "h_dim", "h_lists", "h_count", "h_owner"])
def test_header(tools: Tools, image: Path, field: str) -> None:
    index = owner_of(tools, image)[1]
    tools.set(image, f"index[{index}].{field}", 77)
    assert tools.problems(image) == ["vector-index"]
    repair(tools, image)


def test_wrong_checksum(tools: Tools, image: Path) -> None:
    tools.set(image, f"index[{owner_of(tools, image)[1]}].block[0].at[20].word", 1, sealed=False)
    assert tools.problems(image) == ["vector-index"]
    repair(tools, image)


def test_order_of_two(tools: Tools, image: Path) -> None:
    index = owner_of(tools, image)[1]
    for word, value in ((INDEX_SLOTS + 1, 2), (INDEX_SLOTS + 2, 1)):
        tools.set(image, f"index[{index}].block[0].at[{word}].word", value)
    assert tools.problems(image) == ["vector-index"]
    repair(tools, image)


def test_hole(tools: Tools, image: Path) -> None:
    index = owner_of(tools, image)[1]
    tools.set(image, f"inode[{index}].i_block[0]", 0)
    assert "vector-index" in tools.problems(image)
    repair(tools, image)
    assert sorted(slots_of(tools, image)) == list(range(VECTORS))


def test_size(tools: Tools, image: Path) -> None:
    index = owner_of(tools, image)[1]
    tools.set(image, f"inode[{index}].i_size", 5 * BLOCK)
    assert tools.problems(image) == ["vector-index"]
    repair(tools, image)


def test_number_of_lists_of_the_collection_counts(tools: Tools, image: Path) -> None:
    owner, index = owner_of(tools, image)
    tools.set(image, f"inode[{owner}].i_vec.v_index_lists", LISTS + 5)
    assert tools.problems(image) == ["vector-index"]
    repair(tools, image)
    assert tools.value(image, f"index[{index}].h_lists") == LISTS + 5


@pytest.mark.parametrize("number", [2, 11, 100, 319, 99999])
def test_foreign_inode_is_no_index(tools: Tools, image: Path, number: int) -> None:
    owner, index = owner_of(tools, image)
    tools.set(image, f"inode[{owner}].i_vec.v_index_ino", index + 1 if number == index else number)
    assert tools.problems(image) == ["vector-index-inode", "vector-index-lost"]
    repair(tools, image)
    assert inode_of(tools, image, "/vectors")["i_vec.v_index_type"] == 0


def test_index_that_names_another_collection(tools: Tools, image: Path) -> None:
    index = owner_of(tools, image)[1]
    tools.set(image, f"inode[{index}].i_parent", 2)
    assert tools.problems(image) == ["vector-index-inode", "vector-index-lost"]
    repair(tools, image)


def test_index_without_its_flag(tools: Tools, image: Path) -> None:
    index = owner_of(tools, image)[1]
    tools.set(image, f"inode[{index}].i_flags", 0)
    assert {"inode-field", "vector-index-inode", "unreachable"} <= set(tools.problems(image))
    repair(tools, image)


def test_index_of_a_plain_file_that_is_flagged(tools: Tools, image: Path) -> None:
    number = inode_of(tools, image, "/small")["inode"]
    tools.set(image, f"inode[{number}].i_flags", 2)
    assert "entry-dangling" in tools.problems(image)
    repair(tools, image)


def test_name_of_an_index_is_taken_away(tools: Tools, image: Path) -> None:
    tools.set(image, entry_field(tools, image, "/", "empty", "d_ino"), owner_of(tools, image)[1])
    assert "entry-dangling" in tools.problems(image)
    repair(tools, image)
    assert sorted(slots_of(tools, image)) == list(range(VECTORS))


def test_copies_of_the_superblock_know_no_feature(tools: Tools, tmp_path: Path) -> None:
    image = tmp_path / "image"
    assert tools.mkfs(image, "-q", "-s", "200M").status == 0
    tools.set(image, "super.s_feature_ro_compat", 1)
    assert tools.problems(image) == []
    tools.set(image, "super.s_blocks_count", 5)
    repair(tools, image)


def test_feature_is_told(tools: Tools, image: Path) -> None:
    tools.set(image, "super.s_feature_ro_compat", 0)
    assert tools.problems(image) == ["superblock-features"]
    repair(tools, image)
    assert tools.value(image, "super.s_feature_ro_compat") == 1


def test_rebuilt_lists_are_near_their_centroids(tools: Tools, image: Path) -> None:
    """The vectors lie on a line: each list of an index made anew is a piece of it."""
    poke(image, inode_of(tools, image, str(owner_of(tools, image)[1]))["i_block[0]"] * BLOCK, bytes(BLOCK))
    repair(tools, image)
    block = read_block(image, inode_of(tools, image, str(owner_of(tools, image)[1]))["i_block[0]"])
    lengths = struct.unpack_from(f"<{LISTS}I", block, 4 * INDEX_LENGTHS)
    slots, pieces = slots_of(tools, image), 0
    for length in lengths:
        piece, slots = slots[:length], slots[length:]
        pieces += bool(piece)
        assert piece == list(range(piece[0], piece[0] + length)) if piece else True
    assert pieces >= LISTS // 2


def test_orphan_collection_takes_its_index_along(tools: Tools, image: Path) -> None:
    """As a crash leaves a collection that was deleted: fsck deletes its index with it."""
    owner, index = owner_of(tools, image)
    entry = entry_field(tools, image, "/", "vectors", "d_ino")
    tools.set(image, entry, 0)
    tools.set(image, entry.replace("d_ino", "d_hash"), 0)
    tools.set(image, f"inode[{owner}].i_links", 0)
    tools.set(image, "inode[1].i_orphan_next", owner)
    repaired = tools.fsck(image, "-y")
    assert repaired.status == 0, repaired.out
    assert "Orphans: 1 deleted" in repaired.out
    assert "vector-index" not in repaired.out
    assert tools.fsck(image, "-n").status == 0
    assert not any(field["name"].startswith(f"inode[{index}]") for field in tools.fields(image))

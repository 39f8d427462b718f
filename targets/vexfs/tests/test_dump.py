"""dumpvexfs: the list of fields covers the structures byte by byte, and its views are true."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from random import Random

import pytest
from vexfs_image import BLOCK, STRIDE, Tools, crc32c, read_block, write_block

SIZES = {
    "super": 512,
    "group[0]": 64,
    "block_bitmap[0]": BLOCK,
    "inode_bitmap[0]": BLOCK,
    "journal": 1024,
    "inode[2]": 256,
    "inode[12]": 256,
}


def test_fields_leave_no_byte_out(tools: Tools, master: Path) -> None:
    covered: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for field in tools.fields(master):
        owner = field["name"].split(".", 1)[0]
        covered[owner].append((field["offset"], field["size"]))
    for owner, size in SIZES.items():
        spans = sorted(covered[owner]) if owner != "inode[12]" else sorted(covered[owner])[:57]
        at = spans[0][0]
        for offset, length in spans:
            if offset - spans[0][0] >= size:
                break
            assert offset == at, owner
            at += length
        assert at - spans[0][0] == size, owner


def test_fields_have_unique_names_and_true_values(tools: Tools, master: Path) -> None:
    data = master.read_bytes()
    fields = tools.fields(master)
    assert len({field["name"] for field in fields}) == len(fields)
    for field in fields:
        raw = data[field["offset"] : field["offset"] + field["size"]]
        if field["encoding"] in ("le", "be"):
            order = "little" if field["encoding"] == "le" else "big"
            assert int.from_bytes(raw, order) == field["value"]
        elif field["encoding"] == "bytes":
            assert raw.hex() == field["value"]
        else:
            assert raw == os.fsencode(field["value"])


def test_every_kind_of_structure_is_listed(tools: Tools, master: Path) -> None:
    kinds = {field["name"].split("[")[0].split(".")[0] for field in tools.fields(master)}
    assert kinds >= {
        "super",
        "group",
        "block_bitmap",
        "inode_bitmap",
        "journal",
        "inode",
        "directory",
        "symlink",
        "collection",
        "index",
    }


@pytest.mark.parametrize("view", ["-s", "-g", "-J", "-i/", "-d/", "-m/large", "-x/large", "-c/vectors", "-i2"])
def test_views_speak_text_and_json(tools: Tools, master: Path, view: str) -> None:
    assert tools.dump(master, view).out
    assert isinstance(tools.dump(master, view, "-j").json(), dict)


def test_collection_view(tools: Tools, master: Path) -> None:
    shown = tools.dump(master, "-j", "-c", "/vectors").json()
    assert shown["dim"] == 3
    assert shown["stride"] == STRIDE
    assert [r["id"] for r in shown["records"]] == list(range(1, 301))
    assert shown["records"][7] == {
        "id": 8,
        "flags": 1,
        "bad": None,
        "vector": [7, -1.5, 0.25],
        "metadata": b"tag".hex(),
    }


def test_wrong_requests(tools: Tools, master: Path) -> None:
    for arguments, status in (
        (["-i", "99999"], 1),
        (["-i", "/absent"], 1),
        (["-i", "x"], 1),
        (["-d", "/large"], 1),
        (["-c", "/large"], 1),
        (["-s", "-g"], 2),
        (["-k"], 2),
        (["-z"], 2),
    ):
        done = tools.dump(master, *arguments)
        assert done.status == status, arguments
        assert done.err


def test_wrong_changes_are_refused(tools: Tools, image: Path) -> None:
    before = image.read_bytes()
    for assignment in (
        "super.s_magic",
        "super.nothing=1",
        "inode[2].i_mode=70000",
        "super.s_uuid=12",
        "super.s_magic=-1",
        f"super.s_label={'x' * 33}",
    ):
        assert tools.dump(image, "--set", assignment).status == 1
    assert image.read_bytes() == before


def test_sealing_makes_the_checksum_right(tools: Tools, image: Path) -> None:
    tools.set(image, "inode[2].i_uid", 1000, sealed=False)
    assert tools.problems(image) == ["inode-checksum"]
    tools.set(image, "inode[2].i_uid", 1001, sealed=True)
    assert tools.problems(image) == []


@pytest.mark.parametrize("number", range(6))
def test_damaged_images_are_shown_without_harm(tools: Tools, image: Path, number: int) -> None:
    random = Random(number)
    places = sorted({field["offset"] for field in tools.fields(image)})
    data = bytearray(image.read_bytes())
    for _ in range(200):
        data[random.choice(places)] = random.randrange(256)
    data[0:512] = read_block(image, 0)[:512]
    image.write_bytes(data)
    for view in ("-F", "-s", "-g", "-J", "-i/", "-d/", "-m/large", "-x/large", "-c/vectors", "-m/many"):
        tools.dump(image, view)
        tools.dump(image, view, "-j")


def test_block_map_that_points_at_itself_ends(tools: Tools, image: Path) -> None:
    inode = tools.dump(image, "-j", "-i", "/large").json()
    block = inode["i_block[12]"]
    write_block(image, block, block.to_bytes(4, "little") * 1024)
    tools.set(image, f"inode[{inode['inode']}].i_block[14]", block)
    assert tools.dump(image, "-m", "/large").status == 1
    assert tools.dump(image, "-F").status == 1
    assert tools.fsck(image, "-y").status == 1
    assert tools.fsck(image, "-n").status == 0


def test_sums_of_fields_are_what_stands_in_the_image(tools: Tools, master: Path) -> None:
    data = master.read_bytes()
    covered = [field for field in tools.fields(master) if "sum" in field]
    kinds = {field["name"].split("[")[0].split(".")[0] for field in covered}
    assert kinds >= {"super", "group", "block_bitmap", "inode_bitmap", "journal", "inode", "collection", "index"}
    for described in {json.dumps(field["sum"]) for field in covered}:
        total = json.loads(described)
        offset, crc = total["offset"], total["init"]
        for start, length in total["ranges"]:
            part = bytearray(data[start : start + length])
            if start <= offset < start + length:
                part[offset - start : offset - start + 4] = bytes(4)
            crc = crc32c(bytes(part), crc)
        order = "big" if total["encoding"] == "be" else "little"
        assert crc == int.from_bytes(data[offset : offset + 4], order), described

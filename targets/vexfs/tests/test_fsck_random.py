"""fsck.vexfs: damage of every kind of field and at random is repaired, and nothing else is lost by it."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from vexfs_image import BLOCK, Tools


def shape(name: str) -> str:
    """The kind of field, whatever the numbers in its name."""
    return re.sub(r"\d+", "N", name)


# Any value of these is as good as another, if the checksum says so.
FREE = re.compile(
    r"super\.s_(state|label|mkfs_time|mount_time|write_time|mount_count|error_count|first_error_time|last_error_time"
    r"|feature_compat)|inode\[\d+\]\.i_(mode|uid|gid|size|[amcb]time(_nsec)?|generation|rdev|block\[\d+\])"
    r"|journal\.(h_sequence|s_(sequence|start|dynsuper|max_trans.*|num_fc_blks|head|padding2?|users))"
    r"|symlink\[\d+\]\.target|xattrs\[\d+\]\.at\[\d+\]\.e_(name|name_index|value|value_len)"
    r"|collection\[\d+\]\.record\[\d+\]\.(r_flags|r_meta_len|r_norm2|r_vector|metadata)|index\[\d+\]\.block\[\d+\]\.at\[\d+\]\.word|.*csum|.*checksum"
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

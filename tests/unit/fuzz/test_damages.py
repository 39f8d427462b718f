"""Damages drawn for fuzzing, and their reproducers byte by byte."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vexlab.errors import UsageError
from vexlab.fuzz.damage import blocks_of, draw_plan, parse_reproducer, render_reproducer, reproducer_of
from vexlab.guest.damage import BLOCK, Damage, blind_damages
from vexlab.guest.fields import Field, Means, Sum

BASE = random.Random(1).randbytes(3 * BLOCK) + bytes(BLOCK)
SUM = Sum(kind="crc32c", offset=60, encoding="le", init=7, ranges=((0, 60), (64, 8)))


def _fields() -> list[Field]:
    return [
        Field(name=f"inode[{number}].i_{name}", offset=64 * number + 8 * at, size=4, encoding="le", value=number + 1,
              means=means, limit=100, unit=BLOCK, sum=SUM)
        for number in range(9) for at, (name, means) in enumerate(
            {"block": Means.BLOCK, "links": Means.OTHER, "size": Means.LENGTH, "parent": Means.INODE}.items())
    ]  # fmt: skip


def _applied(plan: str) -> bytes:
    """What fsdamage makes of the image, but for checksums."""
    image = bytearray(BASE)
    for line in plan.splitlines():
        kind, *words = line.split()
        if kind == "W":
            image[int(words[0]) : int(words[0]) + len(words[1]) // 2] = bytes.fromhex(words[1])
        elif kind == "X":
            for at, byte in enumerate(bytes.fromhex(words[1])):
                image[int(words[0]) + at] ^= byte
        elif kind == "C":
            image[int(words[0]) : int(words[0]) + int(words[2])] = BASE[int(words[1]) : int(words[1]) + int(words[2])]
    return bytes(image)


@given(st.integers(0, 1000))
def test_a_reproducer_changes_what_its_damage_changes(seed: int) -> None:
    (damage,) = blind_damages((0, 1, 2), seed=seed, count=1)
    plain = "\n".join(damage.parts)
    text = render_reproducer(reproducer_of(damage, BASE), BASE)
    assert _applied(text) == _applied(plain)
    assert sum(line.startswith("W ") for line in text.splitlines()) <= 16


def test_the_rest_of_the_plan_is_kept() -> None:
    damage = Damage(name="x", parts=("W 8 ffee", "N 8192"), sums=(SUM,), use=True, length=True)
    found = parse_reproducer(render_reproducer(reproducer_of(damage, BASE), BASE), BASE)
    assert (found.sums, found.use, found.length, found.hidden) == ((SUM,), True, True, 8192)
    assert [(each.offset, each.value) for each in found.changes] == [(8, 0xFF), (9, 0xEE)]


def test_fewer_bytes_are_a_smaller_reproducer() -> None:
    found = reproducer_of(Damage(name="x", parts=(f"W 8 {'ff' * 4}", "W 4096 00")), BASE)
    smaller = found.with_changes(["9:ff"])
    assert [str(each) for each in smaller.changes] == ["9:ff"]
    assert _applied(render_reproducer(smaller, BASE)) == BASE[:9] + b"\xff" + BASE[10:]


def test_what_is_no_plan_is_refused() -> None:
    with pytest.raises(UsageError, match="no plan"):
        parse_reproducer("D 0 x\nQ 1 2\nG\n", BASE)
    with pytest.raises(UsageError, match="no checksum"):
        parse_reproducer("D 0 x\nS 1 le\nG\n", BASE)


def test_a_plan_has_single_fields_several_at_once_and_random_bytes() -> None:
    plan = draw_plan(_fields(), (0, 1, 2), seed=3, count=200, round_number=0, blind=False)
    assert len(plan) == 200
    several = [each for each in plan if "+" in each.name]
    assert len(several) > 50
    assert all(len(each.parts) >= 2 and len(each.parts) <= 16 for each in several)
    assert any(each.name[0].isdigit() for each in plan)
    assert draw_plan(_fields(), (0, 1, 2), seed=3, count=200, round_number=0, blind=False) == plan
    assert draw_plan(_fields(), (0, 1, 2), seed=4, count=200, round_number=1, blind=False) != plan


def test_a_blind_plan_knows_no_fields() -> None:
    plan = draw_plan(_fields(), (0, 1), seed=3, count=50, round_number=0, blind=True)
    assert all(not each.sums for each in plan)
    assert len(plan) == 50


def test_blocks_with_anything_in_them() -> None:
    assert blocks_of(BASE) == (0, 1, 2)

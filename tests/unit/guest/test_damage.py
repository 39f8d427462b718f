"""Plans of damage are made of a format's description, and what came of them is judged."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from vexlab.errors import MachineError
from vexlab.guest.damage import (
    Damage,
    DamageResult,
    blind_damages,
    chosen,
    complaints,
    culprit,
    field_damages,
    parse_damage_results,
    render_plan,
    sum_damages,
    told,
)
from vexlab.guest.fields import Field, Means, Sum, parse_fields, series, wrong_values

SUM = Sum(kind="crc32c", offset=300, encoding="le", init=7, ranges=((200, 100),))


def _field(name: str, value: int | str = 5, **more: object) -> Field:
    return Field(**{"name": name, "offset": 200, "size": 4, "encoding": "le", "value": value, **more})  # type: ignore[arg-type]


def test_fields_are_read_and_nonsense_is_an_error() -> None:
    line = json.dumps({"name": "a[1].b", "offset": 4, "size": 2, "encoding": "be", "value": 3, "means": "block"})
    (field,) = parse_fields(line)
    assert (field.sort, field.means) == ("a[].b", Means.BLOCK)
    for text in ("", "usage: dump", '{"name": "x"}'):
        with pytest.raises(MachineError):
            parse_fields(text)


def test_wrong_values_are_wrong_and_none_comes_twice() -> None:
    field = _field("inode[7].i_orphan_next", 7, means=Means.INODE, limit=100)
    data = [wrong.data for wrong in wrong_values(field, [field])]
    assert len(set(data)) == len(data)
    assert (7).to_bytes(4, "little") not in data
    kinds = {wrong.kind: wrong.shown for wrong in wrong_values(field, [field])}
    assert {"outside": "100", "max": str(2**32 - 1), "zero": "0"}.items() <= kinds.items()


def test_a_block_in_use_may_not_lie_outside_or_in_metadata() -> None:
    super_block = _field("group[0].bitmap", 2, offset=4096, fixed=True)
    used = _field("inode[7].block", 40, means=Means.BLOCK, limit=64, unit=4096, fixed=True)
    impossible = {wrong.shown for wrong in wrong_values(used, [super_block, used]) if wrong.impossible}
    assert {"64", "1"} <= impossible
    unused = _field("inode[7].block", 0, means=Means.BLOCK, limit=64, unit=4096, fixed=True)
    assert not any(wrong.impossible for wrong in wrong_values(unused, [super_block, unused]))


def test_what_a_reader_cannot_know_is_impossible() -> None:
    features = _field("super.s_feature_incompat", 0, means=Means.FEATURES)
    assert {each.shown: each.impossible for each in wrong_values(features, [features])} == {
        str(1 << 31): True,
        str(2**32 - 1): True,
    }
    version = _field("super.s_rev_level", 1, means=Means.KNOWN)
    wrong = list(wrong_values(version, [version]))
    assert {"0", "2"} < {each.shown for each in wrong}
    assert all(each.impossible for each in wrong)


def test_each_checksum_is_damaged_alone_and_few_of_a_sort() -> None:
    covered = [replace(SUM, offset=300 + 100 * n) for n in range(5)]
    fields = [_field(f"inode[{n}].{name}", sum=covered[n]) for n in range(4) for name in ("i_mode", "i_vec.v_dim")]
    fields += [_field("super.s_magic", sum=covered[4]), _field("super.s_label")]
    plan = sum_damages(fields, most=2)
    assert [each.parts for each in plan] == [("X 300 01",), ("X 400 01",), ("X 700 01",)]
    twofold = [replace(field, of="file" if field.name.endswith("i_mode") else "file, more") for field in fields]
    assert len(sum_damages(twofold, most=2)) == len(plan)
    assert all(each.impossible and not each.sums for each in plan)


def test_numbers_keep_their_order_of_bytes() -> None:
    (big,) = [w for w in wrong_values(_field("j.x", 5, encoding="be"), []) if w.kind == "plus"]
    assert big.data == b"\0\0\0\6"


def test_of_parts_that_are_alike_the_ends_and_the_middle_are_kept() -> None:
    entries = [_field(f"directory[2].block[0].at[{n}].d_ino", n) for n in range(50)]
    assert [field.value for field in series(entries, most=4)] == [0, 1, 25, 49]
    inodes = [_field(f"inode[{n}].i_mode", n, of="file" if n < 49 else "fifo") for n in range(50)]
    assert [field.value for field in series(inodes, most=3)] == [0, 24, 48, 49]


def test_the_first_of_every_sort_comes_before_the_second_of_any() -> None:
    fields = [_field(f"inode[{n}].{name}", n) for n in range(1, 5) for name in ("i_mode", "i_links", "i_flags")]
    plan = field_damages(fields)
    kinds = len({wrong.kind for wrong in wrong_values(fields[0], fields)})
    first = {damage.name.partition("=")[0].partition(".")[2] for damage in plan[: 3 * (kinds - 1)]}
    assert first == {"i_mode", "i_links", "i_flags"}
    assert len({damage.name for damage in plan}) == len(plan)
    assert field_damages(fields) == plan


def test_a_plan_is_what_fsdamage_reads() -> None:
    (damage, *_) = field_damages([_field("inode[7].i_links", 1, sum=SUM)])
    lines = render_plan([damage]).splitlines()
    assert lines[0] == f"D 0 {damage.name}"
    assert lines[1].startswith("W 200 ")
    assert lines[2] == "S 300 le 7 200 100"
    assert lines[-1] == "G"
    unsealed = next(each for each in field_damages([_field("inode[7].i_links", 1, sum=SUM)]) if not each.sums)
    assert unsealed.parts == ("X 200 01000000",)


def test_a_wrong_length_is_told_apart_from_a_wrong_name() -> None:
    lengths = field_damages([_field("directory[2].block[0].at[0].d_name_len", 5, means=Means.LENGTH)])
    assert all("L" in render_plan([damage]).splitlines() for damage in lengths)
    others = field_damages([_field("inode[2].i_links", 5)])
    assert not any("L" in render_plan([damage]).splitlines() for damage in others)


def test_a_checksum_that_is_damaged_is_not_made_right() -> None:
    assert all(not damage.sums for damage in field_damages([_field("x.sum", 1, offset=300, sum=SUM)]))


def test_blind_damage_follows_its_seed_and_stays_in_the_blocks() -> None:
    blocks = [3, 9, 12]
    plan = blind_damages(blocks, seed=4, count=200)
    assert plan == blind_damages(blocks, seed=4, count=200)
    assert plan != blind_damages(blocks, seed=5, count=200)
    for damage in plan:
        assert int(damage.parts[0].split()[1]) // 4096 in blocks


def test_one_damage_can_be_chosen_by_name() -> None:
    plan = blind_damages([1], seed=random.Random(1).randrange(99), count=5)
    assert chosen(plan, plan[3].name) == (plan[3],)
    assert chosen(plan, "") == plan


def _result(number: int, **more: object) -> DamageResult:
    line = {"number": number, "name": f"d{number}", "mount": "", "noticed": False, "wrong": "", "entries": 9}
    (results, noise) = parse_damage_results(json.dumps({**line, "errors": {}, "ms": 1.5, **more}) + "\nnonsense")
    assert noise == ("nonsense",)
    return results[0]


def test_what_is_complained_about() -> None:
    plan = [Damage(name="d0", parts=()), Damage(name="d1", parts=(), impossible=True)]
    assert complaints(plan, [_result(0), _result(1, noticed=True), _result(-1)]) == ()
    assert complaints(plan, [_result(0, wrong="killed")]) == ("d0: killed",)
    assert "impossible" in complaints(plan, [_result(1)])[0]


def test_the_sound_image_is_told_first_and_counted_apart() -> None:
    plan = [Damage(name="d0", parts=()), Damage(name="d1", parts=(), impossible=True)]
    refused = _result(-1, mount="EUCLEAN", noticed=True)
    results = [_result(-1), _result(0), refused, _result(1, noticed=True), _result(-1)]
    assert told(plan, results) == (
        "the sound image failed 1 of 3 times it was mounted: after d0: refused with EUCLEAN"
    ), "no damaged image did harm, so none is told of"
    both = told(plan, [refused, _result(0, wrong="killed"), _result(1)])
    assert both.splitlines() == [
        "the sound image failed 1 of 1 times it was mounted: before any damage: refused with EUCLEAN",
        "2 of 2 damaged images did harm: d0: killed",
        "d1: taken for sound, no error was told, though the value is impossible",
    ]
    assert told(plan, [_result(0), _result(1, noticed=True), _result(-1)]) == ""


def test_the_culprit_is_the_damage_before_the_first_complaint() -> None:
    console = "[1.0] vexlab: damage 0 a=1\n[2.0] vexlab: damage 1 b=2\n[2.1] BUG: x\n[2.2] vexlab: damage 2 c=3\n"
    assert culprit(console, "BUG: x") == "b=2"
    assert culprit(console) == "c=3"
    assert culprit("") == ""

"""The descriptions for syzkaller: as the header has it, and by the grammar."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.fuzz.conftest import VEXFS

from vexlab.errors import UsageError
from vexlab.fuzz import syzgrammar, syzlang
from vexlab.fuzz.layout import Interface
from vexlab.model.target import Target

SHIPPED = VEXFS / "syzkaller" / "vexfs.txt"
HEADER = "module/include/uapi/vexfs.h"


def test_the_shipped_descriptions_are_those_of_the_header(interface: Interface, target: Target) -> None:
    text = syzlang.describe(interface, target, HEADER)
    assert SHIPPED.read_text() == text, "`vexlab fuzz syzkaller --describe` writes them anew"
    assert Path(f"{SHIPPED}.const").read_text() == syzlang.constants(text, interface)


def test_structures_are_laid_out_as_the_compiler_does(interface: Interface) -> None:
    found = syzgrammar.parse(SHIPPED.read_text())
    described = set(found.structures)
    assert {call.structure for call in interface.calls} <= described
    for name in described:
        *fields, (_, size, _) = syzgrammar.layout(found.structures[name], found)
        structure = interface.structures[name]
        assert fields == [(each.name, each.offset, each.size) for each in structure.members], name
        assert size == structure.size, name


def test_numbers_are_those_of_the_header(interface: Interface) -> None:
    known = syzgrammar.parse_constants(Path(f"{SHIPPED}.const").read_text())
    for call in interface.calls:
        assert known[call.name] == call.number
    assert all(known[name] == value for name, value in interface.constants.items() if name in known)


def test_nothing_is_left_undefined() -> None:
    known = syzgrammar.parse_constants(Path(f"{SHIPPED}.const").read_text())
    assert not syzgrammar.mistakes(syzgrammar.parse(SHIPPED.read_text()), known)


def test_every_call_is_described(interface: Interface, target: Target) -> None:
    calls = {call.name: call for call in syzgrammar.parse(SHIPPED.read_text()).calls}
    assert {f"ioctl${call.name}" for call in interface.calls} <= set(calls)
    assert calls["openat$vexfs"].returns == "fd_vexfs"
    assert "syz_mount_image$vexfs" in calls
    ids = [each for fields in syzgrammar.parse(SHIPPED.read_text()).structures.values() for each in fields
           if each.type.name == "vexfs_id"]  # fmt: skip
    assert any("out" in each.attributes for each in ids), "an id that one call gives"
    assert any(not each.attributes for each in ids), "is used in the next"
    assert target.statistics
    assert "open$vexfs_statistics" in calls, "syzkaller tries the files of openat before anything is mounted"
    assert "openat$vexfs_kept" in calls
    marks = {each.name for each in calls["syz_mount_image$vexfs"].attributes}
    assert marks >= {"no_generate", "no_minimize"}, "its compiler takes no other call with an image"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ioctl$X(fd fd, cmd const[1]", "line 1 .* at `the end of the line`"),
        ("x {\n\ta\tint32\n", "line 1 .* never closed"),
        ("x {\n\ta\tptr[in, int32 int8]\n}\n", "line 2"),
        ("resource [fd]\n", "line 1"),
        ("\nx = 1 2\n", "line 2"),
        ("ioctl$X(fd fd) one two\n", "line 1 .*two"),
        ("ioctl$X(fd 'fd')\n", "line 1"),
        ("f(a fd) (timeout[9) no\n", "line 1"),
    ],
)
def test_what_is_no_description_is_told_by_its_line(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        syzgrammar.parse(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("f(a nosuch)\n", "nothing defines the type nosuch"),
        ("f(a flags[nosuch, int32])\n", "nothing defines the set nosuch"),
        ("f(a const[NO_SUCH, int32])\n", "NO_SUCH has no value"),
        ("f(a ptr[in, array[nosuch]])\n", "nothing defines the type nosuch"),
        ("s = NO_SUCH, 1\n", "NO_SUCH has no value"),
        ("f(a int32) nosuch\n", "returns nosuch"),
        ("f(a ptr[in, compressed_image]) (timeout[9], no_generate)\n", "must be marked no_minimize"),
    ],
)
def test_what_nothing_defines_is_told(text: str, said: str) -> None:
    (sentence,) = syzgrammar.mistakes(syzgrammar.parse(text), {})
    assert said in sentence


def test_padding_is_reckoned_as_in_c() -> None:
    found = syzgrammar.parse("in {\n\ta\tint8\n\tb\tint64\n}\nout {\n\ta\tint16\n\tb\tin\n\tc\tarray[int8, 3]\n}\n")
    assert syzgrammar.layout(found.structures["out"], found) == [
        ("a", 0, 2), ("b", 8, 16), ("c", 24, 3), ("", 32, 8),
    ]  # fmt: skip

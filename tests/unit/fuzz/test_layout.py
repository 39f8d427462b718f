"""A header's layout: from the compiler, and from the words beside the members."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.errors import InfraError, UsageError
from vexlab.fuzz.header import read_header
from vexlab.fuzz.layout import (
    Call,
    Interface,
    Role,
    Structure,
    check_sizes,
    named_in,
    parse_pahole,
    render_table,
    with_comments,
)

PAHOLE = """\
struct x_get {
	__u32                      version;              /*     0     4 */
	__u32                      dim;                  /*     4     4 */
	__u64                      vector;               /*     8     8 */
	struct x_point             at[2];                /*    16    16 */
	__u8                       pad[8];               /*    32     8 */
	/* --- cacheline 1 boundary (64 bytes) was 8 bytes ago --- */
	__u64                      plain;                /*    40     8 */
	unsigned int               flags;                /*    48     4 */

	/* size: 56, cachelines: 1, members: 7 */
	/* padding: 4 */
	/* last cacheline: 56 bytes */
};
"""
HEADER = """\
#define X_API_VERSION 3
#define X_MAX 4096
#define X_FLAG_A 0x1
#define X_FLAG_B (1 << 4)
#define X_WORD "text"
struct x_get {
	__u32	version;
	__u32	dim;		/* 1..X_MAX */
	__u64	vector;		/* float[dim]; 0: not wanted */
	struct x_point	at[2];
	__u8	pad[8];
	__u64	plain;
	unsigned int flags;	/* X_FLAG_* */
};
/* #define X_OLD _IO(1, 1) */
#define X_GET	_IOWR('x', 1, struct x_get)
#define X_SYNC	_IO('x', 2)
"""
CONSTANTS = {"X_API_VERSION": 3, "X_MAX": 4096, "X_FLAG_A": 1, "X_FLAG_B": 16}


def _read() -> Structure:
    return with_comments(parse_pahole(PAHOLE), HEADER, CONSTANTS)["x_get"]


def test_layout_comes_from_the_compiler() -> None:
    structure = _read()
    assert structure.size == 56
    assert [(each.name, each.offset, each.size, each.count) for each in structure.members] == [
        ("version", 0, 4, 0), ("dim", 4, 4, 0), ("vector", 8, 8, 0), ("at", 16, 16, 2), ("pad", 32, 8, 8),
        ("plain", 40, 8, 0), ("flags", 48, 4, 0),
    ]  # fmt: skip


def test_meaning_comes_from_the_words() -> None:
    found = {each.name: each for each in _read().members}
    assert (found["version"].role, found["version"].value) == (Role.VERSION, 3)
    assert found["dim"].range == (1, 4096)
    assert found["vector"].role is Role.POINTER
    assert found["vector"].points is not None
    assert found["vector"].points.counts == ("dim",)
    assert found["pad"].role is Role.ZERO
    assert found["plain"].role is Role.ANY
    assert (found["flags"].role, found["flags"].value) == (Role.FLAGS, 17)


def test_what_a_header_names() -> None:
    named = named_in(HEADER)
    assert named.ioctls == (("X_GET", "WR", "struct x_get"), ("X_SYNC", "", ""))
    assert named.constants == ("X_API_VERSION", "X_MAX", "X_FLAG_A", "X_FLAG_B")
    assert named.structures == ("x_get",)


def test_a_header_without_ioctls_is_refused() -> None:
    with pytest.raises(UsageError, match="defines no ioctl"):
        named_in("#define X 1\n")


def test_a_layout_that_does_not_add_up_is_refused() -> None:
    with pytest.raises(InfraError, match="struct x_get"):
        parse_pahole(PAHOLE.replace("size: 56", "size: 40"))


def test_the_number_says_the_size() -> None:
    call = Call(name="X_GET", number=3 << 30 | 56 << 16 | 0x7801, way="WR", structure="x_get", size=56)
    assert not check_sizes(Interface(calls=(call,)))
    wrong = Call(name="X_GET", number=3 << 30 | 48 << 16 | 0x7801, way="WR", structure="x_get", size=56)
    assert check_sizes(Interface(calls=(wrong,))) == ["X_GET: its number says 48 bytes, its structure has 56"]


def test_the_table() -> None:
    call = Call(name="X_GET", number=7, way="WR", structure="x_get", size=56)
    table = render_table(Interface(calls=(call,), structures={"x_get": _read()}, constants=CONSTANTS)).splitlines()
    assert "C X_GET 7 56" in table
    assert "M 0 4 version const 3" in table
    assert "M 4 4 dim number 1 4096" in table
    assert "M 8 8 vector pointer 4 f 4 -1" in table
    assert "M 48 4 flags flags 17" in table


def test_vexfs_is_read_whole(interface: Interface) -> None:
    assert [call.name.removeprefix("VEXFS_IOC_") for call in interface.calls] == [
        "FS_INFO", "VEC_CREATE", "VEC_INFO", "VEC_ADD", "VEC_GET", "VEC_DELETE", "VEC_SEARCH", "VEC_LIST", "VEC_INDEX",
    ]  # fmt: skip
    assert all(call.structure for call in interface.calls)
    add = interface.structures["vexfs_vec_add"]
    pointing = {each.name: each.points.counts for each in add.members if each.points}
    create = {each.name: each for each in interface.structures["vexfs_vec_create"].members}
    assert create["metric"].range == (0, 3), "an enumeration, without the name that only counts"
    assert create["flags"].role is Role.ZERO
    assert pointing == {"vectors": ("count", "dim"), "meta": ("count", "meta_stride"), "meta_lens": ("count",)}


def test_a_header_that_does_not_compile_is_explained(tmp_path: Path, interface: Interface) -> None:
    assert interface  # the programs are there
    header = tmp_path / "x.h"
    header.write_text("#define X_GET _IOR('x', 1, struct missing)\n")
    with pytest.raises(UsageError, match="does not compile"):
        read_header(header)

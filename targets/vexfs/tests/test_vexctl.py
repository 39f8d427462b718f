"""vexctl without a VexFS: what it refuses before it asks the kernel. The rest needs a machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from vexfs_image import Tools

WRONG = [
    [],
    ["nonsense"],
    ["status"],
    ["create", "FILE"],
    ["create", "FILE", "--dim", "0"],
    ["create", "FILE", "--dim", "4097"],
    ["create", "FILE", "--dim", "3", "--metric", "nearest"],
    ["create", "FILE", "--dim", "3", "--meta-size", "257"],
    ["add", "FILE"],
    ["add", "FILE", "1", "two"],
    ["add", "FILE", "1", "inf"],
    ["add", "FILE", "nan"],
    ["add", "FILE", "1e39"],
    ["add", "FILE", " ".join(["1"] * 4097)],
    ["add-many", "FILE"],
    ["add-many", "FILE", "one", "two"],
    ["search", "FILE", "-k", "0", "1"],
    ["search", "FILE", "-k", "16385", "1"],
    ["search", "FILE"],
    ["search", "FILE", "--row", "x", "1"],
    ["search", "FILE", "--probes", "0", "1"],
    ["search", "FILE", "--probes", "4097", "1"],
    ["index", "FILE", "3"],
    ["index", "FILE", "--lists", "0"],
    ["index", "FILE", "--lists", "4097"],
    ["index", "FILE", "--lists", "3", "--drop"],
    ["measure", "FILE"],
    ["measure", "FILE", "4"],
    ["measure", "FILE", "--from", "queries"],
    ["measure", "FILE", "--from", "queries", "0", "few"],
    ["measure", "FILE", "--from", "queries", "4097"],
    ["get", "FILE"],
    ["delete", "FILE"],
    ["--nonsense"],
]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_usage_is_told(tools: Tools, tmp_path: Path, arguments: list[str]) -> None:
    path = tmp_path / "file"
    done = tools.run("vexctl", *[str(path) if a == "FILE" else a for a in arguments])
    assert done.status == 2
    assert "--help" in done.err
    assert not path.exists()


COMMANDS = [
    ["status", "FILE"],
    ["create", "FILE", "--dim", "3"],
    ["add", "FILE", "-1", "-.5", "2e3"],
    ["get", "FILE", "1"],
    ["delete", "FILE", "1"],
    ["search", "FILE", "[1,", "2]"],
    ["stats", "FILE"],
    ["dump", "FILE"],
    ["index", "FILE"],
    ["index", "FILE", "--drop"],
    ["measure", "FILE", "--from", "queries", "0", "1"],
]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_other_filesystems_are_recognised(tools: Tools, tmp_path: Path, arguments: list[str]) -> None:
    """The numbers are understood, negative ones too, and the answer is about the filesystem."""
    path = tmp_path / "file"
    path.touch()
    done = tools.run("vexctl", *[str(path) if a == "FILE" else a for a in arguments])
    assert done.status == 1
    assert "not on a VexFS" in done.err
    assert path.exists()


def test_create_leaves_no_file_behind(tools: Tools, tmp_path: Path) -> None:
    assert tools.run("vexctl", "create", tmp_path / "new", "--dim", "3").status == 1
    assert not (tmp_path / "new").exists()


DAMAGED = {
    "cut.fvecs": b"\3\0\0\0" + bytes(8),
    "long.fvecs": b"\1\x10\0\0" + bytes(5000 * 4),
    "negative.fvecs": b"\xff\xff\xff\xff" + bytes(16),
    "infinite.fvecs": b"\1\0\0\0\0\0\x80\x7f",
    "not.npy": b"not at all a NumPy file",
    "cut.npy": b"\x93NUMPY\1\0\x76\0{'descr': '<f4'",
    "huge.npy": b"\x93NUMPY\2\0\xff\xff\xff\xff",
    "order.npy": b"\x93NUMPY\1\0\x50\0" + b"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }".ljust(80),
    "type.npy": b"\x93NUMPY\1\0\x50\0" + b"{'descr': '<i4', 'fortran_order': False, 'shape': (2, 3), }".ljust(80),
    "wide.npy": b"\x93NUMPY\1\0\x50\0" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4097), }".ljust(80),
    "short.npy": b"\x93NUMPY\1\0\x50\0" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }".ljust(80),
    "words.txt": b"1 2 three\n",
    "nul.txt": b"1 2\0 3\n",
    "meta.txt": b"1 2 | " + b"m" * 257 + b"\n",
    "empty.txt": b"# nothing\n\n",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_input_is_refused(tools: Tools, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(DAMAGED[name])
    done = tools.run("vexctl", "search", tmp_path / "file", "--from", path)
    assert done.status == 2
    assert str(path) in done.err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("good.fvecs", b"\2\0\0\0" + bytes(8)),
        (
            "good.npy",
            b"\x93NUMPY\1\0\x50\0"
            + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2), }".ljust(80)
            + bytes(16),
        ),
        (
            "flat.npy",
            b"\x93NUMPY\1\0\x50\0" + b"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }".ljust(80) + bytes(8),
        ),
        ("good.txt", b"# two\n[1.0, -2] | name\r\n"),
    ],
)
def test_good_input_is_read(tools: Tools, tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    collection = tmp_path / "file"
    collection.touch()
    done = tools.run("vexctl", "search", collection, "--from", path)
    assert done.status == 1
    assert "not on a VexFS" in done.err
    beyond = tools.run("vexctl", "search", collection, "--from", path, "--row", "1")
    assert beyond.status == 2
    assert "no vector 1" in beyond.err

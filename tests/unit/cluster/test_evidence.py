"""Folders come back as they were packed; nothing is written outside of the folder they are unpacked in."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
import zstandard

from vexlab.cluster.evidence import pack, unpack
from vexlab.errors import InfraError


def test_a_folder_comes_back(tmp_path: Path) -> None:
    there = tmp_path / "there"
    (there / "machine-1").mkdir(parents=True)
    (there / "machine-1" / "console.log").write_bytes(b"\xff\n")
    (there / "reproduce").write_text("#!/bin/sh\nexec /host/python\n")
    (there / "reproduce").chmod(0o755)
    (there / "link").symlink_to("/etc/passwd")
    here = tmp_path / "here"
    unpack(pack(there), here, lambda name, data: data.replace(b"/host", b"/ours") if name == "reproduce" else data)
    assert (here / "machine-1" / "console.log").read_bytes() == b"\xff\n"
    assert (here / "reproduce").read_text() == "#!/bin/sh\nexec /ours/python\n"
    assert (here / "reproduce").stat().st_mode & 0o100
    assert not (here / "link").exists()


def test_the_largest_files_are_left_out_and_named(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    (there / "memory").write_bytes(bytes(5000))
    (there / "console.log").write_bytes(bytes(100))
    unpack(pack(there, most=1000), tmp_path / "here")
    assert sorted(file.name for file in (tmp_path / "here").iterdir()) == ["console.log", "left-out.txt"]
    assert "memory: 5000 bytes" in (tmp_path / "here" / "left-out.txt").read_text()


def _tar(name: str, kind: bytes = tarfile.REGTYPE) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, "/etc"
        archive.addfile(entry)
    return zstandard.compress(held.getvalue())


@pytest.mark.parametrize(
    "data", [_tar("../out"), _tar("/tmp/out"), _tar("a/../../out"), _tar("l", tarfile.SYMTYPE), b"garbage", b""]
)
def test_what_a_host_sends_stays_inside(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InfraError):
        unpack(data, tmp_path / "in")
    assert not (tmp_path / "out").exists()

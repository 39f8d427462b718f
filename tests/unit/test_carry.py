"""The cache in one file: what is written comes back whole, and nothing else is taken in."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from vexlab.cache import Cache, Kind
from vexlab.carry import CONTENTS, export, take_in
from vexlab.errors import UsageError


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    made = Cache(tmp_path / "from")
    made.prepare()

    def build(draft: Path) -> None:
        (draft / "sub").mkdir()
        (draft / "sub" / "vmlinuz").write_bytes(b"kernel" * 1000)
        (draft / "link").symlink_to("sub/vmlinuz")
        with (draft / "hole").open("wb") as file:
            file.truncate(64 << 20)

    made.make(Kind.KERNELS, "6.1", build)

    def save(draft: Path) -> None:
        (draft / "memory").write_text("m")

    made.make(Kind.SNAPSHOTS, "abc", save)
    (made.root / Kind.SYMBOLS).mkdir()
    (made.root / Kind.SYMBOLS / "table").write_bytes(b"t")  # as classify.symbols keeps one
    return made


def test_what_is_written_comes_back(cache: Cache, tmp_path: Path) -> None:
    done = export(cache, tmp_path / "c.tar")
    assert done.entries == 1
    assert done.size < 4 << 20, "holes take no room"
    other = Cache(tmp_path / "to")
    assert take_in(other, tmp_path / "c.tar").entries == 1
    found = other.get(Kind.KERNELS, "6.1")
    assert found is not None
    assert (found / "link").read_bytes() == b"kernel" * 1000
    assert (found / "hole").stat().st_size == 64 << 20
    assert other.get(Kind.SNAPSHOTS, "abc") is None, "another machine makes its own"
    assert take_in(other, tmp_path / "c.tar").known == 1


def test_kinds_may_be_chosen(cache: Cache, tmp_path: Path) -> None:
    assert export(cache, tmp_path / "c.tar", [Kind.SNAPSHOTS]).entries == 1
    with pytest.raises(UsageError, match="holds nothing"):
        export(cache, tmp_path / "d.tar", [Kind.TOOLS])


def _changed(source: Path, to: Path, name: str, data: bytes) -> None:
    with tarfile.open(source) as old, tarfile.open(to, "w") as new:
        for member in old.getmembers():
            content = old.extractfile(member) if member.isreg() else None
            if member.name == name and content:
                member.size = len(data)
                new.addfile(member, io.BytesIO(data))
            else:
                new.addfile(member, content)


@pytest.mark.parametrize("data", [b"other", b""])
def test_a_file_that_was_changed_is_refused(cache: Cache, tmp_path: Path, data: bytes) -> None:
    export(cache, tmp_path / "c.tar")
    _changed(tmp_path / "c.tar", tmp_path / "d.tar", "kernels/6.1/sub/vmlinuz", data)
    other = Cache(tmp_path / "to")
    with pytest.raises(UsageError, match="is not what it was"):
        take_in(other, tmp_path / "d.tar")
    assert other.get(Kind.KERNELS, "6.1") is None


@pytest.mark.parametrize("name", ["../x", "kernels/../../x", "nonesuch/x", "kernels/.x", "kernels"])
def test_an_entry_that_leads_elsewhere_is_refused(cache: Cache, tmp_path: Path, name: str) -> None:
    export(cache, tmp_path / "c.tar")
    contents = json.dumps({"format": 1, "vexlab": "0", "entries": {name: {}}}).encode()
    _changed(tmp_path / "c.tar", tmp_path / "d.tar", CONTENTS, contents)
    with pytest.raises(UsageError, match="no whole file"):
        take_in(Cache(tmp_path / "to"), tmp_path / "d.tar")


@pytest.mark.parametrize("text", ["", "not a tar", '{"entries": {}}'])
def test_what_is_no_archive_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "x").write_text(text)
    with pytest.raises(UsageError, match="no whole file"):
        take_in(Cache(tmp_path / "to"), tmp_path / "x")


def test_a_cut_archive_is_refused(cache: Cache, tmp_path: Path) -> None:
    export(cache, tmp_path / "c.tar")
    data = (tmp_path / "c.tar").read_bytes()
    (tmp_path / "d.tar").write_bytes(data[: data.index(b"kernelkernel") + 100])
    with pytest.raises(UsageError, match="no whole file"):
        take_in(Cache(tmp_path / "to"), tmp_path / "d.tar")

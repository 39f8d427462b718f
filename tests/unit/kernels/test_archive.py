"""A built kernel goes to another cache whole; an archive that ``export`` did not write changes nothing there."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vexlab.cache import Cache, Kind
from vexlab.errors import UsageError
from vexlab.kernels import archive
from vexlab.kernels.catalogue import Kernels

NAME, RELEASE, VERSION = "6.1-kasan", "6.1.192-vexlab-kasan", "0123456789abcdef0123"
_CONFIG = "".join(
    f"CONFIG_{name}=y\n"
    for name in ("KASAN", "KASAN_INLINE", "PROVE_LOCKING", "DEBUG_KMEMLEAK", "FAILSLAB", "UBSAN", "PAGE_OWNER")
)


def _fill_kernel(draft: Path) -> None:
    modules = draft / "modules" / RELEASE
    modules.mkdir(parents=True)
    (modules / "modules.dep").write_text("")
    (draft / "vmlinuz").write_bytes(b"image")
    (draft / "config").write_text(_CONFIG)
    facts = {"release": RELEASE, "version": VERSION, "flavour": "kasan", "steps": "7"}
    (draft / "kernel.json").write_text(json.dumps(facts))


def _fill_headers(draft: Path) -> None:
    (draft / "build/scripts").mkdir(parents=True)
    (draft / "build/Makefile").write_text("all:\n")
    (draft / "build/scripts/modpost").write_text("#!/bin/sh\n")
    (draft / "build/scripts/modpost").chmod(0o755)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "one")
    cache.prepare()
    cache.make(Kind.KERNELS, NAME, _fill_kernel)
    cache.make(Kind.HEADERS, f"{NAME}-{VERSION}", _fill_headers)
    return cache


@pytest.fixture
def exported(cache: Cache, tmp_path: Path) -> Path:
    file = tmp_path / "kernel.tar.gz"
    archive.export(NAME, cache, file)
    return file


@pytest.fixture
def other(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "two")


def test_a_kernel_goes_to_another_machine(exported: Path, other: Cache) -> None:
    assert archive.take(exported, other) == NAME
    kernel = Kernels(other).get(NAME)
    assert (kernel.release, kernel.version, kernel.flavour) == (RELEASE, VERSION, "kasan")
    assert kernel.image.read_bytes() == b"image"
    headers = Kernels(other).headers(kernel)
    assert (headers / "scripts/modpost").stat().st_mode & 0o777 == 0o755
    assert archive.take(exported, other) == NAME, "taking it twice does no harm"


def test_a_built_kernel_is_listed_with_its_release(exported: Path, other: Cache) -> None:
    before = {row.name: row for row in Kernels(other).list()}
    assert (before[NAME].release, before[NAME].source, before[NAME].flavour) == ("", "built", "kasan")
    archive.take(exported, other)
    assert {row.name: row.release for row in Kernels(other).list()}[NAME] == RELEASE


def test_a_kernel_that_was_not_built_cannot_be_exported(other: Cache, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no built kernel 6\.1-kasan"):
        archive.export(NAME, other, tmp_path / "file")
    assert not list(tmp_path.glob("*file*"))


def _members(file: Path) -> list[tuple[tarfile.TarInfo, bytes]]:
    with tarfile.open(file) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


def _write(file: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    with tarfile.open(file, "w:gz") as tar:
        for member, data in members:
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data) if member.isreg() else None)


def _changed_contents(
    change: Callable[[dict[str, Any]], object],
) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    def apply(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        contents = json.loads(members[0][1])
        change(contents)
        members[0] = (members[0][0], json.dumps(contents).encode())

    return apply


def _renamed(name: str) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    """Give a listed file another name, in the list and as a member."""

    def apply(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        old = members[1][0].name
        members[1][0].name = name
        _changed_contents(lambda c: c["files"].update({name: c["files"].pop(old)}))(members)

    return apply


def _as_link(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members[1][0].type = tarfile.SYMTYPE
    members[1][0].linkname = "/etc/passwd"
    members[1] = (members[1][0], b"")


def _further(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members.append((tarfile.TarInfo("kernel/more"), b"more"))


def _damaged(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    members[-1] = (members[-1][0], members[-1][1] + b"x")


HOSTILE = {
    "a path upwards": (_renamed("kernel/../../../up"), "does not belong there"),
    "an absolute path": (_renamed("/tmp/absolute"), "does not belong there"),
    "another folder": (_renamed("snapshots/x"), "does not belong there"),
    "a path with detours": (_renamed("kernel/./x"), "does not belong there"),
    "a link": (_as_link, "does not belong there"),
    "a file that is not listed": (_further, "does not belong there"),
    "another content": (_damaged, "is damaged"),
    "a missing file": (lambda members: members.pop(), "is missing"),
    "no list": (lambda members: members.pop(0), "first member"),
    "a list that is none": (_changed_contents(lambda c: c.update(more=1)), "no archive of a kernel"),
    "a name that leads elsewhere": (_changed_contents(lambda c: c.update(name="../x-kasan")), "cannot be"),
    "a release that leads elsewhere": (_changed_contents(lambda c: c.update(release="../x")), "cannot be"),
    "a version that leads elsewhere": (_changed_contents(lambda c: c.update(version="../x")), "cannot be"),
    "an unknown flavour": (_changed_contents(lambda c: c.update(name="6.1-odd")), "no flavour that is known"),
    "two descriptions": (_changed_contents(lambda c: c.update(release="6.1.1")), "descriptions of the kernel differ"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_and_changes_nothing(
    name: str, exported: Path, other: Cache, tmp_path: Path
) -> None:
    change, words = HOSTILE[name]
    members = _members(exported)
    change(members)
    file = tmp_path / "hostile.tar.gz"
    _write(file, members)
    with pytest.raises(UsageError, match=words):
        archive.take(file, other)
    assert not [path for path in other.root.rglob("*") if path.is_file() and "locks" not in path.parts]
    assert not (tmp_path / "up").exists()


@pytest.mark.parametrize("data", [b"", b"no archive", b"\x1f\x8b\x08\x00broken"])
def test_what_is_no_archive_is_refused(data: bytes, other: Cache, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(data)
    with pytest.raises(UsageError, match=r"no archive of a kernel|first member"):
        archive.take(file, other)


def test_an_archive_that_ends_too_soon_is_refused(exported: Path, other: Cache, tmp_path: Path) -> None:
    file = tmp_path / "cut.tar.gz"
    file.write_bytes(exported.read_bytes()[: exported.stat().st_size // 2])
    with pytest.raises(UsageError):
        archive.take(file, other)
    assert other.get(Kind.KERNELS, NAME) is None

"""One tar out of many packages: what a root filesystem holds, with owners, and no root needed to make it."""

from __future__ import annotations

import fnmatch
import io
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from vexlab import process
from vexlab.errors import UsageError
from vexlab.images.recipe import Recipe

_MERGED = ("bin", "sbin", "lib", "lib64")  # symbolic links into usr/, as on every installed Debian 12
_FOLDERS = (
    "proc",
    "sys",
    "dev",
    "run",
    "tmp",
    "mnt",
    "root",
    "usr",
    "usr/lib/modules",
    "vexlab",
    "var",
    "etc",
)


# Symbolic links of every guest. Programs that look for mounts themselves read mtab, and mkfs.nilfs2 fails without it.
LINKS = {"etc/mtab": "../proc/self/mounts"}


def write_tree(recipe: Recipe, packages: Iterable[Path], guest_files: Path, out: Path) -> None:
    """Write the tar of ``recipe`` to ``out``: folders first, then sorted by path, every time stamp zero.

    ``packages`` are ``.deb`` files, ``guest_files`` a folder laid over them. The same input gives the same bytes.
    """
    members: dict[str, tuple[tarfile.TarInfo, bytes]] = {}
    for name in (*_FOLDERS, *(f"usr/{merged}" for merged in _MERGED)):
        members[name] = (_folder(name), b"")
    for package in packages:
        for info, data in _package(package):
            if not any(fnmatch.fnmatchcase(info.name, pattern) for pattern in recipe.exclude):
                members[info.name] = (info, data)
    for merged in _MERGED:
        members[merged] = (_link(merged, f"usr/{merged}"), b"")
    for name, to in LINKS.items():
        members[name] = (_link(name, to), b"")
    for path, source, executable in _files(recipe, guest_files):
        members[path] = _file(path, source.read_bytes(), executable=executable)
    with tarfile.open(out, "w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted(members):
            info, data = members[name]
            info.mtime = 0
            tar.addfile(info, io.BytesIO(data))


def _files(recipe: Recipe, guest_files: Path) -> Iterator[tuple[str, Path, bool]]:
    for source in sorted(guest_files.rglob("*")):
        if source.is_file():
            path = source.relative_to(guest_files)
            # not the file's own mode: an installed package may have lost it
            yield str(path), source, path.parts[0] != "etc"
    for file in recipe.files:
        source = Path(file.source)
        if not source.is_file():
            raise UsageError(f"recipe {recipe.name}: {source} does not exist")
        yield file.path.lstrip("/"), source, file.executable


def _package(package: Path) -> Iterator[tuple[tarfile.TarInfo, bytes]]:
    data = process.run(["dpkg-deb", "--fsys-tarfile", str(package)], timeout=120, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for info in tar:
            info.name = _usr_merged(info.name.removeprefix("./").rstrip("/"))
            if info.islnk():
                info.linkname = _usr_merged(info.linkname.removeprefix("./"))
            if info.name and info.name not in _MERGED:
                file = tar.extractfile(info) if info.isreg() else None
                yield info, file.read() if file else b""


def _usr_merged(path: str) -> str:
    return f"usr/{path}" if path.split("/")[0] in _MERGED else path


def _folder(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
    return info


def _link(name: str, to: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, to
    return info


def _file(name: str, data: bytes, *, executable: bool) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.mode, info.size = 0o755 if executable else 0o644, len(data)
    return info, data

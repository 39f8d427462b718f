"""A folder of sources: what is in it, its digest, its copy. It is other people's, and may hold anything."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vexlab.cache import file_digest
from vexlab.errors import UsageError
from vexlab.tables import has_control, visible

_LEFT_BY_BUILDS = shutil.ignore_patterns(
    "*.o",
    "*.ko",
    "*.mod",
    "*.mod.c",
    "*.cmd",
    ".git",
    "Module.symvers",
    "*.a",
    "*.d",
    "build",
    "obj",
    "__pycache__",
    "compile_commands.json",
)
# The kernel's own source has 90,000 files of 1.4 GB in all.
_MOST_ENTRIES = 200_000
_MOST_BYTES = 4 << 30
_DEEPEST = 64
SHARED = "include"  # the folder beside a tool's own with headers that module and tools share
_MOST_LINKED = 1000  # folders reached through links: links to folders that hold links may be endless without a circle


class Kind(StrEnum):
    """What an entry is, symbolic links within the roots being followed."""

    FILE = "a file"
    FOLDER = "a folder"
    OUTSIDE = "a link that leads out of the target"
    LOOP = "a link to a folder that holds it"
    DANGLING = "a link to nothing"
    DEEP = "in more than 64 folders"
    SPECIAL = "neither a file nor a folder"
    UNREADABLE = "not readable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Something in a source folder: its path below the folder, and for files and folders the path without links."""

    path: Path
    kind: Kind
    real: Path


_REFUSED = frozenset(Kind) - {Kind.FILE, Kind.FOLDER}


def roots_of(source: Path, target: Path) -> tuple[Path, ...]:
    """Return the folders that links in ``source`` may lead to: the target's, or the source's alone.

    ``target`` is the folder of ``target.toml``. It is no root where the source lies elsewhere, nor where it is
    somebody's home folder or holds that.
    """
    home, outer, inner = Path.home().resolve(), target.resolve(), source.resolve()
    return (outer if inner.is_relative_to(outer) and not home.is_relative_to(outer) else inner,)


def tool_roots(tool: Path, target: Path, module: Path | None) -> tuple[Path, ...]:
    """Return the folders that links in the source ``tool``, and in the ``include`` beside it, may lead to.

    ``module`` is the module's source. The target's file names it too, so ``include`` may be a link into it, wherever
    ``target``, the folder of ``target.toml``, lies.
    """
    named = (module.resolve(),) if module else ()
    return (*roots_of(tool, target), tool.resolve().parent / SHARED, *named)


def digest_tree(folder: Path, roots: Sequence[Path] = ()) -> str:
    """Return a digest of a source folder: paths and contents, without what builds leave behind.

    With ``roots`` raise ``UsageError`` for what cannot be copied, as ``copy_tree``; without, only names of such things
    go into the digest. In both cases what is read is bounded.
    """
    digest = hashlib.sha256()
    for entry in _entries(folder, roots or (folder.resolve(),)):
        if roots:
            _refuse(entry, folder)
        if entry.kind is Kind.FILE:
            try:
                digest.update(os.fsencode(entry.path) + f"\0{file_digest(entry.real)}\n".encode())
            except OSError as error:
                raise UsageError(f"{folder / entry.path} cannot be read: {error.strerror}") from error
        elif entry.kind is not Kind.FOLDER:
            digest.update(os.fsencode(entry.path) + f"\0\0{entry.kind}\n".encode())
    return digest.hexdigest()


def copy_tree(folder: Path, copy: Path, roots: Sequence[Path]) -> None:
    """Copy a source folder without what builds leave behind; links within ``roots`` become what they lead to.

    Raises ``UsageError`` for links that lead out of ``roots`` or in circles, FIFOs, sockets, devices, names with
    control characters, and for more files or bytes than any module has.
    """
    copy.mkdir()
    for entry in entries_of(folder, roots):
        if entry.kind is Kind.FOLDER:
            (copy / entry.path).mkdir()
        else:
            shutil.copy2(entry.real, copy / entry.path)


def entries_of(folder: Path, roots: Sequence[Path]) -> Iterator[Entry]:
    """Yield what a copy of ``folder`` holds, each folder before its contents; raise as ``copy_tree``."""
    for entry in _entries(folder, roots):
        _refuse(entry, folder)
        yield entry


def _refuse(entry: Entry, folder: Path) -> None:
    shown = visible(str(folder / entry.path)).replace("\n", "\\n").replace("\t", "\\t")
    if has_control(str(entry.path)):
        raise UsageError(f"the source holds a name with control characters: {shown}")
    if entry.kind in _REFUSED:
        where = f" ({visible(str(entry.real))})" if entry.kind is Kind.OUTSIDE else ""
        raise UsageError(
            f"{shown} cannot be built: it is {entry.kind}{where}",
            hint="only files, folders and links between those of the target are copied",
        )


def _entries(folder: Path, roots: Sequence[Path]) -> Iterator[Entry]:
    """Yield what is in ``folder``: the files of a folder in order, then its folders, each before its contents.

    Raises ``UsageError`` for too much of it.
    """
    top = folder.resolve()
    if not any(top.is_relative_to(root) for root in roots):
        yield Entry(path=Path(), kind=Kind.OUTSIDE, real=top)
        return
    size = linked = 0
    for count, entry in enumerate(_walk(top, Path(), (top,), roots), 1):
        size += entry.real.stat().st_size if entry.kind is Kind.FILE else 0
        linked += entry.kind is Kind.FOLDER and entry.real != top / entry.path
        if linked > _MOST_LINKED:
            raise UsageError(f"links in {folder} lead to more than {_MOST_LINKED} folders")
        if count > _MOST_ENTRIES or size > _MOST_BYTES:
            raise UsageError(
                f"{folder} holds more than {_MOST_ENTRIES} files or {_MOST_BYTES >> 30} GiB",
                hint="is it the folder of one module's source?",
            )
        yield entry


def _walk(real: Path, path: Path, above: tuple[Path, ...], roots: Sequence[Path]) -> Iterator[Entry]:
    try:
        names = [item.name for item in real.iterdir()]
    except OSError:
        yield Entry(path=path, kind=Kind.UNREADABLE, real=real)
        return
    ignored = _LEFT_BY_BUILDS(str(real), names)
    found = [_entry(real / name, path / name, above, roots) for name in sorted(names) if name not in ignored]
    yield from (entry for entry in found if entry.kind is not Kind.FOLDER)
    for entry in found:
        if entry.kind is Kind.FOLDER:
            yield entry
            yield from _walk(entry.real, entry.path, (*above, entry.real), roots)


def _entry(file: Path, path: Path, above: tuple[Path, ...], roots: Sequence[Path]) -> Entry:
    try:
        real = file.resolve(strict=True) if file.is_symlink() else file
        mode = real.lstat().st_mode
    except (OSError, RuntimeError):  # RuntimeError: links in a circle
        return Entry(path=path, kind=Kind.DANGLING, real=file)
    kind = Kind.SPECIAL
    if not any(real.is_relative_to(root) for root in roots):
        kind = Kind.OUTSIDE
    elif stat.S_ISDIR(mode):
        deep = Kind.DEEP if len(above) > _DEEPEST else Kind.FOLDER
        kind = Kind.LOOP if real in above else deep
    elif stat.S_ISREG(mode):
        kind = Kind.FILE if os.access(real, os.R_OK) else Kind.UNREADABLE
    return Entry(path=path, kind=kind, real=real)

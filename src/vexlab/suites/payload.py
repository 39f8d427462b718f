"""From a suite's files to a disk of the guest: a squashfs in the cache, keyed by the content of all that is in it.

Nothing of the user's is changed: what is packed is copied to a draft, or read where it is.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from vexlab import process
from vexlab.cache import Cache, Kind, file_digest, key_of
from vexlab.errors import UsageError
from vexlab.suites.adapter import Payload

_IMAGE = "suite.sqfs"
_FORMAT = 2  # part of the key: raise it when other bytes are made of the same input
_LAUNCH = Path(__file__).with_name("guest") / "launch.sh"
_SQUASH = ("-comp", "zstd", "-quiet", "-no-progress", "-mkfs-time", "0", "-all-time", "0", "-all-root", "-noappend")
_NO_PART = {".git"}  # of a tree that was built where it was cloned; larger than all the rest
_MOST = 4 << 30  # bytes; an installed xfstests has 24 MB, LTP some 300
# 	libacl.so.1 => /lib/x86_64-linux-gnu/libacl.so.1 (0x00007f...)
_LIBRARY = re.compile(r"^\s*\S+ => (/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
# 	/lib64/ld-linux-x86-64.so.2 (0x00007f...)
_LOADER = re.compile(r"^\s*(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
_MISSING = re.compile(r"^\s*(\S+) => not found$", re.MULTILINE)  # 	libfoo.so.1 => not found
_VERSION = re.compile(r"version `(\S+)' not found")  # ...: version `GLIBC_2.38' not found (required by ...)


def content_key(payload: Payload) -> str:
    """Return what becomes another where anything in ``payload`` does; raises as ``pack`` does."""
    contents: list[object] = [(name, _digest(file)) for name, file in sorted(_single(payload).items())]
    for name, file in sorted(payload.programs.items()):
        contents.append((name, _digest(file), [(each.name, _digest(each)) for each in libraries_of(file)]))
    contents += [(name, _digest_tree(root, list(_files(root)))) for name, root in sorted(payload.trees.items())]
    return key_of(_FORMAT, contents)


def pack(payload: Payload, cache: Cache) -> Path:
    """Return the squashfs of ``payload``; raises ``UsageError`` where a file is missing, or of another machine."""

    def build(draft: Path) -> None:
        root = draft / "root"
        root.mkdir()
        for name, folder in payload.trees.items():
            shutil.copytree(folder, root / name, symlinks=True, ignore=_left_out)
        for name, file in _single(payload).items():
            _copy(file, root / name)
        for name, file in payload.programs.items():
            _copy(file, root / "bin" / name)
            for library in libraries_of(file):
                _copy(library, root / "lib" / library.name)
        (root / "launch").chmod(0o755)
        process.run(["mksquashfs", str(root), str(draft / _IMAGE), *_SQUASH], timeout=900, check=True)
        shutil.rmtree(root)

    return cache.make(Kind.SUITES, content_key(payload), build) / _IMAGE


def _single(payload: Payload) -> Mapping[str, Path]:
    return {"launch": _LAUNCH, **payload.files}


def libraries_of(program: Path) -> tuple[Path, ...]:
    """Return the shared libraries that ``program`` is linked with, its loader first; none of a static one.

    Raises ``UsageError`` where it cannot run on this host: then nobody can say what it needs.
    """
    if not program.is_file() or not os.access(program, os.X_OK):
        raise UsageError(f"{program} is no program that can be run")
    told = process.run(["ldd", str(program)], timeout=30)
    said = told.text + told.error_text
    if wrong := [*_MISSING.findall(said), *_VERSION.findall(said)]:
        raise UsageError(
            f"{program} was built against another libc, or lacks libraries: {', '.join(dict.fromkeys(wrong))}",
            hint="build it on this machine, or link it statically",
        )
    if "not a dynamic executable" in said or "statically linked" in said:
        return ()
    loader = _LOADER.search(told.text)
    if told.returncode or not loader:
        raise UsageError(f"`ldd {program}` says: {said.strip()[:300]}", hint="is it built for this machine?")
    return tuple(dict.fromkeys(Path(name) for name in (loader[1], *_LIBRARY.findall(told.text))))


def _copy(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, to)  # what a link leads to, with its mode


def _digest(file: Path) -> str:
    if not file.is_file():
        raise UsageError(f"{file} does not exist, or is no file")
    return file_digest(file)


def _files(root: Path) -> Iterator[Path]:
    """Yield every file and link of a tree, sorted; raise ``UsageError`` where it is no folder, or far too large."""
    if not root.is_dir():
        raise UsageError(f"{root} is no folder")
    total = 0
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(set(folders) - _NO_PART)
        for name in sorted(names):
            path = Path(folder, name)
            status = path.lstat()
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
                continue
            total += status.st_size
            if total > _MOST:
                raise UsageError(f"{root} holds more than {_MOST >> 30} GiB; is it the suite's folder?")
            yield path


def _digest_tree(root: Path, files: list[Path]) -> str:
    made = hashlib.sha256()
    for file in files:
        content = str(file.readlink()) if file.is_symlink() else file_digest(file)
        mode = file.lstat().st_mode & 0o111
        made.update(f"{file.relative_to(root)}\0{mode}\0{content}\0".encode(errors="surrogateescape"))
    return made.hexdigest()


def _left_out(folder: str, names: list[str]) -> list[str]:
    """Return the names that are no part of a suite; and what is no file, link or folder: to copy a FIFO never ends."""
    modes = {name: Path(folder, name).lstat().st_mode for name in names}
    kept = (stat.S_ISREG, stat.S_ISLNK, stat.S_ISDIR)
    return [name for name, mode in modes.items() if name in _NO_PART or not any(is_one(mode) for is_one in kept)]

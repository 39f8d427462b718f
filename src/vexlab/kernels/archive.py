"""Built kernels on the way to another machine: one archive with all that machines and modules need.

What comes out of an archive is somebody else's: it is read member by member, checked before anything of it is
believed, and never leaves its folder. Its programs (``scripts/``, objtool) run when a module is built against it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec

from vexlab.cache import Cache, Kind, file_digest
from vexlab.errors import UsageError
from vexlab.kernels.debian import FACTS
from vexlab.kernels.flavours import built

_CONTENTS = "contents.json"
_PARTS = {"kernel": Kind.KERNELS, "headers": Kind.HEADERS}
_MANIFEST = ".manifest.json"
_MOST_FILES, _MOST_BYTES, _MOST_CONTENTS = 200_000, 16 << 30, 64 << 20
_LEVEL = 3  # of gzip: most of it is debugging information, and higher levels take minutes for little
_NAME = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}")
_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+~-]{0,63}")
_VERSION = re.compile(r"[0-9a-f]{20}")
_HINT = "`vexlab kernels export` makes such archives"


class Contents(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first member: the kernel's name, release and version, and each file's SHA-256."""

    name: str
    release: str
    version: str
    files: dict[str, str]


def export(name: str, cache: Cache, to: Path) -> int:
    """Write the built kernel ``name`` to the archive ``to``; return its size in bytes. Raises ``UsageError``."""
    folders = _entries(name, cache)
    facts = json.loads((folders["kernel"] / FACTS).read_text())
    files = {f"{part}/{relative}": file for part, folder in folders.items() for relative, file in _files(folder)}
    contents = Contents(
        name=name,
        release=facts["release"],
        version=facts["version"],
        files={member: file_digest(file) for member, file in files.items()},
    )
    draft = to.with_name(f".{to.name}.part")
    try:
        with tarfile.open(draft, "w:gz", compresslevel=_LEVEL) as tar, tempfile.TemporaryDirectory() as work:
            listing = Path(work, _CONTENTS)
            listing.write_bytes(msgspec.json.encode(contents))
            for member, file in ((_CONTENTS, listing), *files.items()):
                tar.add(file, member, recursive=False, filter=_anonymous)
        draft.rename(to)
    except OSError as error:
        raise UsageError(f"{to} cannot be written: {error.strerror or error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return to.stat().st_size


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _entries(name: str, cache: Cache) -> dict[str, Path]:
    kernel = cache.get(Kind.KERNELS, name)
    headers = None
    if kernel:
        facts = json.loads((kernel / FACTS).read_text())
        headers = cache.get(Kind.HEADERS, f"{name}-{facts['version']}") if "flavour" in facts else None
    if not kernel or not headers:
        raise UsageError(f"no built kernel {name} in the cache", hint="`vexlab kernels list` shows what there is")
    return {"kernel": kernel, "headers": headers}


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink() and file.name != _MANIFEST:
            yield file.relative_to(folder).as_posix(), file


def take(archive: Path, cache: Cache) -> str:
    """Put the kernel of ``archive`` into the cache; return its name.

    Raises ``UsageError`` for whatever ``export`` cannot have written: links, devices, paths that lead elsewhere, files
    that are not listed or have another content, more than a kernel can be.
    """
    cache.prepare()
    with tempfile.TemporaryDirectory(dir=cache.root, prefix="import-") as work:
        try:
            with tarfile.open(archive, "r|gz") as tar:
                contents = _unpack(tar, Path(work))
        except (OSError, tarfile.TarError, EOFError, ValueError) as error:
            raise UsageError(f"{archive} is no archive of a kernel: {error}", hint=_HINT) from error
        _check(contents, Path(work), archive)
        version = f"{contents.name}-{contents.version}"
        for part, kind, key in (("headers", Kind.HEADERS, version), ("kernel", Kind.KERNELS, contents.name)):
            cache.drop(kind, key)
            cache.make(kind, key, lambda draft, part=part: _move(Path(work, part), draft))  # type: ignore[misc]
    return contents.name


def _move(folder: Path, draft: Path) -> None:
    for item in folder.iterdir():
        shutil.move(item, draft / item.name)


def _unpack(tar: tarfile.TarFile, work: Path) -> Contents:
    """Write the members to ``work`` as they come; the list of them, the first, says what may come."""
    first = tar.next()
    if first is None or first.name != _CONTENTS or not first.isreg() or first.size > _MOST_CONTENTS:
        raise UsageError(f"its first member is no {_CONTENTS}", hint=_HINT)
    contents = msgspec.json.decode(_opened(tar, first).read(_MOST_CONTENTS), type=Contents)
    if len(contents.files) > _MOST_FILES:
        raise UsageError(f"it lists {len(contents.files)} files, a kernel has {_MOST_FILES} at most")
    left, room = dict(contents.files), _MOST_BYTES
    while member := tar.next():
        digest = left.pop(member.name, "")
        if not digest or not member.isreg() or not _is_plain(member.name):
            raise UsageError(f"its member {member.name[:200]!r} does not belong there")
        room -= member.size
        if room < 0:
            raise UsageError(f"it holds more than {_MOST_BYTES >> 30} GiB")
        if _write(_opened(tar, member), work / member.name, executable=bool(member.mode & 0o100)) != digest:
            raise UsageError(f"its member {member.name[:200]!r} is damaged")
    if left:
        raise UsageError(f"its member {next(iter(left))[:200]!r} is missing", hint="was it copied to the end?")
    return contents


def _opened(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    file = tar.extractfile(member)
    if file is None:
        raise UsageError(f"its member {member.name[:200]!r} is no file", hint=_HINT)
    return file


def _is_plain(name: str) -> bool:
    """Whether a member's name leads to a file below one of our two folders, and says so without detours."""
    path = PurePosixPath(name)
    return len(path.parts) > 1 and path.parts[0] in _PARTS and ".." not in path.parts and path.as_posix() == name


def _write(source: IO[bytes], to: Path, *, executable: bool) -> str:
    to.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with to.open("xb") as file:
        while data := source.read(1 << 20):
            digest.update(data)
            file.write(data)
    to.chmod(0o755 if executable else 0o644)
    return digest.hexdigest()


def _check(contents: Contents, work: Path, archive: Path) -> None:
    """Raise ``UsageError`` where names and facts do not fit each other: they become paths, and boot arguments."""
    plain = _NAME.fullmatch(contents.name) and _RELEASE.fullmatch(contents.release)
    if not plain or not _VERSION.fullmatch(contents.version):
        raise UsageError(f"{archive}: it names a kernel that cannot be", hint=_HINT)
    flavours = [flavour.name for flavour in built()]
    if contents.name.rpartition("-")[2] not in flavours:
        raise UsageError(f"{archive}: {contents.name} is of no flavour that is known here: {', '.join(flavours)}")
    try:
        facts = msgspec.json.decode((work / "kernel" / FACTS).read_bytes(), type=dict[str, str])
    except (OSError, ValueError) as error:
        raise UsageError(f"{archive}: its {FACTS} cannot be read: {error}", hint=_HINT) from error
    said = (facts.get("release"), facts.get("version"), facts.get("flavour"))
    if said != (contents.release, contents.version, contents.name.rpartition("-")[2]):
        raise UsageError(f"{archive}: its two descriptions of the kernel differ", hint=_HINT)
    needed = (
        f"kernel/modules/{contents.release}/modules.dep",
        "kernel/vmlinuz",
        "kernel/config",
        "headers/build/Makefile",
    )
    if lacks := [name for name in needed if name not in contents.files]:
        raise UsageError(f"{archive}: it lacks {', '.join(lacks)}", hint=_HINT)

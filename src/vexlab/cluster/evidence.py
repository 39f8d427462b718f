"""Folders as bytes and back: a tar under zstd, of plain files and folders alone, limited in size.

What a host sends is not trusted to name paths: nothing is written outside of the folder it is unpacked in.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

import zstandard

from vexlab.errors import InfraError

MOST_BYTES = 256 << 20  # of one folder, unpacked; evidence is some 100 KiB
_LEFT_OUT = "left-out.txt"


def pack(folder: Path, files: Iterable[Path] | None = None, *, most: int = MOST_BYTES) -> bytes:
    """Return the regular files below ``folder`` packed, or those of ``files``, of which links are followed.

    The largest are left out where it is more than ``most`` bytes; a file ``left-out.txt`` then names them.
    """
    given = files is not None
    found = [each for each in (files if files is not None else folder.rglob("*")) if each.is_file()]
    found = [file for file in found if given or not file.is_symlink()]
    kept, sizes = set(found), {file: file.stat().st_size for file in found}
    left_out = []
    for file in sorted(found, key=lambda each: -sizes[each]):
        if sum(sizes[each] for each in kept) <= most:
            break
        kept.discard(file)
        left_out.append(f"{file.relative_to(folder)}: {sizes[file]} bytes, it stayed on the host\n")
    held = io.BytesIO()
    with (
        zstandard.ZstdCompressor(level=3).stream_writer(held, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", dereference=True) as archive,
    ):
        for file in sorted(kept):
            archive.add(file, str(file.relative_to(folder)), recursive=False, filter=_plain)
        if left_out:
            words = "".join(left_out).encode()
            entry = tarfile.TarInfo(_LEFT_OUT)
            entry.size = len(words)
            archive.addfile(entry, io.BytesIO(words))
    return held.getvalue()


def unpack(data: bytes, folder: Path, change: Callable[[str, bytes], bytes] = lambda _name, content: content) -> None:
    """Write what ``pack`` packed into ``folder``; ``change`` may make other bytes of a file.

    Raises ``InfraError`` for anything else than plain files with paths inside the folder.
    """
    total = 0
    try:
        with (
            zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)) as plain,
            tarfile.open(fileobj=plain, mode="r|") as archive,
        ):
            for entry in archive:
                total += entry.size
                path = PurePosixPath(entry.name)
                content = archive.extractfile(entry) if entry.isreg() else None
                if content is None or path.is_absolute() or ".." in path.parts or total > 2 * MOST_BYTES:
                    raise InfraError("a host's evidence holds what is no plain file of a case")
                file = folder.joinpath(*path.parts)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(change(path.name, content.read()))
                file.chmod(0o755 if entry.mode & 0o100 else 0o644)
    except (tarfile.TarError, zstandard.ZstdError, ValueError, EOFError) as error:
        raise InfraError(f"a host's evidence cannot be read: {error}") from error


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry

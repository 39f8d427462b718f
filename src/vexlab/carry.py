"""The cache in one file, for machines without a network: kernels, headers, images, packages, built programs.

A tar archive (its holes stay holes) whose first member says what is in it, with the SHA-256 of every file.
"""

from __future__ import annotations

import errno
import json
import shutil
import tarfile
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vexlab import __version__, process
from vexlab.cache import Cache, Entry, Kind, file_digest
from vexlab.errors import InfraError, UsageError

CONTENTS = "vexlab-cache.json"
_FORMAT = 1
_TAR_S = 3600.0
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_OWN = ".manifest.json"  # the cache's: made anew, since it holds times
# What another machine makes for itself: machines that were booted here, and what was found out in them; tables of
# symbols, which are files that `classify` reads and no entries with a manifest.
LEFT_OUT = frozenset({Kind.SNAPSHOTS, Kind.PROFILES, Kind.SYMBOLS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """How many entries went, and how many were there already."""

    entries: int
    known: int = 0
    size: int = 0


def export(cache: Cache, file: Path, kinds: Collection[Kind] = ()) -> Carried:
    """Write the cache's entries, of ``kinds`` or of all that are of use elsewhere, to ``file``.

    Raises ``UsageError`` where there is nothing to write.
    """
    wanted = set(kinds) or set(Kind) - LEFT_OUT
    return export_entries(cache, file, [entry for entry in cache.entries() if entry.kind in wanted])


def export_entries(cache: Cache, file: Path, entries: Sequence[Entry]) -> Carried:
    """Write ``entries`` to ``file``; raise ``UsageError`` where there are none."""
    if not entries:
        raise UsageError(f"the cache {cache.root} holds nothing of that", hint="`vexlab run` fills it")
    listed = {f"{entry.kind}/{entry.key}": _digests(cache.root / entry.kind / entry.key) for entry in entries}
    with tempfile.TemporaryDirectory(dir=cache.root, prefix=".carry-") as work:
        contents = {"format": _FORMAT, "vexlab": __version__, "entries": listed}
        Path(work, CONTENTS).write_text(json.dumps(contents))
        argv = ["tar", "--create", "--sparse", "--format=gnu", "--file", str(file), "--owner=0", "--group=0"]
        argv += ["--directory", work, CONTENTS, "--directory", str(cache.root), f"--exclude={_OWN}", *listed]
        process.run(argv, timeout=_TAR_S, check=True)
    return Carried(entries=len(entries), size=file.stat().st_size)


def take_in(cache: Cache, file: Path) -> Carried:
    """Add what ``file`` holds to the cache; what is there stays. Nothing is added that is not as it was written.

    Raises ``UsageError`` for what is no such file, or is damaged, ``InfraError`` where the disk is full.
    """
    cache.prepare()
    with tempfile.TemporaryDirectory(dir=cache.root, prefix=".carry-") as work:
        try:
            with tarfile.open(file) as archive:
                archive.extractall(work, filter="data")
            contents = json.loads(Path(work, CONTENTS).read_text())
            listed = contents["entries"]
            if contents["format"] != _FORMAT:
                raise UsageError(f"{file} was written by another vexlab ({contents['vexlab']})")
            checked = [_checked(Path(work), name, digests) for name, digests in listed.items()]
        except (tarfile.TarError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                raise InfraError(
                    f"the cache {cache.root} has no room for {file.stat().st_size >> 20} MiB: {error.strerror}",
                    hint="VEXLAB_CACHE names another place",
                ) from error
            raise UsageError(f"{file} is no whole file of `vexlab cache export`: {error}") from error
        known = sum(1 for kind, key in checked if not _put(cache, kind, key, Path(work, kind, key)))
    return Carried(entries=len(checked) - known, known=known)


def _checked(work: Path, name: str, digests: Mapping[str, str]) -> tuple[Kind, str]:
    """Return the kind and the key of an entry; raise ``ValueError`` where its files are not those that are listed."""
    kind, _, key = name.partition("/")
    if not key or "/" in key or key.startswith("."):
        raise ValueError(f"`{name[:80]}` is no entry")
    if _digests(work / Kind(kind) / key) != dict(digests):
        raise ValueError(f"{name} is not what it was")
    return Kind(kind), key


def _put(cache: Cache, kind: Kind, key: str, folder: Path) -> bool:
    if cache.get(kind, key):
        return False

    def build(draft: Path) -> None:
        for item in folder.iterdir():
            shutil.move(item, draft / item.name)

    cache.make(kind, key, build)
    return True


def _digests(folder: Path) -> dict[str, str]:
    """Return the digest of each file of an entry, and of each link where it leads to."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if name == _OWN:
            continue
        if path.is_symlink():
            found[name] = f"-> {path.readlink()}"
        elif path.is_file():
            found[name] = file_digest(path)
    return found

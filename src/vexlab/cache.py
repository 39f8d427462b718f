"""The cache: finished folders keyed by what made them, never half-made ones.

An entry is built in a folder of its own beside its final place and renamed when it is complete; a manifest of
sizes and modification times tells later whether somebody damaged it. Two processes never build the same entry.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from vexlab.errors import CacheError, InfraError

log = logging.getLogger(__name__)

_MANIFEST = ".manifest.json"
_IN_USE_S = 600.0
_HINT = "set VEXLAB_CACHE to a folder of yours on another disk"
_FULL = (errno.ENOSPC, errno.EDQUOT)


def key_of(*parts: object) -> str:
    """Return a short stable key for the given parts (their ``repr``), as 20 hexadecimal digits."""
    return hashlib.sha256("\0".join(map(repr, parts)).encode()).hexdigest()[:20]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_once(path: Path) -> str:
    """Return ``file_digest``, read again only where the file's inode, size or time of change is another one."""
    status = path.stat()
    return _digest_of(path, status.st_ino, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=1024)
def _digest_of(path: Path, _inode: int, _size: int, _changed: int) -> str:
    return file_digest(path)


class Kind(StrEnum):
    """What entries hold; each kind has a folder of its name. Locks, proofs and measured slowdowns are no entries."""

    APT = "apt"
    KERNELS = "kernels"
    HEADERS = "headers"
    BUILD_TOOLS = "build-tools"
    DEBUG = "debug"
    SYMBOLS = "symbols"
    ROOTS = "roots"
    SYSTEMS = "systems"
    INITRDS = "initrds"
    MODULES = "modules"
    ARTIFACTS = "artifacts"
    TOOLS = "tools"
    SUITES = "suites"
    SNAPSHOTS = "snapshots"
    PROFILES = "profiles"


# What the kinds hold, for people.
KINDS = {
    Kind.APT: "package lists",
    Kind.KERNELS: "bootable kernels",
    Kind.HEADERS: "what modules are built against",
    Kind.BUILD_TOOLS: "programs that build kernels",
    Kind.DEBUG: "debugging information of kernels",
    Kind.SYMBOLS: "symbol tables of kernels",
    Kind.ROOTS: "root file systems of guests",
    Kind.SYSTEMS: "images of yours that runs work in",
    Kind.INITRDS: "initial ramdisks of guests",
    Kind.MODULES: "modules of kernels, as a guest's disk",
    Kind.ARTIFACTS: "built modules",
    Kind.TOOLS: "built programs for guests",
    Kind.SUITES: "test suites of others, built or packed for guests",
    Kind.SNAPSHOTS: "machines that were booted and saved",
    Kind.PROFILES: "what targets can do",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing in the cache; ``used`` is when, in seconds since 1970, ``size`` the bytes of disk that it takes."""

    kind: Kind
    key: str
    used: float
    size: int


class Cache:
    """Entries under ``root/kind/key``; all methods raise ``CacheError`` where the folder cannot be used."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make the cache's folder and prove that it can be written."""
        with self._guard():
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
            self._sweep()

    def get(self, kind: Kind, key: str) -> Path | None:
        """Return the folder of an intact entry; a damaged one is removed and reported as absent."""
        entry = self.root / kind / key
        if not entry.exists():
            return None
        # read after the look: an entry comes whole, by a rename, and may just have come
        with contextlib.suppress(OSError, ValueError):
            if json.loads((entry / _MANIFEST).read_text()) == _survey(entry):
                with contextlib.suppress(OSError):  # somebody else's cache: its owner trims it
                    os.utime(entry / _MANIFEST)  # the time of its last use
                return entry
        log.warning("cache entry %s is damaged and will be made anew", entry)
        self.drop(kind, key)
        return None

    def make(self, kind: Kind, key: str, build: Callable[[Path], None]) -> Path:
        """Return the entry's folder; where it is missing, ``build`` fills a fresh folder that becomes it.

        An ``OSError`` of ``build`` becomes an ``InfraError`` that says what it was.
        """
        if found := self.get(kind, key):
            return found
        with self._guard(), self.lock(f"{kind}-{key}"):
            if found := self.get(kind, key):  # another process may have built it while we waited
                return found
            parent = self.root / kind
            parent.mkdir(parents=True, exist_ok=True)
            draft = Path(tempfile.mkdtemp(prefix=f".{key}-", dir=parent))
            try:
                draft.chmod(0o755)
                _fill(draft, build)
                (draft / _MANIFEST).write_text(json.dumps(_survey(draft)))
                draft.rename(parent / key)
            finally:
                if draft.exists():
                    shutil.rmtree(draft, ignore_errors=True)
        return parent / key

    def drop(self, kind: Kind, key: str) -> None:
        """Remove an entry."""
        with self._guard():
            entry = self.root / kind / key
            if entry.exists():
                shutil.rmtree(entry)

    def entries(self) -> tuple[Entry, ...]:
        """Return what the cache holds of every kind, the longest unused first."""
        found = []
        for kind in KINDS:
            for folder in (self.root / kind).glob("[!.]*"):
                used, size, _ = _use(folder)
                found.append(Entry(kind=kind, key=folder.name, used=used, size=size))
        return tuple(sorted(found, key=lambda entry: entry.used))

    def remove(self, entry: Entry) -> bool:
        """Remove an entry; return whether it is gone: what was used in the last minutes stays."""
        if time.time() - entry.used <= _IN_USE_S:
            return False
        with self.lock(f"{entry.kind}-{entry.key}"):
            self.drop(entry.kind, entry.key)
        return True

    def trim(self, kind: Kind, most: int) -> None:
        """Remove what was longest unused, dead drafts as well, until those of ``kind`` take ``most`` bytes of disk.

        What was used in the last minutes stays: a machine may be about to start from it.
        """
        with self._guard():
            entries = sorted(map(_use, (self.root / kind).glob("*")), reverse=True)
            total = 0
            for used, taken, entry in entries:
                total += taken
                if total > most and time.time() - used > _IN_USE_S:
                    shutil.rmtree(entry, ignore_errors=True)

    def _sweep(self) -> None:
        """Remove the drafts of processes that were killed: nobody holds the lock of their entry."""
        for draft in self.root.glob("*/.*-*"):
            key = draft.name[1:].rpartition("-")[0]
            lock = self.root / "locks" / f"{draft.parent.name}-{key}"
            with contextlib.suppress(OSError), lock.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(draft, ignore_errors=True)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock ``name`` against other processes."""
        folder = self.root / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            hint = f"free some space, or {_HINT}" if error.errno in _FULL else _HINT
            raise CacheError(f"the cache {self.root} cannot be written: {error}", hint=hint) from error


def _fill(draft: Path, build: Callable[[Path], None]) -> None:
    try:
        build(draft)
    except OSError as error:
        hint = f"free some space, or {_HINT}" if error.errno in _FULL else ""
        words = f"{draft.parent.name} cannot be made: {type(error).__name__}: {error}"
        raise InfraError(words, hint=hint) from error


def _use(entry: Path) -> tuple[float, int, Path]:
    """Return when an entry was last used, and the bytes of disk that it takes: most of a guest's memory is a hole.

    A draft, which has no manifest, counts as used when it was begun; of a process that was killed it stays behind.
    """
    taken = 0
    used = 0.0
    with contextlib.suppress(OSError):  # it may just be going
        used = entry.stat().st_mtime
        for file in entry.rglob("*"):
            status = file.lstat()
            taken += status.st_blocks * 512
            if file.name == _MANIFEST:
                used = max(used, status.st_mtime)
    return used, taken, entry


def _survey(entry: Path) -> dict[str, list[int]]:
    """Return size and modification time (ns) of each regular file; symbolic links and folders carry no content."""
    found: dict[str, list[int]] = {}
    top = len(str(entry)) + 1
    folders = [str(entry)]
    while folders:  # strings, not paths: a kernel has thousands of files, and every run looks
        with os.scandir(folders.pop()) as within:
            for item in within:
                if item.is_dir(follow_symlinks=False):
                    folders.append(item.path)
                elif item.name != _MANIFEST and not item.is_symlink():
                    stat = item.stat()
                    found[item.path[top:]] = [stat.st_size, stat.st_mtime_ns]
    return found

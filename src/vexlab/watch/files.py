"""Which files of a folder were saved since the last look."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_IGNORED = (".o", ".ko", ".cmd", ".mod", ".d", ".swp", "~", ".pyc")
_MOST = 50_000

Stamp = tuple[int, int]


class Saved:
    """Looks at folders again and again: by size and time, so that no content is read while nothing happens."""

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = tuple(folders)
        self._seen = dict(self._look())

    def changed(self) -> tuple[Path, ...]:
        """Return the files that were changed, made or removed since the last call, in order."""
        now = dict(self._look())
        found = {path for path, stamp in now.items() if self._seen.get(path) != stamp} | (set(self._seen) - set(now))
        self._seen = now
        return tuple(sorted(found))

    def _look(self) -> Iterator[tuple[Path, Stamp]]:
        count = 0
        ahead = list(self._folders)
        while ahead:
            folder = ahead.pop()
            try:
                entries = list(os.scandir(folder))
            except OSError:  # removed while somebody saves
                continue
            for entry in entries:
                if entry.name.startswith(".") or entry.name.endswith(_IGNORED) or entry.is_symlink():
                    continue
                if entry.is_dir(follow_symlinks=False):
                    ahead.append(Path(entry.path))
                    continue
                count += 1
                if count > _MOST:
                    return
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                yield Path(entry.path), (status.st_mtime_ns, status.st_size)

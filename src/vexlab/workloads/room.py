"""A file that takes as much room as there is, in as many parts as files may not be larger, for scripts in the guest.

``from room import Large``. Where a file may have the size wanted it is one file of that name. Otherwise its parts are
files ``NAME/FOLDER/FOLDER/NUMBER``, each of half the largest size, with few names in each folder; without folders,
``NAME-NUMBER``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from capable import can, within

_WHOLE = 1 << 40
_BLOCK = 4096
_MANY = 1 << 30


class Large:
    """Bytes that are written one after the other, up to ``most`` of them."""

    def __init__(self, name: str, most: int = _WHOLE) -> None:
        self.name = name
        self.size = 0
        self._part: int = within("file_size", most)
        self._single = self._part == most
        if not self._single and self._part > _BLOCK:
            self._part -= self._part % _BLOCK
        self._names: int = within("dir_entries", _MANY) // 4
        self._count = 0
        self._fd = -1

    def room(self) -> int:
        """Return how many bytes the parts can hold where the device has them."""
        if self._single:
            return _WHOLE
        names = self._names ** (3 if can("mkdir") else 1)
        vfs = os.statvfs(".")
        return self._part * (min(names, vfs.f_favail) if vfs.f_files else names)

    def fills(self) -> bool:
        """Whether the parts can hold all that is free in the current directory's filesystem."""
        vfs = os.statvfs(".")
        return self.room() >= vfs.f_bavail * vfs.f_frsize

    def find(self) -> Large:
        """Take what another wrote under the same name and for the same size, as far as it is there."""
        while self._path(self._count).exists() and not (self._single and self._count):
            self._count += 1
        self.size = sum(path.stat().st_size for path in self.paths())
        return self

    def paths(self) -> Iterator[Path]:
        """Yield the paths of the parts, in order."""
        yield from map(self._path, range(self._count))

    def write(self, data: bytes) -> int:
        """Write ``data`` at the end; return how much of it was written, and raise ``OSError`` where nothing was."""
        done = 0
        while done < len(data):
            try:
                fd = self._open()
                piece = data[done : done + self._left()]
                put = os.write(fd, piece)
            except OSError:
                if done:
                    break
                raise
            done += put
            self.size += put
            if put < len(piece):
                break
        return done

    def close(self) -> None:
        """Close the part that is open."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def sync(self) -> None:
        """Have all of it on the disk: one file by fsync, many with all else."""
        fd, self._fd = self._fd, -1
        if self._single and fd >= 0 and can("fsync"):
            os.fsync(fd)
        else:
            os.sync()
        if fd >= 0:
            os.close(fd)

    def remove(self) -> None:
        """Remove all parts."""
        self.close()
        if not self._single and can("mkdir"):
            shutil.rmtree(self.name, ignore_errors=not Path(self.name).exists())
            return
        for path in self.paths():
            path.unlink()

    def _path(self, number: int) -> Path:
        if self._single:
            return Path(self.name)
        if not can("mkdir"):
            return Path(f"{self.name}-{number}")
        folder, place = divmod(number, self._names)
        return Path(self.name, str(folder // self._names), str(folder % self._names), str(place))

    def _left(self) -> int:
        """Return how much the open part takes still."""
        return self._part if self._single else self._part - self.size % self._part

    def _open(self) -> int:
        if self._fd >= 0 and (self._single or self.size % self._part):
            return self._fd
        self.close()
        path = self._path(self._count)
        if not self._single and can("mkdir"):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        self._count += 1
        return self._fd

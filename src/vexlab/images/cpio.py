"""An initramfs archive in the kernel's ``newc`` format (Documentation/driver-api/early-userspace/buffer-format.rst)."""

from __future__ import annotations

from collections.abc import Mapping

_TRAILER = "TRAILER!!!"


def archive(folders: tuple[str, ...], files: Mapping[str, bytes]) -> bytes:
    """Return an archive of ``folders`` and executable ``files`` (path → content), owned by root, dated 1970."""
    entries = [_entry(path, 0o040755, b"", inode) for inode, path in enumerate(folders, 1)]
    entries += [
        _entry(path, 0o100755, files[path], inode) for inode, path in enumerate(sorted(files), len(folders) + 1)
    ]
    return b"".join(entries) + _entry(_TRAILER, 0, b"", 0)


def _entry(path: str, mode: int, data: bytes, inode: int) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if mode & 0o040000 else 1
    fields = (inode, mode, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)

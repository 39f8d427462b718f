"""VexFS's calls as ``struct.pack`` has them, for scripts in the guest: ``from vexfs_calls import ADD, call``.

Numbers and structures of VexFS's include/uapi/vexfs.h, version 1.
"""

from __future__ import annotations

import fcntl
import struct

FS_INFO, CREATE, INFO, ADD, GET, DELETE, SEARCH, LIST, INDEX = range(9)
SHAPE = {
    CREATE: "5I3I",
    INFO: "4I4Q2I4Q",
    ADD: "4I6Q",
    GET: "2I3Q2I2Q",
    DELETE: "2I3Q",
    SEARCH: "4I2Q2I3Q",
    LIST: "2I2Q2I3Q",
    INDEX: "4I6Q",
    FS_INFO: "2I4Q4I16s32s8Q",
}
OF_COLLECTIONS = tuple(number for number in SHAPE if number != FS_INFO)
WRITES_ONLY = (CREATE, DELETE, INDEX)  # the kernel gives nothing back
LARGEST_LIST = 65536  # VEXFS_MAX_LIST
# What `call` takes after the version to ask for everything that is told.
ALL_INFO = (0,) * 13
ALL_FS_INFO = (*(0,) * 9, b"", b"", *(0,) * 8)


def packed(number: int, *values: object) -> bytes:
    """Return the structure of a call."""
    return struct.pack("=" + SHAPE[number], *values)


def unpacked(number: int, data: bytes) -> tuple[object, ...]:
    """Return the members of a call's structure."""
    return struct.unpack("=" + SHAPE[number], data)


def size_of(number: int) -> int:
    """Return how many bytes the structure of a call takes."""
    return struct.calcsize("=" + SHAPE[number])


def request_of(number: int, size: int | None = None) -> int:
    """Return the request of a call for ioctl(2), whose structure has so many bytes: its own size where none is given.

    The direction (bits 30 and 31) is _IOC_WRITE, or _IOC_WRITE | _IOC_READ, of asm-generic/ioctl.h.
    """
    size = size_of(number) if size is None else size
    return (1 if number in WRITES_ONLY else 3) << 30 | size << 16 | 0xF6 << 8 | number


def call(fd: int, number: int, *values: object) -> tuple[object, ...]:
    """Make a call and return its structure as the kernel left it; raise ``OSError`` where the call fails."""
    data = bytearray(packed(number, *values))
    fcntl.ioctl(fd, request_of(number), data, True)  # noqa: FBT003 - by position only
    return unpacked(number, bytes(data))

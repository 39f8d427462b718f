"""Overwrites blocks that are there already, each by another way to wait for them, once the device fails.

``failing_writes.py POINT data|…``: says "ready", waits for a line on standard input, and says a line of JSON for each.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import sys
from collections.abc import Callable

from capable import can, within

os.chdir(sys.argv[1])
SIZE = within("file_size", 512 * 128) // 512 * 512


def opened(name: str, flags: int = 0) -> int:
    """Open a file, made where it is not there."""
    return os.open(name, os.O_RDWR | os.O_CREAT | flags, 0o644)


MARK = b"vexlab was here "
# Each way, with what it needs: msync(2) and writes with O_SYNC end in the filesystem's fsync.
WAYS = {
    "fsync": "fsync",
    "fdatasync": "fdatasync",
    "msync": "mmap_write fsync",
    "o_sync": "fsync",
    "o_dsync": "fdatasync",
    "syncfs": "syncfs",
}
names = [name for name, needs in WAYS.items() if can(*needs.split())]
for name in names:
    fd = opened(name)
    os.write(fd, MARK.ljust(512, b".") * (SIZE // 512))
    if can("fsync"):
        os.fsync(fd)
    os.close(fd)
folder = os.open(".", os.O_RDONLY)
if can("fsync"):
    os.fsync(folder)
else:
    os.sync()
files = {name: opened(name, {"o_sync": os.O_SYNC, "o_dsync": os.O_DSYNC}.get(name, 0)) for name in names}
print("ready", flush=True)
sys.stdin.readline()

libc = ctypes.CDLL(None, use_errno=True)


def syncfs(fd: int) -> None:
    """Have a filesystem on the disk."""
    if libc.syncfs(fd):
        raise OSError(ctypes.get_errno(), "syncfs")


def told(name: str, *steps: Callable[[], object]) -> None:
    """Do the steps, and say how they ended."""
    try:
        for step in steps:
            step()
        got = "OK"
    except OSError as error:
        got = errno.errorcode[error.errno or 0]
    print(json.dumps({"name": name, "got": got}), flush=True)


def through_a_mapping() -> None:
    """Store through a mapping, and wait for it."""
    with mmap.mmap(files["msync"], 8192) as memory:
        memory[:10] = b"after that"
        memory.flush()


def folder_with_a_new_name() -> None:
    """Make a name, and wait for its folder."""
    if can("mkdir"):
        os.mkdir("new")
    else:
        os.close(os.open("new", os.O_CREAT))
    if can("fsync"):
        os.fsync(folder)
    elif sys.argv[2] != "data":
        syncfs(folder)  # which tells of other files' data as well


after = {name: lambda fd=fd: os.pwrite(fd, b"after " * 1000, 4096) for name, fd in files.items()}
steps = {
    "fsync": ("fsync", lambda: os.fsync(files["fsync"])),
    "fdatasync": ("fdatasync", lambda: os.fdatasync(files["fdatasync"])),
    "msync": ("msync", None),
    "o_sync": ("write with O_SYNC", lambda: None),
    "o_dsync": ("write with O_DSYNC", lambda: None),
    "syncfs": ("syncfs", lambda: syncfs(files["syncfs"])),
}
for name in names:
    words, wait = steps[name]
    told(words, *((after[name], wait) if wait else (through_a_mapping,)))
told("fsync of a folder with a new name", folder_with_a_new_name)

"""Ways to change the bytes of a collection as those of any other file, all of which must be refused.

``vector_file_writes.py COLLECTION PLAIN``: COLLECTION is there, PLAIN is made. Each way is tried by a child, which a
signal may end. Prints the ways that were let through, and at its end how many were tried.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Callable

PATH, PLAIN = sys.argv[1:]
TEXT = "/etc/passwd"  # a file with bytes to copy
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]


def opened(flags: int, of: str = PATH) -> int:
    """Return a descriptor of the collection, or of another file."""
    return os.open(of, flags, 0o600)


def store(memory: mmap.mmap) -> None:
    """Store through a mapping."""
    memory[0:8] = b"overwrit"


def mapped() -> None:
    """Store through a shared mapping."""
    store(mmap.mmap(opened(os.O_RDWR), 4096))


def mapped_and_made_writable() -> None:
    """Store through a mapping that is not one for writing, and becomes one by mprotect(2)."""
    address = LIBC.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, opened(os.O_RDWR), 0)
    if LIBC.mprotect(ctypes.c_void_p(address), 4096, mmap.PROT_READ | mmap.PROT_WRITE):
        raise OSError(ctypes.get_errno(), "mprotect")
    ctypes.memset(address, 120, 8)


def mapped_before_it_was_one() -> None:
    """Store through a mapping of a file that becomes a collection afterwards, if it does."""
    fd = opened(os.O_RDWR | os.O_CREAT, PLAIN)
    os.ftruncate(fd, 8192)
    memory = mmap.mmap(fd, 8192)
    store(memory)
    os.ftruncate(fd, 0)
    made = subprocess.run(["vexctl", "create", PLAIN, "--dim", "4"], capture_output=True, check=False)
    if made.returncode:
        raise OSError(0, "not made one")
    subprocess.run(["vexctl", "add", PLAIN, "1", "2", "3", "4"], check=True, capture_output=True)
    store(memory)


WAYS: dict[str, Callable[[], object]] = {
    "write": lambda: os.write(opened(os.O_RDWR), b"overwritten"),
    "pwrite behind the end": lambda: os.pwrite(opened(os.O_WRONLY), b"x", 1 << 20),
    "append": lambda: os.write(opened(os.O_WRONLY | os.O_APPEND), b"x"),
    "truncate": lambda: os.truncate(PATH, 4096),
    "truncate to more": lambda: os.truncate(PATH, 1 << 20),
    "ftruncate": lambda: os.ftruncate(opened(os.O_RDWR), 0),
    "O_TRUNC": lambda: opened(os.O_RDWR | os.O_TRUNC),
    "fallocate": lambda: os.posix_fallocate(opened(os.O_RDWR), 0, 1 << 20),
    "copy_file_range": lambda: os.copy_file_range(opened(os.O_RDONLY, TEXT), opened(os.O_WRONLY), 10),
    "sendfile": lambda: os.sendfile(opened(os.O_WRONLY), opened(os.O_RDONLY, TEXT), 0, 10),
    "a mapping": mapped,
    "a mapping made writable": mapped_and_made_writable,
    "a mapping from before": mapped_before_it_was_one,
}
for name, way in WAYS.items():
    pid = os.fork()
    if not pid:
        signal.alarm(30)
        try:
            way()
        except OSError:
            os._exit(1)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    refused = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1
    if not refused and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGBUS, signal.SIGSEGV)):
        print(name)
print(json.dumps({"ways": len(WAYS)}))

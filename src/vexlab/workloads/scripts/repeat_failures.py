"""What fails over and over, so that what an error path forgets to give back adds up.

``repeat_failures.py FOLDER GROUP TIMES``: works in FOLDER and does each failure of GROUP so often. An operation that
succeeds where it must fail, or fails with another error, is done once and printed: ``open('x', 0) gave success, not
ENOENT``. Of what the profile says is refused the error that refuses it is as good.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import sys
from collections.abc import Callable

from capable import broken, can, error_of, within

FOLDER, GROUP, TIMES = sys.argv[1], sys.argv[2], int(sys.argv[3])
TOP = "dir" if can("mkdir") else "."
LIBC = ctypes.CDLL(None, use_errno=True)
LARGEST = (1 << 63) - 1
# What each call may need beyond what a filesystem must have.
NEEDS = {
    "mkdir": "mkdir",
    "rmdir": "rmdir",
    "unlink": "unlink",
    "symlink": "symlink",
    "link": "link",
    "mkfifo": "fifo",
    "rename": "rename",
}
unexpected: dict[tuple[str, str, str, str], None] = {}


def fails(expected: str, call: Callable[..., object], *args: object, needs: str = "") -> None:
    """Do ``call`` often; note where it gives none of the ``expected`` errors ("success": it may succeed)."""
    names = (needs or NEEDS.get(call.__name__, "")).split()
    if broken(*names):
        return
    accepted = [*expected.split(), *map(error_of, names)]
    for _ in range(TIMES):
        try:
            call(*args)
            got = "success"
        except OSError as error:
            got = errno.errorcode.get(error.errno or 0, str(error.errno)).replace("ENOTSUP", "EOPNOTSUPP")
        if got not in accepted:
            unexpected[(call.__name__, str(args)[:60], got, expected)] = None
            return


def create(path: str, flags: int = os.O_CREAT | os.O_EXCL) -> None:
    """Make a file."""
    os.close(os.open(path, flags, 0o600))


def xattrs() -> None:
    """Extended attributes."""
    if not attributes:
        fails("EOPNOTSUPP", os.setxattr, "file", "user.there", b"x", needs="xattr")
        fails("EOPNOTSUPP", os.getxattr, "file", "user.there", needs="xattr")
        fails("EOPNOTSUPP", os.removexattr, "file", "user.there", needs="xattr")
        return
    fails("EEXIST", os.setxattr, "file", "user.there", b"x", os.XATTR_CREATE)
    fails("ENODATA", os.setxattr, "file", "user.absent", b"x" * within("xattr_value_max", 900), os.XATTR_REPLACE)
    # XATTR_SIZE_MAX: xfs stores it
    fails("ENOSPC E2BIG success", os.setxattr, "file", "user.large", b"x" * 65536, needs="xattr_value_max")
    if "user.large" in os.listxattr("file") and os.getxattr("file", "user.large") != b"x" * 65536:
        unexpected["setxattr", "user.large", "success", "the value kept"] = None
    fails("E2BIG", os.setxattr, "file", "user.large", b"x" * 65537)
    fails("ERANGE", os.setxattr, "file", "user." + "n" * 300, b"x")
    fails("EOPNOTSUPP", os.setxattr, "file", "nonsense.name", b"x")
    fails("ENODATA", os.getxattr, "file", "user.absent")
    fails("ENODATA", os.removexattr, "file", "user.absent")
    small = ctypes.create_string_buffer(2)

    def getxattr() -> None:
        if LIBC.getxattr(b"file", b"user.there", small, 2) < 0:
            raise OSError(ctypes.get_errno(), "")

    fails("ERANGE", getxattr)


def names() -> None:
    """Names that are there, absent, too long or of another type."""
    long = "n" * 256
    fails("EEXIST", create, "file")
    fails("EEXIST", os.symlink, "t" * within("symlink_max", 300), "file")
    fails("EEXIST", os.link, "other", "file")
    fails("EEXIST", os.mkfifo, "file")
    for call in (create, os.mkdir, os.unlink, os.rmdir):
        fails("ENAMETOOLONG", call, long)
    fails("ENOENT", create, "absent/name")
    fails("ENOTDIR", create, "file/name")
    fails("ENOENT", os.unlink, "absent")
    fails("ENOENT", os.stat, "absent")
    if not can("mkdir"):
        fails("EEXIST", os.mkdir, "file")
        fails("", os.mkdir, "folder")
        return
    fails("EEXIST", os.mkdir, "dir")
    fails("ENOTEMPTY", os.rmdir, "dir")
    fails("EISDIR", os.unlink, "dir")
    fails("EINVAL", os.rename, "dir", "dir/inner/below", needs="rename rename_directory")
    fails("EISDIR", os.rename, "file", "dir", needs="rename rename_over")
    fails("ENOTDIR", os.rename, "dir", "file", needs="rename rename_over rename_directory")


def opens() -> None:
    """Opens, those that succeed too."""
    for _ in range(5 * TIMES):
        os.close(os.open("file", os.O_RDWR))
        os.close(os.open(TOP, os.O_RDONLY))
    for _ in range(TIMES):
        os.listdir(TOP)
        if can("truncate_down"):
            os.close(os.open("file", os.O_RDWR | os.O_TRUNC))
    fails("EISDIR", os.open, TOP, os.O_RDWR)
    fails("ENOTDIR", os.open, "file", os.O_DIRECTORY)


def calls() -> None:
    """Calls on open files: sizes and places that no file has, requests that no filesystem knows."""
    fd, top = os.open("file", os.O_RDWR), os.open(TOP, os.O_RDONLY)
    fails("EFBIG EINVAL success", os.ftruncate, fd, LARGEST, needs="truncate_up")  # xfs has files of this size
    fails("EINVAL", os.ftruncate, fd, -1)
    fails("EINVAL", os.lseek, fd, -5, os.SEEK_SET)
    largest = os.fstat(fd).st_size
    fails("EFBIG EINVAL success" if largest else "EFBIG EINVAL", os.pwrite, fd, b"x", LARGEST - 1)
    if largest not in (0, LARGEST) or (largest and os.pread(fd, 1, LARGEST - 1) != b"x"):
        unexpected["ftruncate, pwrite", "the largest file", "success", "the size and the byte kept"] = None
    if can("truncate_down"):
        os.ftruncate(fd, 0)
    fails("EISDIR", os.read, top, 10)
    for request in (0x5400, 0xC0046600 | 99, 0x8004F6FF):
        fails("ENOTTY EINVAL EOPNOTSUPP", fcntl.ioctl, fd, request, bytearray(64))
        fails("ENOTTY EINVAL EOPNOTSUPP", fcntl.ioctl, top, request, bytearray(64))
    os.close(fd)
    os.close(top)


def vectors() -> None:
    """Calls of VexFS (include/uapi/vexfs.h) whose buffers nobody can read or write, or that hold what is refused."""
    fd = os.open("collection", os.O_CREAT | os.O_RDWR)

    def call(number: int, shape: str, values: tuple[int, ...], way: int = 3) -> None:
        data = bytearray(struct.pack("=" + shape, *values))
        fcntl.ioctl(fd, way << 30 | len(data) << 16 | 0xF6 << 8 | number, data, True)  # noqa: FBT003 - by position only

    bad, nan = 8, float("nan")
    fails("EINVAL", call, 1, "5I3I", (1, 0, 0, 0, 0, 0, 0, 0), 1)
    room, kept, refused = (ctypes.c_uint64 * 64)(), (ctypes.c_float * 4)(1, 2, 3, 4), (ctypes.c_float * 4)(1, nan, 3, 4)
    good, wrong, into = ctypes.addressof(kept), ctypes.addressof(refused), ctypes.addressof(room)
    try:
        call(1, "5I3I", (1, 4, 0, 16, 0, 0, 0, 0), 1)
        call(3, "4I6Q", (1, 4, 1, 16, good, good, 0, 0, 0, 0))
    except OSError:
        pass  # a collection already
    fails("EEXIST EINVAL", call, 1, "5I3I", (1, 4, 0, 0, 0, 0, 0, 0), 1)
    fails("EFAULT", call, 3, "4I6Q", (1, 4, 2, 0, bad, 0, 0, 0, 0, 0))
    fails("EFAULT", call, 3, "4I6Q", (1, 4, 1, 16, good, bad, 0, 0, 0, 0))
    fails("EFAULT", call, 3, "4I6Q", (1, 4, 1, 16, good, good, bad, 0, 0, 0))
    fails("EINVAL", call, 3, "4I6Q", (1, 4, 1, 0, wrong, 0, 0, 0, 0, 0))
    fails("EINVAL", call, 3, "4I6Q", (1, 4, 1, 24, good, into, 0, 0, 0, 0))
    fails("EFAULT", call, 6, "4I2Q2I3Q", (1, 4, 3, 0, bad, bad, 0, 0, 0, 0, 0))
    fails("EFAULT", call, 6, "4I2Q2I3Q", (1, 4, 3, 0, good, bad, 0, 0, 0, 0, 0))
    fails("EINVAL", call, 6, "4I2Q2I3Q", (1, 4, 3, 0, wrong, into, 0, 0, 0, 0, 0))
    fails("EFAULT", call, 4, "2I3Q2I2Q", (1, 4, 1, bad, 0, 0, 0, 0, 0))
    fails("EFAULT", call, 4, "2I3Q2I2Q", (1, 4, 1, good, bad, 8, 0, 0, 0))
    fails("EFAULT", call, 7, "2I2Q2I3Q", (1, 4096, 0, bad, 0, 0, 0, 0, 0))
    fails("ENOENT", call, 4, "2I3Q2I2Q", (1, 4, 99, bad, 0, 0, 0, 0, 0))
    fails("ENOENT", call, 5, "2I3Q", (1, 0, 99, 0, 0), 1)
    os.close(fd)


if can("mkdir"):
    os.makedirs(FOLDER, exist_ok=True)
    os.chdir(FOLDER)
    os.makedirs("dir/inner", exist_ok=True)
else:
    os.chdir(os.path.dirname(FOLDER))
for each in ("file", "other"):
    os.close(os.open(each, os.O_CREAT | os.O_RDWR))
try:
    if not broken("xattr"):
        os.setxattr("file", "user.there", b"value")
    attributes = can("xattr")
except OSError:
    attributes = False
{"xattrs": xattrs, "names": names, "opens": opens, "calls": calls, "vectors": vectors}[GROUP]()
for name, words, got, expected in unexpected:
    print(f"{name}{words} gave {got}, not {expected}")

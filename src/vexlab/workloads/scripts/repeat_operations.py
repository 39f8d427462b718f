"""What succeeds over and over and in the end leaves the tree as it was: nothing may stay behind.

``repeat_operations.py FOLDER GROUP TIMES``: works in FOLDER and does the operations of GROUP so often. A filesystem may
refuse what not all can do; anything else that fails ends the script with Python's own words. What the profile says is
refused is asked for all the same, over and over: refusing may leak, too.
"""

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import mmap
import os
import struct
import sys
from collections.abc import Callable
from typing import TypeVar

from capable import broken, can, entries, within

Result = TypeVar("Result")
FOLDER, GROUP, TIMES = sys.argv[1], sys.argv[2], int(sys.argv[3])
LIBC = ctypes.CDLL(None, use_errno=True)
KEPT, TOP = ("kept/", "kept") if can("mkdir") else ("kept-", ".")
FOLDERS = can("mkdir", "rmdir")
CANNOT = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ENOTTY, errno.EPERM)
LARGEST: int = within("file_size", 300000)
COLD: int = entries(130, 165)
READERS = 3
AT_FDCWD, RENAME_EXCHANGE = -100, 2
REQUESTS = {0x80086601: 8, 0x80087601: 8, 0xC020660B: 32 + 56 * 4, 0x801C581F: 28}  # each with the size of its memory


def perhaps(what: str, call: Callable[..., Result], *args: object) -> Result | None:
    """Do what may be refused."""
    if not broken(*what.split()):
        try:
            return call(*args)
        except OSError as error:
            if error.errno not in CANNOT:
                raise
    return None


def done(what: str, call: Callable[..., object], *args: object) -> bool:
    """Do it and return whether it was: it must be where the profile says that it works."""
    if broken(*what.split()):
        return False
    try:
        call(*args)
    except OSError:
        if can(*what.split()):
            raise
        return False
    return True


def called(name: str) -> str:
    """Return the name, or as much of it as a name may have."""
    return name[: within("name_max", 255)]


def make(name: str) -> None:
    """Make a file that was not there."""
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))


def exchange(one: str, other: str) -> None:
    """Exchange two names."""
    if LIBC.renameat2(AT_FDCWD, one.encode(), AT_FDCWD, other.encode(), RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), "renameat2")


def nameless() -> None:
    """Make a file without a name, and let it go."""
    os.close(os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600))


def folders(n: int) -> None:
    """Put more names into a directory than fit into a few blocks: whatever is kept of large directories alone."""
    os.mkdir(f"large{n}")
    names = [f"large{n}/" + called(f"{k:04}-{'x' * 60}") for k in range(entries(450, 65))]
    links = within("link_max", 460) - 2 if can("link") else 0
    for number, name in enumerate(names):
        if number < links:
            os.link(f"{KEPT}other", name)
        else:
            make(name)
    for name in names:
        os.unlink(name)
    os.rmdir(f"large{n}")


def directories(n: int) -> None:
    """Make, move, exchange and remove directories."""
    os.mkdir(f"dir{n}")
    os.mkdir(f"dir{n}/inner")
    if done("rename_directory", os.rename, f"dir{n}/inner", f"{KEPT}moved"):
        perhaps("rename_exchange", exchange, f"{KEPT}moved", f"dir{n}")
        os.rmdir(f"{KEPT}moved")
    else:
        os.rmdir(f"dir{n}/inner")
    os.rmdir(f"dir{n}")


def names(n: int) -> None:
    """Make, rename, link and remove names of every type."""
    files(n)
    if FOLDERS:
        directories(n)
    elif not can("mkdir"):
        perhaps("mkdir", os.mkdir, f"dir{n}")
    for target in ("short", "long/" * 100):
        if done("symlink", os.symlink, target[: within("symlink_max", len(target))], "sym"):
            os.unlink("sym")
    perhaps("fifo", os.mkfifo, "fifo")
    if os.path.exists("fifo"):
        os.unlink("fifo")
    perhaps("tmpfile", nameless)
    fd = os.open("open", os.O_CREAT | os.O_RDWR)
    removed = done("unlink_open", os.unlink, "open")
    os.write(fd, b"x" * 9000)
    os.close(fd)
    if not removed:
        os.unlink("open")


def files(n: int) -> None:
    """Make, rename, link and remove files."""
    kept = f"{KEPT}file{n}"
    make(f"file{n}")
    if not (done("rename", os.rename, f"file{n}", "file") and done("rename", os.rename, "file", kept)):
        os.unlink(f"file{n}")
        make(kept)
    make("file")
    if not done("rename rename_over", os.rename, "file", kept):
        os.unlink("file")
    perhaps("link", os.link, kept, "link")
    for path in (kept, "link"):
        if os.path.lexists(path):
            os.unlink(path)


def at(place: int) -> int:
    """Return a place in a file of 300000 bytes, or of as many as there may be."""
    return place * LARGEST // 300000


def mapped(fd: int) -> None:
    """Store through a mapping."""
    with mmap.mmap(fd, at(100000)) as view:
        view[at(50000) : at(50000) + 10] = b"0123456789"
        view.flush()


def data(n: int) -> None:
    """Write, read, cut, map and copy."""
    fd = os.open("data", os.O_CREAT | os.O_RDWR)
    os.pwrite(fd, b"x" * at(70000), n * 11)
    os.pread(fd, at(50000), 5)
    if can("truncate_down"):
        os.ftruncate(fd, at(30001))
    if not done("truncate_up", os.ftruncate, fd, at(300000)):
        os.pwrite(fd, b"\0", at(300000) - 1)
    os.pwrite(fd, b"y" * 5000, at(200001))
    done("fsync", os.fsync, fd)
    done("fdatasync", os.fdatasync, fd)
    perhaps("fallocate", os.posix_fallocate, fd, 0, at(100000))
    done("mmap_write", mapped, fd)
    os.lseek(fd, 0, os.SEEK_DATA)
    os.lseek(fd, 0, os.SEEK_HOLE)
    perhaps("copy_file_range", os.copy_file_range, fd, fd, 4096, 0, at(200000))
    os.close(fd)
    direct = perhaps("direct_io", os.open, "data", os.O_RDWR | os.O_DIRECT)
    if direct is not None:
        with mmap.mmap(-1, 8192) as page:
            perhaps("direct_io", os.readv, direct, [page])
            perhaps("direct_io", os.pwritev, direct, [page], 8192)
        os.close(direct)
    if can("truncate_down"):
        os.truncate("data", 0)
    os.unlink("data")


def stat(n: int) -> None:
    """Ask for what is known of a file, and set it."""
    os.stat(f"{KEPT}file")
    os.statvfs(TOP)
    os.listdir(TOP)
    os.access(f"{KEPT}file", os.R_OK)
    if os.path.lexists("sym") or done("symlink", os.symlink, "t" * within("symlink_max", 200), "sym"):
        os.readlink("sym")
    fd, top = os.open(f"{KEPT}file", os.O_RDWR), os.open(TOP, os.O_RDONLY)
    os.read(fd, 20000)
    os.fstat(fd)
    done("fsync", os.fsync, top)
    done("chmod", os.fchmod, fd, 0o600 + n % 2)
    done("chown", os.fchown, fd, n % 3, n % 5)
    done("utimes", os.utime, fd, (n, n))
    if done("locks", fcntl.flock, fd, fcntl.LOCK_EX):
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for request, size in REQUESTS.items():
        room = struct.pack("=QQIII", 0, 1 << 40, 0, 0, 4).ljust(size, b"\0")[:size]  # as FS_IOC_FIEMAP has it
        perhaps("", fcntl.ioctl, fd, request, bytearray(room))
    os.close(fd)
    os.close(top)


def attributes(n: int) -> None:
    """Set, read and remove extended attributes."""
    perhaps("xattr", os.setxattr, f"{KEPT}file", "user.there", b"value")
    if perhaps("xattr", os.listxattr, f"{KEPT}file"):
        long = (b"longer value" * 20)[: within("xattr_value_max", 240)]
        os.setxattr(f"{KEPT}file", "user.there", long, os.XATTR_REPLACE)
        os.getxattr(f"{KEPT}file", "user.there")
        os.setxattr(f"{KEPT}file", f"user.number{n % 7}", bytes(within("xattr_value_max", n % 100)))
        done("trusted_xattr", os.setxattr, f"{KEPT}file", "trusted.mine", b"x")
        os.listxattr(f"{KEPT}file")
        for name in os.listxattr(f"{KEPT}file"):
            os.removexattr(f"{KEPT}file", name)
    make("plain")
    perhaps("xattr", os.setxattr, "plain", "user.goes", b"with the file")
    os.unlink("plain")


def vectors(n: int) -> None:
    """Make a collection of VexFS (include/uapi/vexfs.h), fill it, ask it in every way, and remove it."""
    fd = os.open("collection", os.O_CREAT | os.O_RDWR)
    floats, ids = array.array("f", [1, 2, 3, 4] * 64), array.array("Q", [0] * 256)
    rows, into = floats.buffer_info()[0], ids.buffer_info()[0]

    def call(number: int, shape: str, values: tuple[int, ...], way: int = 3) -> None:
        data = bytearray(struct.pack("=" + shape, *values))
        fcntl.ioctl(fd, way << 30 | len(data) << 16 | 0xF6 << 8 | number, data, True)  # noqa: FBT003 - by position only

    call(1, "5I3I", (1, 4, n % 4, 0, 0, 0, 0, 0), 1)
    call(3, "4I6Q", (1, 4, 64, 0, rows, 0, 0, 0, 0, 0))
    call(7, "2I2Q2I3Q", (1, 8, 0, into, 0, 0, 0, 0, 0))
    first = ids[0]
    call(4, "2I3Q2I2Q", (1, 4, first, rows, 0, 0, 0, 0, 0))
    call(6, "4I2Q2I3Q", (1, 4, 8, 0, rows, into, 0, 0, 0, 0, 0))
    call(5, "2I3Q", (1, 0, first, 0, 0), 1)
    call(2, "4I4Q2I4Q", (1,) + (0,) * 13)
    os.fsync(fd)
    os.close(fd)
    os.unlink("collection")


def cold_name(k: int) -> str:
    """Return a name so long that the folder has several blocks."""
    return ("cold/" if can("mkdir") else "") + called(f"{k}-{'name' * 40}")


def fill_cold() -> None:
    """Make what the readers look for, once."""
    if os.path.lexists(cold_name(COLD - 1)):
        return
    if can("mkdir"):
        os.mkdir("cold")
    for k in range(COLD):
        if k % 3 and can("symlink"):
            os.symlink("t" * within("symlink_max", 200), cold_name(k))
        else:
            make(cold_name(k))
            perhaps("xattr", os.setxattr, cold_name(k), "user.long", b"v" * within("xattr_value_max", 300))


def read_cold(reader: int) -> bool:
    """Look for all of them, beginning elsewhere than the others; return whether the directory lists them all."""
    for k in [(first + reader * 37) % COLD for first in range(COLD)]:
        if k % 3 and can("symlink"):
            os.readlink(cold_name(k))
        else:
            os.close(os.open(cold_name(k), os.O_RDONLY))
            perhaps("xattr", os.listxattr, cold_name(k))
    return sum("-name" in name for name in os.listdir(os.path.dirname(cold_name(0)) or ".")) == COLD


def cold(_n: int) -> None:
    """Have three look at once for what is not in memory: whatever is made when first asked for must be made once."""
    fill_cold()
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("3")
    for reader in range(READERS):
        if not os.fork():
            os._exit(not read_cold(reader))
    for _ in range(READERS):
        if os.wait()[1]:
            sys.exit("a reader of what is not in memory failed")


if can("mkdir"):
    os.makedirs(FOLDER, exist_ok=True)
    os.chdir(FOLDER)
    os.makedirs("kept/inner", exist_ok=True)
else:
    os.chdir(os.path.dirname(FOLDER))
for path in (f"{KEPT}file", f"{KEPT}other"):
    with open(path, "wb") as kept:
        kept.write(b"kept" * 5000)
group = {each.__name__: each for each in (names, data, stat, attributes, vectors, cold, folders)}[GROUP]
for number in range(TIMES):
    group(number)

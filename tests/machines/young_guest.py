"""Runs in the guest: tries each operation on the filesystem at ``argv[1]`` once, and prints how each ended, as JSON.

``ok`` is an operation that succeeded and had its effect, the name of an errno one that was refused, ``no`` one that
succeeded without effect; ``needs x`` is one that was not tried because ``x`` was refused.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import mmap
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

DATA = bytes(range(256)) * 32  # two blocks
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2  # linux/fs.h
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878
FS_INFO = 0xC0A8F600  # VEXFS_IOC_FS_INFO: _IOWR(0xF6, 0, 168 bytes), which begin with the version, 1
MS_RDONLY, MS_REMOUNT = 1, 32
AT_FDCWD = -100
LIBC = ctypes.CDLL(None, use_errno=True)
TOP = Path(sys.argv[1])
Operation = Callable[[Path], object]


def _call(status: int) -> None:
    if status < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _file(path: Path) -> Path:
    path.write_bytes(DATA)
    return path


def _with(path: Path, flags: int, use: Callable[[int], object]) -> object:
    number = os.open(path, flags, 0o644)
    try:
        return use(number)
    finally:
        os.close(number)


def _write(at: Path) -> object:
    return _file(at).read_bytes() == DATA and at.stat().st_size == len(DATA)


def _append(at: Path) -> object:
    _file(at)
    with at.open("ab") as file:
        file.write(b"more")
    return at.read_bytes() == DATA + b"more"


def _listed(at: Path) -> object:
    _file(at)
    return at in TOP.iterdir()


def _unlink(at: Path) -> object:
    _file(at).unlink()
    return not at.exists()


def _cut(at: Path) -> object:
    os.truncate(_file(at), 100)
    return at.read_bytes() == DATA[:100]


def _grown(at: Path, size: int) -> object:
    os.truncate(_file(at), size)
    content = at.read_bytes()
    return content[: len(DATA)] == DATA and content[len(DATA) :] == bytes(size - len(DATA))


def _gap(at: Path) -> object:
    _with(_file(at), os.O_WRONLY, lambda number: os.pwrite(number, b"end", 40000))
    return at.read_bytes() == DATA + bytes(40000 - len(DATA)) + b"end"


def _large(at: Path) -> object:
    _with(_file(at), os.O_WRONLY, lambda number: os.pwrite(number, b"end", 1 << 20))
    return at.stat().st_size == (1 << 20) + 3


def _mkdir(at: Path) -> object:
    at.mkdir()
    _file(at / "inside")
    return [*at.iterdir()] == [at / "inside"] and at.stat().st_nlink == 2


def _rmdir(at: Path) -> object:
    at.mkdir()
    at.rmdir()
    return not at.exists()


def _link(at: Path) -> object:
    os.link(_file(at), f"{at}.second")
    return at.stat().st_nlink == 2 and Path(f"{at}.second").samefile(at)


def _links(at: Path) -> object:
    _file(at)
    for number in range(300):
        os.link(at, f"{at}.{number}")
    return at.stat().st_nlink == 301


def _symlink(at: Path, target: str) -> object:
    at.symlink_to(target)
    return str(at.readlink()) == target


def _device(at: Path) -> object:
    os.mknod(at, 0o20644, os.makedev(1, 3))
    return at.stat().st_rdev == os.makedev(1, 3)


def _fifo(at: Path) -> object:
    os.mkfifo(at)
    return at.is_fifo()


def _socket(at: Path) -> object:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(at))
    return at.is_socket()


def _xattr(at: Path) -> object:
    os.setxattr(_file(at), "user.a", b"value")
    return os.getxattr(at, "user.a") == b"value" and os.listxattr(at) == ["user.a"]


def _tmpfile(at: Path) -> object:
    return _with(at.parent, os.O_TMPFILE | os.O_WRONLY, lambda number: os.fstat(number).st_nlink == 0)


def _rename(at: Path) -> object:
    _file(at).rename(f"{at}.new")
    return not at.exists() and Path(f"{at}.new").read_bytes() == DATA


def _rename_over(at: Path) -> object:
    Path(f"{at}.new").write_bytes(b"old")
    return _rename(at)


def _rename_dir(at: Path) -> object:
    at.mkdir()
    at.rename(f"{at}.new")
    return Path(f"{at}.new").is_dir() and not at.exists()


def _rename_flags(at: Path, flags: int) -> object:
    other = Path(f"{at}.new")
    if flags == RENAME_EXCHANGE:
        other.write_bytes(b"other")
    _call(LIBC.renameat2(AT_FDCWD, bytes(_file(at)), AT_FDCWD, bytes(other), flags))
    return other.read_bytes() == DATA and (flags != RENAME_EXCHANGE or at.read_bytes() == b"other")


def _mapped(at: Path) -> object:
    def use(number: int) -> object:
        with mmap.mmap(number, 0, mmap.MAP_SHARED, mmap.PROT_READ) as mapping:
            return mapping[:] == DATA

    return _with(_file(at), os.O_RDONLY, use)


def _mapped_write(at: Path) -> object:
    def use(number: int) -> None:
        with mmap.mmap(number, 0) as mapping:
            mapping[4096] = 77

    _with(_file(at), os.O_RDWR, use)
    return at.read_bytes()[4096] == 77


def _sendfile(at: Path) -> object:
    def use(number: int) -> object:
        with Path("/tmp/sent").open("wb") as out:
            return os.sendfile(out.fileno(), number, 0, len(DATA)) == len(DATA)

    return _with(_file(at), os.O_RDONLY, use)


def _synchronous(at: Path) -> object:
    return _with(at, os.O_WRONLY | os.O_CREAT | os.O_SYNC, lambda number: os.write(number, DATA) == len(DATA))


def _chown(at: Path) -> object:
    os.chown(_file(at), 1000, 1001)
    return (at.stat().st_uid, at.stat().st_gid) == (1000, 1001)


def _chmod(at: Path) -> object:
    _file(at).chmod(0o604)
    return at.stat().st_mode & 0o7777 == 0o604


def _fine_times(at: Path) -> object:
    wanted = 1_000_000_001_123_456_789
    os.utime(_file(at), ns=(wanted, wanted))
    return at.stat().st_mtime_ns == wanted or f"{at.stat().st_mtime_ns / 1e9:.9f}"


def _birth(at: Path) -> object:
    said = subprocess.run(["stat", "-c", "%W", _file(at)], capture_output=True, text=True, check=True).stdout
    return said.strip() not in {"0", "-"}


def _names(_at: Path) -> object:
    made = []
    try:
        for number in range(200):
            made.append(TOP / f"a-name-of-20-byt-{number:03}")
            made[-1].touch()
        return set(made) <= set(TOP.iterdir())
    finally:
        for path in made:
            path.unlink(missing_ok=True)


def _long_name(_at: Path, length: int) -> object:
    return _write(TOP / ("n" * length))


def _frozen(_at: Path) -> object:
    return _with(TOP, os.O_RDONLY, lambda number: [fcntl.ioctl(number, way, 0) for way in (FIFREEZE, FITHAW)] == [0, 0])


def _remounted(_at: Path) -> object:
    _call(LIBC.mount(None, bytes(TOP), None, MS_REMOUNT | MS_RDONLY, None))
    readonly = os.statvfs(TOP).f_flag & os.ST_RDONLY
    _call(LIBC.mount(None, bytes(TOP), None, MS_REMOUNT, None))
    return readonly and not os.statvfs(TOP).f_flag & os.ST_RDONLY


def _own_ioctl(_at: Path) -> object:
    info = bytearray((1).to_bytes(4, "little") + bytes(164))
    _with(TOP, os.O_RDONLY, lambda number: fcntl.ioctl(number, FS_INFO, info))
    return int.from_bytes(info[4:8], "little") == 4096


OPERATIONS: dict[str, Operation] = {
    "write": _write,
    "append": _append,
    "list": _listed,
    "unlink": _unlink,
    "truncate_down": _cut,
    "truncate_up": lambda at: _grown(at, 30000),
    "truncate_far": lambda at: _grown(at, 1 << 20),
    "gap": _gap,
    "large": _large,
    "mkdir": _mkdir,
    "rmdir": _rmdir,
    "link": _link,
    "symlink": lambda at: _symlink(at, "target"),
    "long_symlink": lambda at: _symlink(at, "t" * 200),
    "device": _device,
    "fifo": _fifo,
    "socket": _socket,
    "xattr": _xattr,
    "listxattr": lambda at: os.listxattr(_file(at)) == [],
    "tmpfile": _tmpfile,
    "rename": _rename,
    "rename_over": _rename_over,
    "rename_dir": _rename_dir,
    "noreplace": lambda at: _rename_flags(at, RENAME_NOREPLACE),
    "exchange": lambda at: _rename_flags(at, RENAME_EXCHANGE),
    "mmap": _mapped,
    "mmap_write": _mapped_write,
    "sendfile": _sendfile,
    "fsync": lambda at: _with(_file(at), os.O_RDWR, os.fsync) is None,
    "fdatasync": lambda at: _with(_file(at), os.O_RDWR, os.fdatasync) is None,
    "fsync_dir": lambda _at: _with(TOP, os.O_RDONLY, os.fsync) is None,
    "write_sync": _synchronous,
    "syncfs": lambda _at: _with(TOP, os.O_RDONLY, lambda number: _call(LIBC.syncfs(number))) is None,
    "chown": _chown,
    "chmod": _chmod,
    "fine_times": _fine_times,
    "birth": _birth,
    "blocks": lambda _at: os.statvfs(TOP).f_blocks > os.statvfs(TOP).f_bfree > 0,
    "inodes": lambda _at: os.statvfs(TOP).f_files > 0,
    "name_max": lambda _at: os.statvfs(TOP).f_namemax == 255 or str(os.statvfs(TOP).f_namemax),
    "name_32": lambda at: _long_name(at, 32),
    "name_33": lambda at: _long_name(at, 33),
    "name_255": lambda at: _long_name(at, 255),
    "freeze": _frozen,
    "remount": _remounted,
    "own_ioctl": _own_ioctl,
    "many_names": _names,
    "many_links": _links,
}
NEEDS = {"rmdir": "mkdir", "rename_dir": "mkdir", "many_links": "link", "many_names": "unlink"}


def _outcome(name: str, outcomes: dict[str, str]) -> str:
    needed = NEEDS.get(name, "")
    if needed and outcomes[needed] != "ok":
        return f"needs {needed}"
    try:
        done = OPERATIONS[name](TOP / name)
    except OSError as error:
        number = error.errno or 0
        return "EOPNOTSUPP" if number == errno.EOPNOTSUPP else errno.errorcode.get(number, str(number))
    return done if isinstance(done, str) else "ok" if done else "no"


def main() -> None:
    """Print the outcomes; what was made is removed where that works, so that directories of one block do not fill."""
    outcomes: dict[str, str] = {}
    for name in OPERATIONS:
        outcomes[name] = _outcome(name, outcomes)
        for left in sorted(TOP.rglob("*"), reverse=True):
            with contextlib.suppress(OSError):
                left.rmdir() if left.is_dir() and not left.is_symlink() else left.unlink()
    print(json.dumps(outcomes))  # noqa: T201 - this is the program's answer


main()

"""What uses a resource up and watches how the filesystem says so.

``limits.py RESOURCE POINT``: uses RESOURCE up in the filesystem mounted at POINT. Prints a line for each thing that is
wrong, or "skip: " and the reason.
"""

from __future__ import annotations

import errno
import mmap
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import TypeVar

from capable import broken, can, entries, error_of, within
from room import Large

Result = TypeVar("Result")
which, point = sys.argv[1:]
FOLDERS = can("mkdir", "rmdir")
work = os.path.join(point, "limits") if can("mkdir") else point
if work != point:
    os.mkdir(work)
os.chdir(work)
SYMLINK = within("symlink_max", 900)


def wrong(*words: object) -> None:
    """Say what is wrong."""
    print(*words)


def name_of(error: OSError) -> str:
    """Return the name of the error."""
    return errno.errorcode.get(error.errno or 0, str(error.errno)).replace("ENOTSUP", "EOPNOTSUPP")


def fails(expected: str, what: str, call: Callable[[], object], needs: str = "") -> None:
    """Do it; say where it gives none of the ``expected`` errors ("success": it may succeed)."""
    if needs and broken(needs):
        return
    try:
        call()
    except OSError as error:
        if name_of(error) not in [*expected.split(), error_of(needs)]:
            wrong(what, "says", name_of(error), "where", expected, "is due")
        return
    if "success" not in expected:
        wrong(what, "succeeds where", expected, "is due")


def works(what: str, call: Callable[[], Result]) -> Result | None:
    """Do it and return what it gives; say where it fails."""
    try:
        return call()
    except OSError as error:
        wrong(what, "says", name_of(error), "and should work")
        return None


def create(path: str, data: bytes = b"") -> None:
    """Make a file that holds ``data``."""
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    try:
        if data and os.write(fd, data) != len(data):
            raise OSError(errno.ENOSPC, "short write")
    finally:
        os.close(fd)


def read(path: str) -> bytes:
    """Return what a file holds."""
    with open(path, "rb") as file:
        return file.read()


def folders_without_descriptors() -> None:
    """Directories need no descriptor to be made, renamed and removed."""
    works("mkdir", lambda: os.mkdir("dir"))
    last = "dir"
    if can("rename_directory"):
        works("rename", lambda: os.rename("dir", "moved"))
        last = "moved"
    works("rmdir", lambda: os.rmdir(last))


def descriptors() -> None:
    """No descriptor left."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    for _ in range(20):
        held: list[int] = []
        try:
            while True:
                fd = os.open(f"file{len(held)}", os.O_CREAT | os.O_RDWR)
                held.append(fd)
                os.pwrite(fd, b"%d" % len(held), 0)
        except OSError as error:
            if error.errno != errno.EMFILE:
                wrong("opening too many files says", name_of(error), "not EMFILE")
        fails("EMFILE", "opening a directory", lambda: os.open(".", os.O_RDONLY))
        fails("EMFILE", "duplicating", lambda: os.dup(held[0]))
        works("stat", lambda: os.stat("file3"))
        if FOLDERS:
            folders_without_descriptors()
        for number, fd in enumerate(held, 1):
            if works("pread", lambda: os.pread(fd, 10, 0)) != b"%d" % number:
                wrong("file", number, "holds other data while all descriptors are in use")
            os.close(fd)
        works("opening again", lambda: os.close(os.open("file0", os.O_RDONLY)))
        if os.path.exists(f"file{len(held)}") and os.stat(f"file{len(held)}").st_size:
            wrong("the open that failed left a file with content")


def file_size() -> None:
    """A file as large as the process may make one."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    create("large", b"x" * 5000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
    fd = os.open("large", os.O_RDWR)
    fails("EFBIG", "writing beyond the limit", lambda: os.pwrite(fd, b"y", 8192))
    if can("truncate_up"):
        fails("EFBIG", "truncating beyond the limit", lambda: os.ftruncate(fd, 8193))
    if works("writing across the limit", lambda: os.pwrite(fd, b"z" * 5000, 5000)) != 3192:
        wrong("a write across the limit is not cut off at it")
    if os.fstat(fd).st_size != 8192:
        wrong("the file is", os.fstat(fd).st_size, "bytes, not 8192")
    if os.pread(fd, 9000, 0) != b"x" * 5000 + b"z" * 3192:
        wrong("the file at the limit holds other data")
    os.close(fd)


def kept(count: int) -> None:
    """Say which of the files made first lost its content."""
    for n in range(count):
        if read(f"kept{n}") != b"%d " % n * 1000:
            wrong("file", n, "lost its content")


def fill() -> Large:
    """Write until nothing is free."""
    filler = Large("filler")
    for size in (1 << 20, 1 << 16, 1 << 12):
        try:
            while filler.write(b"f" * size) == size:
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                wrong("filling says", name_of(error), "not ENOSPC")
    filler.close()
    return filler


# All but the filler is in one folder: so many names of each sort as half a folder takes.
NAMES = within("dir_entries", 940)


def blocks() -> None:  # noqa: C901 - one sequence of steps
    """No block left."""
    if not Large("filler").fills():
        print("skip: as many files as there may be, each as large as it may be, do not fill the device")
        return
    for n in range(10):
        create(f"kept{n}", b"%d " % n * 1000)
    os.sync()
    for _ in range(2):
        filler = fill()
        for n in range(60 * NAMES // 940):  # what small room is left, the rest must fail
            try:
                create(f"small{n}", b"s" * 8000)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    wrong("a small file says", name_of(error), "not ENOSPC")
        for n in range(200 * NAMES // 940):
            if FOLDERS:
                fails("ENOSPC success", "mkdir", lambda: os.mkdir(f"dir{n}"))
            fails("ENOSPC success", "symlink", lambda: os.symlink("t" * SYMLINK, f"link{n}"), needs="symlink")
            fails(
                "ENOSPC success EOPNOTSUPP",
                "setxattr",
                lambda: os.setxattr(f"kept{n % 10}", "user.full", b"v" * within("xattr_value_max", 2000)),
                needs="xattr",
            )
        if filler.size < 1 << 20:
            wrong("only", filler.size, "bytes could be written")
        kept(10)
        there = sum(os.path.getsize(path) for path in filler.paths())
        if there != filler.size:
            wrong("the filler is", there, "bytes,", filler.size, "were written")
        works("stat", lambda: os.stat("kept0"))
        works("removing", filler.remove)
        for name in os.listdir("."):
            if name.startswith(("small", "dir", "link")):
                works("removing", lambda: os.rmdir(name) if name.startswith("dir") else os.unlink(name))
        os.sync()
        again = b"a" * within("file_size", 100000)
        works("writing again", lambda: create("again", again))
        if read("again") != again:
            wrong("what was written after there was room again is not there")
        os.unlink("again")
    kept(10)


EACH = within("dir_entries", 1000) // 2  # names in one folder; where it takes few, folders have folders


def spread(number: int) -> str:
    """Return a path, few of them in one folder."""
    folder, inner = f"dir{number // EACH}", "."
    if EACH < 500:
        folder, inner = f"dir{number // EACH // EACH}", f"dir{number // EACH % EACH}"
    return os.path.normpath(f"{folder}/{inner}/{number}") if can("mkdir") else f"dir{number}"


def inodes() -> None:  # noqa: C901 - one sequence of steps
    """No inode left."""
    free = os.statvfs(".").f_ffree
    if free > 30000 or not free:
        print("skip:", free, "inodes are free: as many as anybody can use, or made on demand")
        return
    if not can("mkdir") and free > within("dir_entries", 2 * free) // 2:
        print("skip:", free, "inodes are free, more than names in the only folder")
        return
    for n in range(10):
        create(f"kept{n}", b"%d " % n * 1000)
    for _ in range(2):
        made = 0
        try:
            while made <= free:
                if made % EACH == 0 and can("mkdir"):
                    os.makedirs(os.path.dirname(spread(made)))
                create(spread(made))
                made += 1
        except OSError as error:
            if error.errno != errno.ENOSPC:
                wrong("the last inode says", name_of(error), "not ENOSPC")
        if os.statvfs(".").f_ffree > 16:
            wrong(os.statvfs(".").f_ffree, "inodes are free, and none can be made")
        for _ in range(30):
            fails("ENOSPC", "create", lambda: create("one-more"))
            fails("ENOSPC", "mkdir", lambda: os.mkdir("one-more"), needs="mkdir")
            fails("ENOSPC", "symlink", lambda: os.symlink("x", "one-more"), needs="symlink")
            fails("ENOSPC", "mkfifo", lambda: os.mkfifo("one-more"), needs="fifo")
        if can("link"):
            works("link", lambda: os.link("kept0", "linked"))
            works("unlink", lambda: os.unlink("linked"))
        kept(10)
        subprocess.run("find . -maxdepth 1 -name 'dir*' -exec rm -rf {} +", shell=True, check=True)
        os.sync()
        works("create again", lambda: create("again"))
        works("unlink", lambda: os.unlink("again"))


def limited() -> None:
    """Work with less memory than the page cache would like."""
    larges = [Large(f"large{n}", 4 << 20) for n in range(12)]  # twice what the group may hold, in the page cache
    for n, large in enumerate(larges):
        fails("ENOMEM success", "writing with little memory", lambda: large.write(b"%x" % n * (4 << 20)))
        large.close()
    held: list[int] = []
    for n in range(entries(600, 31)):
        try:
            name = f"name{n}-that-is-somewhat-long"[: within("name_max", 31)]
            held.append(os.open(name, os.O_CREAT | os.O_RDWR))
            if can("xattr"):
                os.setxattr(held[-1], "user.x", b"v" * within("xattr_value_max", 300))
        except OSError as error:
            if error.errno not in (errno.ENOMEM, errno.ENOSPC, errno.EOPNOTSUPP):
                wrong("opening many says", name_of(error))
    for n, large in enumerate(larges):
        for path in large.paths():
            with open(path, "rb") as file:
                size = os.path.getsize(path)
                view: mmap.mmap | bytes = b""
                if size:
                    view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) if can("mmap_read") else file.read()
                if view and (view[0:1] != b"%x" % n or view[len(view) - 1 : len(view)] != b"%x" % n):
                    wrong("file", n, "holds other data")


def memory() -> None:
    """Little memory, by a control group."""
    group = "/mnt/cgroup/limited"
    os.makedirs("/mnt/cgroup", exist_ok=True)
    mounted = subprocess.run(
        "mount -t cgroup2 none /mnt/cgroup && echo +memory >/mnt/cgroup/cgroup.subtree_control && "
        f"mkdir {group} && echo 24M >{group}/memory.max",
        shell=True,
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        print("skip: this kernel limits no memory:", mounted.stderr.decode().strip()[:100])
        return
    child = os.fork()
    if not child:
        with open(group + "/cgroup.procs", "w") as file:
            file.write(str(os.getpid()))
        limited()
        sys.stdout.flush()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:  # the kernel may kill it for want of memory
        wrong("the program died of signal", os.WTERMSIG(status))
    subprocess.run("rm -rf large* name*", shell=True, check=True)
    works("create afterwards", lambda: create("again", b"a" * within("file_size", 100000)))


{"descriptors": descriptors, "file_size": file_size, "blocks": blocks, "inodes": inodes, "memory": memory}[which]()
sys.stdout.flush()

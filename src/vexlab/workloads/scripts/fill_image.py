"""A small filesystem that holds one of everything, and a copy of its device.

``fill_image.py POINT COLLECTION frozen|… DEVICE COPY``: COLLECTION is empty where the filesystem stores no vectors.
With "frozen" DEVICE is copied while the filesystem is frozen: all is in its place, deleted files still open are on the
list of orphans. Otherwise as a power cut would leave it, with work for the journal.
"""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from capable import broken, can, entries, within

point, collection, frozen = sys.argv[1], sys.argv[2], sys.argv[3] == "frozen"
os.chdir(point)
LARGEST = within("file_size", 100000)
NAMES = entries(100, 250)


def tried(needs: str, call: Callable[..., object], *args: Any) -> None:
    """Do what may be refused, and say so."""
    if broken(needs):
        return
    try:
        call(*args)
    except OSError as error:
        print("left out:", call.__name__, args[:2], error.strerror, file=sys.stderr)


def text(name: str, size: int) -> bytes:
    """Return so many bytes of the name."""
    return (name.encode() * 4096)[:size]


def at(path: str) -> str:
    """Return the path; where there are no folders their names are the files' first ones."""
    return path if can("mkdir") else path.replace("/", ".")


def put(path: str, size: int, place: int = 0) -> None:
    """Write a file."""
    fd = os.open(at(path), os.O_RDWR | os.O_CREAT, 0o644)
    os.pwrite(fd, text(path + " ", min(size, LARGEST)), place)
    os.close(fd)


def named(number: int) -> None:
    """Make one of many names in a folder."""
    long = f"large/{number:04}-{'a-long-name-' * 18}"
    if can("link"):
        os.link(at("small/short"), at(long)[: 6 + within("name_max", 250)])
    else:
        put(long[: 6 + within("name_max", 250)], 0)


for name in ("small", "nested", "nested/a", "nested/a/b", "large", "empty", "emptied") if can("mkdir") else ():
    os.mkdir(name)
put("small/short", 100)
put("small/direct", 40000)
put("indirect", 100000)
# fsdamage reads at each of these, also where SEEK_DATA knows no holes.
for place in (0, 4096 * 8**4, 4096 * 8**7) if can("sparse_files") else (0,):
    tried("file_sparse", put, "sparse", 5000, place)
put("nested/a/b/deep", 3000)
if can("link"):
    os.link(at("small/direct"), at("nested/second-name"))
if can("symlink"):
    os.symlink("small/short", "symlink")
    os.symlink("x" * within("symlink_max", 200), "long-symlink")
tried("fifo", os.mkfifo, "fifo")
tried("device_node", os.mknod, "device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
if can("link"):
    os.link(at("small/short"), at("large/first"))
else:
    put("large/first", 0)
for number in range(NAMES):
    named(number)  # six blocks of 4 KiB, where as many long names may be
if can("unlink"):
    os.unlink(at("large/first"))  # leaves unused room before the names
for number in range(5):
    put(f"emptied/{number}", 0)
for number in range(5) if can("unlink") else ():
    os.unlink(at(f"emptied/{number}"))
for path in ("small/short", "large" if can("mkdir") else "indirect"):
    tried("xattr", os.setxattr, at(path), "user.short", b"value")
    tried("xattr", os.setxattr, at(path), "user.a-longer-name", text("attribute ", within("xattr_value_max", 500)))
    tried("trusted_xattr", os.setxattr, at(path), "trusted.own", b"1")
if collection:
    subprocess.run(["vexctl", "create", "collection", "--dim", "5", "--meta-size", "16"], check=True)
    rows = "".join(" ".join(str((n * 7 + k) % 11) for k in range(5)) + f" | tag{n}\n" for n in range(60))
    subprocess.run(["vexctl", "add-many", "collection", "-"], input=rows.encode(), check=True, stdout=2)
put("orphan1", 30000)
put("orphan2", 100)
put("orphan3", 5000)
held = [os.open(f"orphan{n}", os.O_RDWR) for n in (1, 2, 3)]
for n in (1, 2, 3) if can("unlink", "unlink_open") else ():
    os.unlink(f"orphan{n}")
os.sync()
top = os.open(".", os.O_RDONLY)
copy = ["cp", "--sparse=always", sys.argv[4], sys.argv[5]]
if frozen and can("freeze"):
    fcntl.ioctl(top, 0xC0045877, 0)  # FIFREEZE: everything is in its place, the orphans are on their list
    subprocess.run(copy, check=True)
    fcntl.ioctl(top, 0xC0045878, 0)  # FITHAW
elif frozen:
    sys.exit()  # it is unmounted, so that everything is in its place, but no orphans are
else:
    put("nested/late", 5000)
    tried("rename", os.rename, at("small/short"), at("nested/moved"))
    tried("unlink", os.unlink, "fifo")
    os.sync()  # committed, but not yet in its place: the journal is not empty
    subprocess.run(copy, check=True)

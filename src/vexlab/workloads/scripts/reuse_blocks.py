"""A file gets the blocks of folders that are gone.

``reuse_blocks.py POINT ROOM``: all but ROOM bytes are taken. Folders take of it, go, and a file gets all their blocks,
each step on the disk before the next: whoever replays a journal must not put names into the file. The room is a file's
that goes, since not every filesystem can say beforehand what is free (Btrfs's statfs(2) guesses; there folders and
files share no blocks anyway). Prints the file's size, or "skip: " and the reason.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import sys
from collections.abc import Callable

from capable import can, entries, within
from room import Large

ROOM = int(sys.argv[2])
os.chdir(sys.argv[1])
MOST = 1 << 50
# Where a folder takes few names there are more folders.
NAMES = entries(60, 202)
FOLDERS = within("dir_entries", 20 * 60 // NAMES)


def put(name: str, line: bytes, most: int) -> Large:
    """Write ``most`` bytes, or until nothing more can be written."""
    large = Large(name, most)
    try:
        while large.size < most:
            large.write(line * (4096 // len(line)))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
    large.sync()
    return large


def name_it(path: str) -> None:
    """Make a name that takes room in its folder: of a link where there are any."""
    folder, _, name = path.rpartition("/")
    path = f"{folder}/{name[: within('name_max', 255)]}"
    if can("symlink"):
        os.symlink("somewhere", path)
    else:
        os.close(os.open(path, os.O_CREAT))


def make_folders() -> None:
    """Make folders of names, fewer where the room does not hold them all: in F2FS each link takes two blocks."""
    for folder in range(FOLDERS):
        try:
            os.makedirs(f"folders/{folder}")
            for name in range(NAMES):
                name_it(f"folders/{folder}/{name:02}{'name' * 50}")
        except OSError as error:
            if error.errno != errno.ENOSPC or not folder:
                raise
            return


def perhaps(change: Callable[..., None], *value: bytes) -> None:
    """Change an attribute of the folder and each file, or of half of them where it is removed."""
    names = ["few", *glob.glob("few/*name")]
    for name in names[:: 1 if value else 2]:
        with contextlib.suppress(OSError):
            change(name, "user.long", *value)


if not Large("full", MOST).fills():
    sys.exit(print("skip: as many files as there may be, each as large as it may be, do not fill the device") or 0)
room = put("room", b"nothing but room\n" * 15 + b"\n", ROOM)
put("full", b"nothing but room\n" * 15 + b"\n", MOST)
room.remove()
os.sync()
reused = Large("reused", MOST)  # nothing yet
for turn in range(3):
    if turn:
        reused.remove()
        os.sync()
    make_folders()
    shutil.rmtree("folders")
    os.sync()
    # So little that the journal still holds it all when the power is cut: what is large makes it write to the places.
    os.mkdir("few")
    for name in range(min(20, NAMES // 2)):
        open(f"few/{name:02}{'name' * 50}"[: 4 + within("name_max", 255)], "w").close()
        if can("symlink"):
            os.symlink(("target" * 100)[: within("symlink_max", 600)], f"few/link{name}")
    put("few/mapped", b"x" * 4096, 200_000)
    if can("xattr"):
        perhaps(os.setxattr, (b"attribute" * 30)[: within("xattr_value_max", 270)])
        os.sync()
        perhaps(os.removexattr)
    os.sync()
    shutil.rmtree("few")
    os.sync()
    reused = put("reused", b"of a file\n" * 25 + b"12345\n", MOST)
    if can("fsync"):
        os.fsync(os.open(".", os.O_RDONLY))
    else:
        os.sync()
print(reused.size)

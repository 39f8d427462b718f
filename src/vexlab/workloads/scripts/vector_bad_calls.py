"""VexFS's ioctls called as they must not be: every version, length, flag, reserved member and pointer.

``vector_bad_calls.py COLLECTION FOLDER``: COLLECTION has 20 vectors of 4 components, with ids from 1 on; FOLDER is on
the same filesystem. Prints a line for each call that says something else than it must, and at its end how many calls
there were.
"""

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import json
import os
import struct
import sys
from collections.abc import Callable

from vexfs_calls import (
    ADD,
    ALL_INFO,
    CREATE,
    DELETE,
    FS_INFO,
    GET,
    INDEX,
    INFO,
    LIST,
    OF_COLLECTIONS,
    SEARCH,
    SHAPE,
    packed,
    request_of,
    unpacked,
)

PATH, WORK = sys.argv[1:]
BAD = 0xFFFF800000000000  # an address of the kernel
NULLISH = 8  # an address nobody has
LAST = 0xFFFFFFFFFFFFFFF8
MOST_32, MOST_64 = (1 << 32) - 1, (1 << 64) - 1

floats = array.array("f", [1, 2, 3, 4] * 8)
ids, room = array.array("Q", [0] * 64), array.array("Q", [0] * 64)
nan, inf = array.array("f", [1, float("nan"), 3, 4]), array.array("f", [1, 2, float("-inf"), 4])
lens, lists = array.array("I", [300] * 8), array.array("I", [0, 1, 2] * 8)
F, I, R, N, X, L, A = (  # noqa: E741 - beside the others
    each.buffer_info()[0] for each in (floats, ids, room, nan, inf, lens, lists)
)
CREATED = [1, 4, 0, 0, 0, 0, 0, 0]
ADDED = [1, 4, 2, 0, F, 0, 0, 0, 0, 0]
GOT = [1, 4, 1, F, 0, 0, 0, 0, 0]
DELETED = [1, 0, 1, 0, 0]
SEARCHED = [1, 4, 3, 0, F, R, 0, 0, 0, 0, 0]
LISTED = [1, 8, 0, I, 0, 0, 0, 0, 0]
INDEXED, BY_INDEX = [1, 4, 1, 3, 20, F, A, 0, 0, 0], [1, 4, 3, 1, F, R, 0, 2, 0, 0, 0]
DROPPED = [1, 4, 0, 0, 0, 0, 0, 0, 0, 0]
GOOD = {
    INFO: [1, *ALL_INFO],
    ADD: ADDED,
    GET: GOT,
    DELETE: DELETED,
    SEARCH: SEARCHED,
    LIST: LISTED,
    INDEX: INDEXED,
}
NAMES = dict(
    zip(
        (CREATE, INFO, ADD, GET, DELETE, SEARCH, LIST, INDEX),
        ("create", "info", "add", "get", "delete", "search", "list", "index"),
    )
)
calls: list[str] = []

rw, ro, wo = os.open(PATH, os.O_RDWR), os.open(PATH, os.O_RDONLY), os.open(PATH, os.O_WRONLY)
plain = os.open(WORK + "/plain", os.O_RDWR | os.O_CREAT)
full = os.open(WORK + "/full", os.O_RDWR | os.O_CREAT)
noted = os.open(WORK + "/noted", os.O_RDWR | os.O_CREAT)
folder = os.open(WORK, os.O_RDONLY)
zero = os.open("/dev/zero", os.O_RDWR)


def ioctl(fd: int, request: int, data: bytearray) -> str:
    """Make an ioctl with a buffer; return "OK" or the name of the error."""
    try:
        fcntl.ioctl(fd, request, data, True)  # noqa: FBT003 - by position only
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    return "OK"


def call(fd: int, number: int, values: list[int], size: int | None = None) -> str:
    """Make a call, said to have a structure of ``size`` bytes; return "OK" or the name of the error."""
    return ioctl(fd, request_of(number, size), bytearray(packed(number, *values)))


def other(values: list[int], at: int, value: int) -> list[int]:
    """Return the members of a structure with another value at one place."""
    return [*values[:at], value, *values[at + 1 :]]


def say(name: str, got: object, *want: object) -> None:
    """Count a call; print what it says where that is not due."""
    calls.append(name)
    if got not in want:
        print(f"{name}: {got}, not {' or '.join(map(str, want))}")


def files() -> None:
    """Every call in another version, of another size, and on what is no collection."""
    for number, values in [(CREATE, CREATED), *GOOD.items()]:
        fd, name = plain if number == CREATE else rw, NAMES[number]
        for version in (0, 2, MOST_32):
            say(f"{name} version {version}", call(fd, number, other(values, 0, version)), "EINVAL")
        say(f"{name} of another size", call(fd, number, values, 8), "ENOTTY", "EINVAL")
        say(f"{name} on /dev/zero", call(zero, number, values), "ENOTTY", "EINVAL")
        on_folder = call(folder, number, values)
        say(f"{name} on a folder", on_folder, "EBADF", "EINVAL", "EISDIR", "ENOTTY", "ENODATA")
        if number != CREATE:
            say(f"{name} on a plain file", call(plain, number, values), "ENODATA")


def reserved() -> None:
    """Every reserved member and flag."""
    places = {
        CREATE: (4, 5, 6, 7),
        INFO: (10, 11, 12, 13),
        ADD: (8, 9),
        GET: (7, 8),
        DELETE: (1, 3, 4),
        SEARCH: (3, 7, 9, 10),
        LIST: (5, 7, 8),
        INDEX: (7, 8, 9),
    }
    for number, values in [(CREATE, CREATED), *GOOD.items()]:
        fd = plain if number == CREATE else rw
        for place in places[number]:
            say(f"{NAMES[number]} reserved or flags {place}", call(fd, number, other(values, place, 1)), "EINVAL")


def creations() -> None:
    """Collections that cannot be, and files that cannot become one."""
    for dim in (0, 4097, MOST_32):
        say(f"create dim {dim}", call(plain, CREATE, other(CREATED, 1, dim)), "EINVAL")
    say("create metric 4", call(plain, CREATE, other(CREATED, 2, 4)), "EINVAL")
    say("create meta_size 257", call(plain, CREATE, other(CREATED, 3, 257)), "EINVAL")
    refused = ("EINVAL", "EEXIST", "EBUSY", "EFBIG", "ENOTEMPTY")
    say("create of a collection", call(rw, CREATE, CREATED), *refused)
    say("create of a file with text", call(full, CREATE, CREATED), *refused)
    say("create read-only", call(os.open(WORK + "/plain", os.O_RDONLY), CREATE, CREATED), "EBADF")


def access() -> None:
    """Calls by a descriptor that is not open for them."""
    for number in (ADD, DELETE, INDEX):
        say(f"{NAMES[number]} read-only", call(ro, number, GOOD[number]), "EBADF")
    for number in (INFO, GET, SEARCH, LIST):
        say(f"{NAMES[number]} write-only", call(wo, number, GOOD[number]), "EBADF")


def sizes() -> None:
    """Numbers of components, vectors, results and ids that are not the collection's, or too many."""
    for dim in (0, 3, 5, MOST_32):
        say(f"add dim {dim}", call(rw, ADD, other(ADDED, 1, dim)), "EINVAL")
        say(f"search dim {dim}", call(rw, SEARCH, other(SEARCHED, 1, dim)), "EINVAL")
        say(f"get into {dim} components", call(rw, GET, other(GOT, 1, dim)), "EINVAL")
    for count in (0, 1048577, MOST_32):
        say(f"add count {count}", call(rw, ADD, other(ADDED, 2, count)), "EINVAL")
    for k in (0, 16385, MOST_32):
        say(f"search k {k}", call(rw, SEARCH, other(SEARCHED, 2, k)), "EINVAL")
    for length in (0, 65537, MOST_32):
        say(f"list room {length}", call(rw, LIST, other(LISTED, 1, length)), "EINVAL")


def pointers() -> None:
    """Buffers where nobody can read or write."""
    for pointer in (0, NULLISH, BAD, LAST):
        refused = ("EFAULT", "EINVAL")
        say(f"add vectors at {pointer:#x}", call(rw, ADD, other(ADDED, 4, pointer)), *refused)
        say(f"search query at {pointer:#x}", call(rw, SEARCH, other(SEARCHED, 4, pointer)), *refused)
        say(f"search results at {pointer:#x}", call(rw, SEARCH, other(SEARCHED, 5, pointer)), *refused)
        say(f"list ids at {pointer:#x}", call(rw, LIST, other(LISTED, 3, pointer)), *refused)
        if pointer:
            say(f"get vector at {pointer:#x}", call(rw, GET, other(GOT, 3, pointer)), "EFAULT")
            say(f"add meta at {pointer:#x}", call(rw, ADD, other(other(ADDED, 3, 8), 5, pointer)), *refused)
        for place, name in ((5, "centroids"), (6, "lists")):
            say(f"index {name} at {pointer:#x}", call(rw, INDEX, other(INDEXED, place, pointer)), "EFAULT")


def indexes() -> None:
    """Indexes that cannot be, searches by one that is not there, and what is as it must be."""
    say("search by an index that is not there", call(rw, SEARCH, BY_INDEX), "ENOENT")
    for flags, probes in ((1, 0), (1, 4097), (0, 1), (2, 0), (3, 1), (0x80000001, 1), (1, MOST_32)):
        values = other(other(SEARCHED, 3, flags), 7, probes)
        say(f"search with flags {flags:#x} and {probes} lists", call(rw, SEARCH, values), "EINVAL")
    wrong = {
        1: ("dim", (0, 3, 5, MOST_32)),
        2: ("type", (0, 2, MOST_32)),
        3: ("lists", (0, 4097, MOST_32)),
        4: ("count", (0, 21, 16777217, 1 << 32, MOST_64)),
    }
    for place, (name, numbers) in wrong.items():
        for value in numbers:
            say(f"index {name} {value}", call(rw, INDEX, other(INDEXED, place, value)), "EINVAL")
    for value in (3, 0x10000, MOST_32):
        lists[19] = value
        say(f"index with vector 20 in list {value} of 3", call(rw, INDEX, INDEXED), "EINVAL")
    lists[19] = 1
    for place in (3, 4, 5, 6):
        say(f"index taken away, with {place}", call(rw, INDEX, other(DROPPED, place, 1)), "EINVAL")
    for name, at in (("NaN", N), ("infinity", X)):
        say(f"index {name}", call(rw, INDEX, other(other(INDEXED, 3, 1), 5, at)), "EINVAL")
    say("search by an index that was refused", call(rw, SEARCH, BY_INDEX), "ENOENT")
    say("index as it must be", call(rw, INDEX, INDEXED), "OK")
    say("search by index as it must be", call(ro, SEARCH, BY_INDEX), "OK")
    say("search by index through more lists than there are", call(ro, SEARCH, other(BY_INDEX, 7, 4096)), "OK")
    say("index taken away", call(rw, INDEX, DROPPED), "OK")
    say("index taken away twice", call(rw, INDEX, DROPPED), "OK")
    say("search by an index that was taken away", call(rw, SEARCH, BY_INDEX), "ENOENT")


def contents() -> None:
    """Components that are no numbers, and metadata that do not fit."""
    for name, at in (("NaN", N), ("infinity", X)):
        say(f"add {name}", call(rw, ADD, other(other(ADDED, 2, 1), 4, at)), "EINVAL")
        say(f"search {name}", call(rw, SEARCH, other(SEARCHED, 4, at)), "EINVAL")
    say("add metadata too long", call(rw, ADD, [1, 4, 2, 8, F, F, L, 0, 0, 0]), "EINVAL")
    say("add metadata to a collection without", call(rw, ADD, [1, 4, 2, 8, F, F, 0, 0, 0, 0]), "EINVAL")
    call(noted, CREATE, other(CREATED, 3, 16))
    given = ((12, 8, "EINVAL"), (17, 24, "EINVAL"), (24, 24, "EINVAL"), (16, 24, "OK"), (8, 8, "OK"))
    for length, stride, want in given:
        lens[0] = length
        name = f"add {length} of {stride} bytes of metadata where 16 may be"
        say(name, call(noted, ADD, [1, 4, 1, stride, F, F, L, 0, 0, 0]), want)
    say("get metadata alone", call(noted, GET, [1, 0, 1, 0, R, 8, 0, 0, 0]), "OK")
    say("get nothing but that it is there", call(noted, GET, [1, 0, 1, 0, 0, 0, 0, 0, 0]), "OK")


def absent() -> None:
    """Ids that are not there, and of which some are id 1 to whoever looks at fewer bits."""
    aliases = [(1 << bits) + 1 for bits in (8, 16, 31, 32, 33, 48, 63)]
    for number in (0, 10**6, 1 << 63, MOST_64, *aliases):
        say(f"get id {number}", call(rw, GET, other(GOT, 2, number)), "ENOENT")
        say(f"delete id {number}", call(rw, DELETE, other(DELETED, 2, number)), "ENOENT")
        if number:
            data = bytearray(packed(LIST, *other(LISTED, 2, number)))
            fcntl.ioctl(rw, request_of(LIST), data, True)  # noqa: FBT003 - by position only
            found = [each for each in ids[: unpacked(LIST, bytes(data))[4]] if each < number]
            say(f"list from id {number} gives lower ones", found, [])


def requests() -> None:
    """Requests that there are not, good ones read-only, and structures where nobody can read or write."""
    for number in (9, 99, 255):
        say(f"ioctl {number}", ioctl(rw, request_of(number, 64), bytearray(64)), "ENOTTY", "EINVAL")
    for number in (INFO, GET, SEARCH, LIST):
        say(f"{NAMES[number]} as it must be", call(ro, number, GOOD[number]), "OK")
    libc = ctypes.CDLL(None, use_errno=True)
    for number in (FS_INFO, *OF_COLLECTIONS):
        for pointer in (0, NULLISH, BAD):
            failed = libc.ioctl(rw, ctypes.c_ulong(request_of(number)), ctypes.c_void_p(pointer))
            got = errno.errorcode[ctypes.get_errno()] if failed else "OK"
            say(f"ioctl {number} with its structure at {pointer:#x}", got, "EFAULT")


def filesystem() -> None:
    """The filesystem's info, beside what statfs(2) tells."""
    size = struct.calcsize("=" + SHAPE[FS_INFO])
    data = bytearray()
    for version, wrong_size, want in ((0, None, "EINVAL"), (2, None, "EINVAL"), (1, 8, "ENOTTY"), (1, None, "OK")):
        data = bytearray(b"\xaa" * size)  # a field that is not written shows itself
        struct.pack_into("=I", data, 0, version)
        got = ioctl(ro, request_of(FS_INFO, wrong_size), data)
        say(f"filesystem's info, version {version}, size {wrong_size or size}", got, want)
    _, block, blocks, free, inodes, free_inodes, *rest = unpacked(FS_INFO, bytes(data))
    here = os.statvfs(WORK)
    counted = (here.f_frsize, here.f_blocks, here.f_bfree, here.f_files, here.f_ffree)
    say("filesystem's info beside statfs", (block, blocks, free, inodes, free_inodes), counted)
    label, words = rest[5], rest[6:]
    say("filesystem's info, label and reserved words", (label.strip(bytes(1)), words), (b"", [0] * 8))


STEPS: tuple[Callable[[], None], ...] = (
    files,
    reserved,
    creations,
    access,
    sizes,
    pointers,
    indexes,
    contents,
    absent,
    requests,
    filesystem,
)
os.write(full, b"text")
for step in STEPS:
    step()
for fd, name in ((plain, "plain"), (full, "full"), (noted, "noted")):
    os.close(fd)
    os.unlink(f"{WORK}/{name}")
print(json.dumps({"calls": len(calls)}))

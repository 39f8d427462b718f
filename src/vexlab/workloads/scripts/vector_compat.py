"""The calls of VexFS made by a 32-bit program, as a 64-bit kernel sees one: through int 0x80.

``vector_compat.py calls|kinds FOLDER``: makes each call both ways, ``calls`` on two files that start out alike, and
``kinds`` on every kind of file, with each way to open it. What is said, returned and stored must be the same. Prints
what is wrong, and at its end how many calls there were.

A 64-bit program may make the calls of a 32-bit one (arch/x86/entry/entry_64_compat.S): no 32-bit library is needed.
What the calls point to must then lie below 4 GiB.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import stat
import struct
import sys

from vexfs_calls import (
    ADD,
    ALL_FS_INFO,
    ALL_INFO,
    CREATE,
    DELETE,
    FS_INFO,
    GET,
    INDEX,
    INFO,
    LIST,
    SEARCH,
    packed,
    request_of,
    size_of,
    unpacked,
)

WHAT, FOLDER = sys.argv[1:]
LOW = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40  # MAP_32BIT
NATIVE, COMPAT = 16, 54  # ioctl in asm/unistd_64.h, asm/unistd_32.h
BITS = ("64 bits", "32 bits")
Answer = tuple[str, tuple[object, ...], bytes]  # the error or "OK", the structure's members, what was stored

code = mmap.mmap(-1, 4096, flags=LOW, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
# push rbx; mov eax, edi; mov ebx, esi; xchg ecx, edx; int 0x80; movsxd rax, eax; pop rbx; ret
code.write(bytes.fromhex("53 89f8 89f3 87d1 cd80 4863c0 5b c3"))
arena = mmap.mmap(-1, 1 << 16, flags=LOW, prot=mmap.PROT_READ | mmap.PROT_WRITE)
CODE, ARENA = (ctypes.addressof(ctypes.c_char.from_buffer(memory)) for memory in (code, arena))
ARG, FLOATS, META, LISTS, OUT, META_OUT = (ARENA + at for at in (0, 4096, 8192, 12288, 16384, 32768))
COMPAT_CALL = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_uint] * 4)(CODE)
LIBC = ctypes.CDLL(None, use_errno=True)
calls: list[str] = []


def call(bits: str, fd: int, number: int, values: list[int | bytes]) -> Answer:
    """Make a call one way, and return how it ended."""
    calls.append(bits)
    size, request = size_of(number), request_of(number)
    arena[:size] = packed(number, *values)
    arena[16384:] = bytes(len(arena) - 16384)
    if bits == "32 bits":
        status = COMPAT_CALL(COMPAT, fd, request, ARG)
    else:
        status = LIBC.syscall(NATIVE, fd, request, ctypes.c_void_p(ARG))
        status = -ctypes.get_errno() if status < 0 else status
    said = errno.errorcode[-status] if status < 0 else "OK"
    return said, unpacked(number, arena[:size]), bytes(arena[16384:])


def both(files: dict[str, int], number: int, values: list[int | bytes]) -> tuple[Answer, Answer]:
    """Make a call both ways, each on its file."""
    native, other = (call(bits, files[bits], number, values) for bits in BITS)
    return native, other


def on_collections() -> None:
    """Each call on two files that start out alike."""
    arena[4096 : 4096 + 4 * 4 * 20] = struct.pack("80f", *[(7 * n) % 13 for n in range(80)])
    arena[8192 : 8192 + 8 * 20] = bytes(range(160))
    arena[12288 : 12288 + 4 * 20] = struct.pack("20I", *[n % 2 for n in range(20)])
    steps: list[tuple[str, int, list[int | bytes]]] = [
        ("create", CREATE, [1, 4, 0, 8, 0, 0, 0, 0]),
        ("add", ADD, [1, 4, 20, 8, FLOATS, META, 0, 0, 0, 0]),
        ("get", GET, [1, 4, 7, OUT, META_OUT, 8, 0, 0, 0]),
        ("search", SEARCH, [1, 4, 5, 0, FLOATS, OUT, 0, 0, 0, 0, 0]),
        ("index", INDEX, [1, 4, 1, 2, 20, FLOATS, LISTS, 0, 0, 0]),
        ("search by index", SEARCH, [1, 4, 5, 1, FLOATS, OUT, 0, 1, 0, 0, 0]),
        ("delete", DELETE, [1, 0, 3, 0, 0]),
        ("list", LIST, [1, 64, 0, OUT, 0, 0, 0, 0, 0]),
        ("info", INFO, [1, *ALL_INFO]),
    ]
    refused: list[tuple[str, int, list[int | bytes]]] = [
        ("get what is deleted", GET, [1, 4, 3, OUT, 0, 0, 0, 0, 0]),
        ("add at an address nobody has", ADD, [1, 4, 20, 8, 8, META, 0, 0, 0, 0]),
        ("add in another version", ADD, [2, 4, 20, 8, FLOATS, META, 0, 0, 0, 0]),
    ]
    files = {bits: os.open(f"{FOLDER}/{bits}", os.O_RDWR | os.O_CREAT) for bits in BITS}
    for name, number, values in steps + refused:
        native, other = both(files, number, values)
        if native[0] != "OK" and (name, number, values) in steps:
            print(f"{name}: {native[0]} from a 64-bit program")
        elif native != other:
            print(f"{name}: {native[0]} {native[1]} from a 64-bit program, {other[0]} {other[1]} from a 32-bit one")


def make_kinds() -> None:
    """Make a file of every kind in the current directory."""
    os.mkdir("directory")
    os.mknod("fifo", stat.S_IFIFO | 0o600)
    os.mknod("socket", stat.S_IFSOCK | 0o600)
    os.mknod("null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    os.mknod("block", stat.S_IFBLK | 0o600, os.makedev(254, 200))
    os.symlink("plain", "symlink")
    with open("plain", "wb") as file:
        file.write(TEXT)


def wrong_on(name: str, flags: int, what: str, native: Answer, other: Answer) -> str:
    """Return what is wrong with two answers. FS_INFO works on files and directories; nothing else does."""
    if native != other:
        return f"{native[0]} from a 64-bit program, {other[0]} from a 32-bit one"
    if flags == PATH and native[0] != "EBADF":
        return f"{native[0]}, not EBADF"
    if what == "fs_info" and name in ("plain", "directory") and flags != PATH and native[0] != "OK":
        return native[0]
    if (what != "fs_info" or name in ("fifo", "null")) and native[0] == "OK":
        return "it succeeds"
    return ""


def on_every_kind() -> None:
    """Each call on every kind of file, with each way to open it; what the files hold must stay as it is."""
    os.chdir(FOLDER)
    make_kinds()
    ways = [("plain", READ), ("plain", WRITE), ("plain", os.O_WRONLY)]
    ways += [("directory", READ), ("fifo", WRITE), ("null", WRITE)]
    ways += [(name, PATH) for name in ("plain", "directory", "fifo", "socket", "null", "block", "symlink")]
    requests: dict[str, tuple[int, list[int | bytes]]] = {
        "fs_info": (FS_INFO, [1, *ALL_FS_INFO]),
        "fs_info in another version": (FS_INFO, [2, *ALL_FS_INFO]),
        "info": (INFO, [1, *ALL_INFO]),
        "add": (ADD, [1, 4, 1, 0, FLOATS, 0, 0, 0, 0, 0]),
        "get": (GET, [1, 4, 1, OUT, 0, 0, 0, 0, 0]),
        "delete": (DELETE, [1, 0, 1, 0, 0]),
        "search": (SEARCH, [1, 4, 1, 0, FLOATS, OUT, 0, 0, 0, 0, 0]),
        "list": (LIST, [1, 64, 0, OUT, 0, 0, 0, 0, 0]),
    }
    for name, flags in ways:
        fd = os.open(name, flags)
        for what, (number, values) in requests.items():
            native, other = both(dict.fromkeys(BITS, fd), number, values)
            if wrong := wrong_on(name, flags, what, native, other):
                print(f"{what} on {name} opened with {flags:#o}: {wrong}")
        os.close(fd)
    with open("plain", "rb") as file:
        if file.read() != TEXT:
            print("the plain file has other bytes")


TEXT = b"text"
READ, WRITE, PATH = os.O_RDONLY | os.O_NONBLOCK, os.O_RDWR | os.O_NONBLOCK, os.O_PATH | os.O_NOFOLLOW
{"calls": on_collections, "kinds": on_every_kind}[WHAT]()
print(json.dumps({"calls": len(calls) // len(BITS)}))

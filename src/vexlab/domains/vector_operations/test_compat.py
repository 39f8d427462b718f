"""The calls of VexFS made by a 32-bit program, as a 64-bit kernel sees one: through int 0x80."""

from __future__ import annotations

import pytest

from vexlab.domains.vector_operations.shapes import SHAPES
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs("IA32_EMULATION", mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

# A 64-bit program may make the calls of a 32-bit one (arch/x86/entry/entry_64_compat.S): no 32-bit library is needed.
# What the calls point to must then lie below 4 GiB. `call` makes a call either way.
_CALLS = r"""
import ctypes, errno, mmap, os, struct, sys

LOW = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40  # MAP_32BIT
IOCTL = {"64 bits": 16, "32 bits": 54}  # asm/unistd_64.h, asm/unistd_32.h

code = mmap.mmap(-1, 4096, flags=LOW, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
# push rbx; mov eax, edi; mov ebx, esi; xchg ecx, edx; int 0x80; movsxd rax, eax; pop rbx; ret
code.write(bytes.fromhex("53 89f8 89f3 87d1 cd80 4863c0 5b c3"))
address = lambda memory: ctypes.addressof(ctypes.c_char.from_buffer(memory))
compat = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_uint] * 4)(address(code))
libc = ctypes.CDLL(None, use_errno=True)
arena = mmap.mmap(-1, 1 << 16, flags=LOW, prot=mmap.PROT_READ | mmap.PROT_WRITE)
ARG, FLOATS, META, LISTS, OUT, META_OUT = (address(arena) + at for at in (0, 4096, 8192, 12288, 16384, 32768))


def call(bits, fd, number, values):
    shape = "=" + SHAPE[number]
    size = struct.calcsize(shape)
    request = (1 if number in WRITES_ONLY else 3) << 30 | size << 16 | 0xF6 << 8 | number
    arena[:size] = struct.pack(shape, *values)
    arena[16384:] = bytes(len(arena) - 16384)
    if bits == "32 bits":
        status = compat(IOCTL[bits], fd, request, ARG)
    else:
        status = libc.syscall(IOCTL[bits], fd, request, ctypes.c_void_p(ARG))
        status = -ctypes.get_errno() if status < 0 else status
    said = errno.errorcode[-status] if status < 0 else "OK"
    return said, struct.unpack(shape, arena[:size]), bytes(arena[16384:])
"""
# Each call is made both ways, on two files that start out alike.
_PROGRAM = r"""
arena[4096:4096 + 4 * 4 * 20] = struct.pack("80f", *[(7 * n) % 13 for n in range(80)])
arena[8192:8192 + 8 * 20] = bytes(range(160))
arena[12288:12288 + 4 * 20] = struct.pack("20I", *[n % 2 for n in range(20)])
steps = [
    ("create", CREATE, [1, 4, 0, 8, 0, 0, 0, 0]),
    ("add", ADD, [1, 4, 20, 8, FLOATS, META, 0, 0, 0, 0]),
    ("get", GET, [1, 4, 7, OUT, META_OUT, 8, 0, 0, 0]),
    ("search", SEARCH, [1, 4, 5, 0, FLOATS, OUT, 0, 0, 0, 0, 0]),
    ("index", INDEX, [1, 4, 1, 2, 20, FLOATS, LISTS, 0, 0, 0]),
    ("search by index", SEARCH, [1, 4, 5, 1, FLOATS, OUT, 0, 1, 0, 0, 0]),
    ("delete", DELETE, [1, 0, 3, 0, 0]),
    ("get what is deleted", GET, [1, 4, 3, OUT, 0, 0, 0, 0, 0]),
    ("list", LIST, [1, 64, 0, OUT, 0, 0, 0, 0, 0]),
    ("info", INFO, [1] + [0] * 13),
    ("add at an address nobody has", ADD, [1, 4, 20, 8, 8, META, 0, 0, 0, 0]),
    ("add in another version", ADD, [2, 4, 20, 8, FLOATS, META, 0, 0, 0, 0]),
]
files = {bits: os.open(f"{sys.argv[1]}/{bits}", os.O_RDWR | os.O_CREAT) for bits in IOCTL}
wrong = 0
for name, number, values in steps:
    native, other = (call(bits, files[bits], number, values) for bits in IOCTL)
    works = name in ("create", "add", "get", "search", "index", "search by index", "delete", "list", "info")
    if works and native[0] != "OK":
        wrong += 1
        print(f"{name}: {native[0]} from a 64-bit program")
    elif native != other:
        wrong += 1
        print(f"{name}: {native[0]} {native[1]} from a 64-bit program, {other[0]} {other[1]} from a 32-bit one")
sys.exit(wrong > 0)
"""

# Each call on every kind of file, with each way to open it: what is said must be the same both ways, and what the files
# hold must stay as it is. FS_INFO works on files and directories; no other call does on what is no collection.
_KINDS = r"""
import stat

FS_INFO = 0
SHAPE[FS_INFO] = "2I4Q4I16s32s8Q"
os.chdir(sys.argv[1])
os.mkdir("directory")
os.mknod("fifo", stat.S_IFIFO | 0o600)
os.mknod("socket", stat.S_IFSOCK | 0o600)
os.mknod("null", stat.S_IFCHR | 0o600, os.makedev(1, 3))
os.mknod("block", stat.S_IFBLK | 0o600, os.makedev(254, 200))
os.symlink("plain", "symlink")
with open("plain", "wb") as file:
    file.write(b"text")
READ, WRITE, PATH = os.O_RDONLY | os.O_NONBLOCK, os.O_RDWR | os.O_NONBLOCK, os.O_PATH | os.O_NOFOLLOW
ways = [("plain", READ), ("plain", WRITE), ("plain", os.O_WRONLY)]
ways += [("directory", READ), ("fifo", WRITE), ("null", WRITE)]
ways += [(name, PATH) for name in ("plain", "directory", "fifo", "socket", "null", "block", "symlink")]
requests = {
    "fs_info": (FS_INFO, [1, *[0] * 9, b"", b"", *[0] * 8]),
    "fs_info in another version": (FS_INFO, [2, *[0] * 9, b"", b"", *[0] * 8]),
    "info": (INFO, [1] + [0] * 13),
    "add": (ADD, [1, 4, 1, 0, FLOATS, 0, 0, 0, 0, 0]),
    "get": (GET, [1, 4, 1, OUT, 0, 0, 0, 0, 0]),
    "delete": (DELETE, [1, 0, 1, 0, 0]),
    "search": (SEARCH, [1, 4, 1, 0, FLOATS, OUT, 0, 0, 0, 0, 0]),
    "list": (LIST, [1, 64, 0, OUT, 0, 0, 0, 0, 0]),
}
wrong = []
calls = 0
for name, flags in ways:
    fd = os.open(name, flags)
    for what, (number, values) in requests.items():
        native, other = (call(bits, fd, number, values) for bits in IOCTL)
        calls += 1
        how = f"{what} on {name} opened with {flags:#o}"
        if native != other:
            wrong.append(f"{how}: {native[0]} from a 64-bit program, {other[0]} from a 32-bit one")
        elif flags == PATH and native[0] != "EBADF":
            wrong.append(f"{how}: {native[0]}, not EBADF")
        elif what == "fs_info" and name in ("plain", "directory") and flags != PATH and native[0] != "OK":
            wrong.append(f"{how}: {native[0]}")
        elif (what != "fs_info" or name in ("fifo", "null")) and native[0] == "OK":
            wrong.append(f"{how}: it succeeds")
    os.close(fd)
with open("plain", "rb") as file:
    if file.read() != b"text":
        wrong.append("the plain file has other bytes")
print("\n".join(wrong) if wrong else f"calls {calls}")
"""


@pytest.mark.usefixtures("post_checks")
def test_compat_kinds(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """On every kind of file each call says the same to a 32-bit program as to a 64-bit one, and changes nothing."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    mounted.machine.push((SHAPES + _CALLS + _KINDS).encode(), "/tmp/compat.py")
    done = mounted.machine.exec(["python3", "/tmp/compat.py", mounted.mountpoint], timeout=60)
    assert done.ok, f"the calls did not come to their end: {done}"
    assert done.text.startswith("calls "), done.text
    metrics.record("calls_count", int(done.text.split()[1]))


def test_compat_calls(mounted: GuestFilesystem, target: Target) -> None:
    """Every call answers a 32-bit program as it does a 64-bit one: the error, what is returned, and what is stored."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    mounted.machine.push((SHAPES + _CALLS + _PROGRAM).encode(), "/tmp/compat.py")
    done = mounted.machine.exec(["python3", "/tmp/compat.py", mounted.mountpoint], timeout=60)
    assert done.ok, done.text.strip() or str(done)

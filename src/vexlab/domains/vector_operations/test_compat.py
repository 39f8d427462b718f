"""The calls of VexFS made by a 32-bit program, as a 64-bit kernel sees one: through int 0x80."""

from __future__ import annotations

import pytest

from vexlab.domains.vector_operations.shapes import SHAPES
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.target import Target

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs("IA32_EMULATION", mkfs=True, vectors=True),
    pytest.mark.sequential,
]

# A 64-bit program may make the calls of a 32-bit one (arch/x86/entry/entry_64_compat.S): no 32-bit library is needed.
# What the calls point to must then lie below 4 GiB. Each call is made both ways, on two files that start out alike.
_PROGRAM = r"""
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
ARG, FLOATS, META, OUT, META_OUT = (address(arena) + at for at in (0, 4096, 8192, 16384, 32768))


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


arena[4096:4096 + 4 * 4 * 20] = struct.pack("80f", *[(7 * n) % 13 for n in range(80)])
arena[8192:8192 + 8 * 20] = bytes(range(160))
steps = [
    ("create", CREATE, [1, 4, 0, 8, 0, 0, 0, 0]),
    ("add", ADD, [1, 4, 20, 8, FLOATS, META, 0, 0, 0, 0]),
    ("get", GET, [1, 4, 7, OUT, META_OUT, 8, 0, 0, 0]),
    ("search", SEARCH, [1, 4, 5, 0, FLOATS, OUT, 0, 0, 0, 0, 0]),
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
    if name in ("create", "add", "get", "search", "delete", "list", "info") and native[0] != "OK":
        wrong += 1
        print(f"{name}: {native[0]} from a 64-bit program")
    elif native != other:
        wrong += 1
        print(f"{name}: {native[0]} {native[1]} from a 64-bit program, {other[0]} {other[1]} from a 32-bit one")
sys.exit(wrong > 0)
"""


def test_compat_calls(mounted: GuestFilesystem, target: Target) -> None:
    """Every call answers a 32-bit program as it does a 64-bit one: the error, what is returned, and what is stored."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    mounted.machine.push((SHAPES + _PROGRAM).encode(), "/tmp/compat.py")
    done = mounted.machine.exec(["python3", "/tmp/compat.py", mounted.mountpoint], timeout=60)
    assert done.ok, done.text.strip() or str(done)

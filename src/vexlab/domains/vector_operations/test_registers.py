"""The registers of floating point belong to the caller: a kernel that computes with them must save and restore them."""

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
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

# The call is made between loading all of xmm0 to xmm15 from memory and storing them behind that; libraries would use
# them on the way. Each call is made over and over, for the kernel may save them by itself now and then (at a switch).
_PROGRAM = r"""
import ctypes, errno, mmap, os, struct, sys

ROUNDS = 50
move = lambda op, n, at: bytes([*([0x44] if n > 7 else []), 0x0f, op, 0x83 | (n & 7) << 3]) + struct.pack("<i", at)
code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(bytes.fromhex("53 4889cb")                                     # push rbx; mov rbx, rcx
           + b"".join(move(0x10, n, 16 * n) for n in range(16))           # movups xmm(n), [rbx + 16 n]
           + bytes.fromhex("b810000000 0f05")                             # mov eax, 16 (ioctl); syscall
           + b"".join(move(0x11, n, 256 + 16 * n) for n in range(16))     # movups [rbx + 256 + 16 n], xmm(n)
           + bytes.fromhex("5b c3"))                                      # pop rbx; ret
ioctl = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p)(
    ctypes.addressof(ctypes.c_char.from_buffer(code)))
registers = ctypes.create_string_buffer(512)
kept = bytes(range(1, 256)) + b"\xa5"


def call(name, number, *values):
    data = ctypes.create_string_buffer(struct.pack("=" + SHAPE[number], *values))
    size = struct.calcsize("=" + SHAPE[number])
    request = (1 if number in WRITES_ONLY else 3) << 30 | size << 16 | 0xF6 << 8 | number
    ctypes.memmove(registers, kept + bytes(256), 512)
    status = ioctl(fd, request, data, registers)
    after = registers.raw[256:]
    changed = [n for n in range(16) if after[16 * n:16 * n + 16] != kept[16 * n:16 * n + 16]]
    if changed:
        print(f"{name} changes the caller's registers xmm{', xmm'.join(map(str, changed))}")
        sys.exit(0)
    return status


DIM, COUNT = 64, 40
floats = (ctypes.c_float * (DIM * COUNT))(*[(7 * n) % 13 + 1 for n in range(DIM * COUNT)])
bad = (ctypes.c_float * DIM)(*[float("nan")] * DIM)
into = ctypes.create_string_buffer(1 << 16)
F, B, I = map(ctypes.addressof, (floats, bad, into))
steps = {
    "add": (0, ROUNDS, ADD, 1, DIM, COUNT, 0, F, 0, 0, 0, 0, 0),
    "add of what is no number": (-errno.EINVAL, ROUNDS, ADD, 1, DIM, 1, 0, B, 0, 0, 0, 0, 0),
    "get": (0, ROUNDS, GET, 1, DIM, 7, I, 0, 0, 0, 0, 0),
    "search": (0, ROUNDS, SEARCH, 1, DIM, 5, 0, F, I, 0, 0, 0, 0, 0),
    "search for what is no number": (-errno.EINVAL, ROUNDS, SEARCH, 1, DIM, 5, 0, B, I, 0, 0, 0, 0, 0),
    "list": (0, ROUNDS, LIST, 1, 64, 0, I, 0, 0, 0, 0, 0),
    "info": (0, ROUNDS, INFO, 1, *[0] * 13),
    "delete": (0, 1, DELETE, 1, 0, 3, 0, 0),
}
calls = 0
for metric in range(4):
    fd = os.open(f"{sys.argv[1]}/{metric}", os.O_RDWR | os.O_CREAT)
    first = {"create": (0, 1, CREATE, 1, DIM, metric, 0, 0, 0, 0, 0)}
    for name, (wanted, rounds, number, *values) in {**first, **steps}.items():
        for _ in range(rounds):
            status = call(f"{name} (metric {metric})", number, *values)
            calls += 1
            if status != wanted:
                print(f"{name} (metric {metric}) returns {status}, not {wanted}")
                sys.exit(0)
print("kept", calls)
"""


def test_fpu_registers(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """A process that makes a vector call finds in its floating-point registers what it had put there."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    mounted.machine.push((SHAPES + _PROGRAM).encode(), "/tmp/registers.py")
    done = mounted.machine.exec(["python3", "/tmp/registers.py", mounted.mountpoint], timeout=60)
    assert done.ok, f"the calls cannot be made: {done}"
    kept, _, calls = done.text.partition(" ")
    assert kept == "kept", done.text
    metrics.record("calls_count", int(calls))

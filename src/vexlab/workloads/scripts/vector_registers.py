"""What vector calls leave in the caller's floating-point registers.

``vector_registers.py FOLDER``: makes collections in FOLDER. Each call is made between loading all of xmm0 to xmm15 from
memory and storing them behind that; libraries would use them on the way. It is made over and over, for the kernel may
save the registers by itself now and then (at a switch). Prints what is wrong and ends there, or at its end how many
calls there were.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import struct
import sys

from vexfs_calls import ADD, ALL_INFO, CREATE, DELETE, GET, INFO, LIST, SEARCH, packed, request_of

FOLDER = sys.argv[1]
ROUNDS, DIM, COUNT = 50, 64, 40
LOAD, STORE = 0x10, 0x11  # movups


def move(op: int, n: int, at: int) -> bytes:
    """Return ``movups`` between xmm(n) and [rbx + at]."""
    return bytes([*([0x44] if n > 7 else []), 0x0F, op, 0x83 | (n & 7) << 3]) + struct.pack("<i", at)


code = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
code.write(
    bytes.fromhex("53 4889cb")  # push rbx; mov rbx, rcx
    + b"".join(move(LOAD, n, 16 * n) for n in range(16))
    + bytes.fromhex("b810000000 0f05")  # mov eax, 16 (ioctl); syscall
    + b"".join(move(STORE, n, 256 + 16 * n) for n in range(16))
    + bytes.fromhex("5b c3")  # pop rbx; ret
)
TYPE = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_long, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_void_p)
ioctl = TYPE(ctypes.addressof(ctypes.c_char.from_buffer(code)))
registers = ctypes.create_string_buffer(512)
KEPT = bytes(range(1, 256)) + b"\xa5"


def call(fd: int, name: str, number: int, *values: object) -> int:
    """Make a call and return its status, 0 or an error below 0; end where it changes a register."""
    data = ctypes.create_string_buffer(packed(number, *values))
    ctypes.memmove(registers, KEPT + bytes(256), 512)
    status: int = ioctl(fd, request_of(number), data, registers)
    after = registers.raw[256:]
    changed = [n for n in range(16) if after[16 * n : 16 * n + 16] != KEPT[16 * n : 16 * n + 16]]
    if changed:
        print(f"{name} changes the caller's registers xmm{', xmm'.join(map(str, changed))}")
        sys.exit(0)
    return status


floats = (ctypes.c_float * (DIM * COUNT))(*[(7 * n) % 13 + 1 for n in range(DIM * COUNT)])
bad = (ctypes.c_float * DIM)(*[float("nan")] * DIM)
into = ctypes.create_string_buffer(1 << 16)
F, B, I = ctypes.addressof(floats), ctypes.addressof(bad), ctypes.addressof(into)  # noqa: E741 - beside F and B
STEPS: dict[str, tuple[int, int, int, tuple[int, ...]]] = {  # status, rounds, call, members
    "add": (0, ROUNDS, ADD, (1, DIM, COUNT, 0, F, 0, 0, 0, 0, 0)),
    "add of what is no number": (-errno.EINVAL, ROUNDS, ADD, (1, DIM, 1, 0, B, 0, 0, 0, 0, 0)),
    "get": (0, ROUNDS, GET, (1, DIM, 7, I, 0, 0, 0, 0, 0)),
    "search": (0, ROUNDS, SEARCH, (1, DIM, 5, 0, F, I, 0, 0, 0, 0, 0)),
    "search for what is no number": (-errno.EINVAL, ROUNDS, SEARCH, (1, DIM, 5, 0, B, I, 0, 0, 0, 0, 0)),
    "list": (0, ROUNDS, LIST, (1, 64, 0, I, 0, 0, 0, 0, 0)),
    "info": (0, ROUNDS, INFO, (1, *ALL_INFO)),
    "delete": (0, 1, DELETE, (1, 0, 3, 0, 0)),
}
calls = 0
for metric in range(4):
    descriptor = os.open(f"{FOLDER}/{metric}", os.O_RDWR | os.O_CREAT)
    first = {"create": (0, 1, CREATE, (1, DIM, metric, 0, 0, 0, 0, 0))}
    for what, (wanted, rounds, number, values) in {**first, **STEPS}.items():
        step = f"{what} (metric {metric})"
        for _ in range(rounds):
            status = call(descriptor, step, number, *values)
            calls += 1
            if status != wanted:
                print(f"{step} returns {status}, not {wanted}")
                sys.exit(0)
print(json.dumps({"calls": calls}))

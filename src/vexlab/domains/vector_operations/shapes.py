"""VexFS's calls as ``struct.pack`` has them, for the programs that make them inside the guest."""

from __future__ import annotations

# Numbers and structures of include/uapi/vexfs.h. Put before a program.
SHAPES = """
CREATE, INFO, ADD, GET, DELETE, SEARCH, LIST, INDEX = range(1, 9)
SHAPE = {CREATE: "5I3I", INFO: "4I4Q2I4Q", ADD: "4I6Q", GET: "2I3Q2I2Q", DELETE: "2I3Q", SEARCH: "4I2Q2I3Q",
         LIST: "2I2Q2I3Q", INDEX: "4I6Q"}
WRITES_ONLY = (CREATE, DELETE, INDEX)
"""

# Makes a call on the program's `fd` and returns its structure as the kernel left it.
CALL = """
import fcntl, struct

def call(number, *values):
    data = bytearray(struct.pack("=" + SHAPE[number], *values))
    way = 1 if number in WRITES_ONLY else 3
    fcntl.ioctl(fd, way << 30 | len(data) << 16 | 0xF6 << 8 | number, data, True)
    return struct.unpack("=" + SHAPE[number], data)
"""

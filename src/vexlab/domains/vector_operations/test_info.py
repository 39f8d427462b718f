"""What is told of collections and of the filesystem besides vectors: their form, and what was done since the mount."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from vexlab.domains.vector_operations.shapes import CALL, SHAPES
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.target import Target

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

# The words are the folder to work in and the filesystem's folder in /sys. Prints what is told wrongly.
_PROGRAM = r"""
import ctypes, os, sys

folder, told_in = sys.argv[1:]
FS_INFO = 0
SHAPE[FS_INFO] = "2I4Q4I16s32s8Q"
DONE = ("vectors_added", "vectors_deleted", "searches", "vectors_compared")

def told(name):
    with open(f"{told_in}/{name}") as file:
        return int(file.read())

def same(what, got, expected):
    if got != expected:
        print(what, "is", got, "and not", expected)

for metric in range(4):
    for dim, meta_size in ((1, 0), (3, 5), (1024, 256)):
        fd = os.open(f"{folder}/{metric}-{dim}", os.O_RDWR | os.O_CREAT, 0o600)
        call(CREATE, 1, dim, metric, meta_size, 0, 0, 0, 0)
        components = (ctypes.c_float * (7 * dim))(*[1.0] * (7 * dim))
        before = [told(name) for name in DONE]
        first = call(ADD, 1, dim, 7, 0, ctypes.addressof(components), 0, 0, 0, 0, 0)[7]
        for number in (first, first + 3):
            call(DELETE, 1, 0, number, 0, 0)
        results = (ctypes.c_uint64 * 8)()
        call(SEARCH, 1, dim, 4, 0, ctypes.addressof(components), ctypes.addressof(results), 0, 0, 0, 0, 0)
        for name, more, was in zip(DONE, (7, 2, 1, 5), before):
            same(f"{name} after {was} and {more} more", told(name), was + more)
        info = call(INFO, 1, *[0] * 13)
        whole = f"of a collection of metric {metric}, {dim} components and {meta_size} bytes of metadata"
        same(f"the form {whole}", info[:4], (1, dim, metric, (meta_size + 7) // 8 * 8))
        same(f"what was done {whole}", info[4:7], (5, 2, first + 7))
        same(f"the size {whole}", info[7], os.fstat(fd).st_size)
        if info[8] < 4 * dim + info[3] or info[8] * 7 > info[7]:
            print("seven records of", info[8], "bytes", whole, "take", info[7])
        kept, read = ctypes.create_string_buffer(bytes(range(1, 256)), 256), ctypes.create_string_buffer(256)
        for length in sorted({meta_size, info[3]} - {0}):
            at = [ctypes.addressof(each) for each in (components, kept, read)]
            number = call(ADD, 1, dim, 1, length, at[0], at[1], 0, 0, 0, 0)[7]
            same(f"the length of {length} bytes {whole}", call(GET, 1, 0, number, 0, at[2], 256, 0, 0, 0)[6], length)
            if read.raw[:length] != kept.raw[:length]:
                print("other metadata are read than the", length, "bytes", whole)
        os.close(fd)
fd = os.open(folder, os.O_RDONLY)
_, _, _, _, _, _, _, errors, mounts, journal, uuid, *_ = call(FS_INFO, 1, *[0] * 9, b"", b"", *[0] * 8)
for name, got in (("errors", errors), ("mounts", mounts), ("journal_blocks", journal)):
    same(name, got, told(name))
if uuid == bytes(16):
    print("there is no uuid")
print("all was asked")
"""


@pytest.mark.usefixtures("store")
def test_info(target: Target, mounted: GuestFilesystem) -> None:
    """A collection's form and metadata are told as they were made; the filesystem counts what is done to vectors."""
    if target.vectors != "vexctl":
        pytest.skip("these calls and numbers are VexFS's own")
    mounted.machine.push((SHAPES + CALL + _PROGRAM).encode(), "/tmp/told.py")
    told_in = f"/sys/fs/{target.fstype}/{PurePosixPath(mounted.device).name}"
    done = mounted.machine.exec(["python3", "/tmp/told.py", mounted.mountpoint, told_in], timeout=60)
    *wrong, last = done.text.splitlines() or [""]
    assert last == "all was asked", f"the program did not come to its end: {done.error_text[-300:]}"
    assert not wrong, "; ".join(wrong)

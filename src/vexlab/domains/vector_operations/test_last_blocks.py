"""Adding vectors with none to three blocks free: all are added or none, whichever allocation fails."""

from __future__ import annotations

import json

import pytest

from vexlab.domains.vector_operations.shapes import CALL, SHAPES
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

# A record of 1016 components is as large as a block. Of a file 12 blocks stand in the inode (VEXFS_NDIR_BLOCKS), the
# next needs a pointer block as well, so that adds to 0, 11 and 12 vectors need one block, two or more. Prints what
# is wrong, then how many adds were done and how many were refused.
_PROGRAM = r"""
import ctypes, errno, json, os, sys

folder = sys.argv[1]
DIM, SINGLES, MOST_FREE, BLOCK = 1016, 60, 3, 4096
SHAPES_OF_ADDS = ((0, 1), (0, 3), (11, 3), (12, 1), (12, 3))
ATTEMPTS = [(free, *shape) for free in range(MOST_FREE + 1) for shape in SHAPES_OF_ADDS]
vectors = (ctypes.c_float * (DIM * 12))(*range(DIM * 12))
stored = bytes(vectors)
os.chdir(folder)
wrong, done, refused = [], 0, 0


def add(count):
    return call(ADD, 1, DIM, count, 0, ctypes.addressof(vectors), 0, 0, 0, 0, 0)[7]


def state():
    info, stat, whole = call(INFO, 1, *[0] * 13), os.fstat(fd), os.statvfs(".")
    return {"live": info[4], "deleted": info[5], "next id": info[6], "bytes": info[7], "size": stat.st_size,
            "sectors": stat.st_blocks, "free blocks": whole.f_bfree, "free inodes": whole.f_ffree}


def take_one():
    if not empty:
        return False
    try:
        with open(empty[-1], "wb", buffering=0) as file:
            file.write(bytes(BLOCK))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    full.append(empty.pop())
    return True


def set_free(wanted):
    # syncs are few: each may take long on a busy host
    for _ in range(10):
        now = os.statvfs(".").f_bfree
        if now == wanted:
            return
        for _ in range(wanted - now):
            os.truncate(full[-1], 0)
            empty.append(full.pop())
        for _ in range(now - wanted):
            take_one()
        os.sync()
    sys.exit(f"{now} blocks are free, not {wanted}")


files, empty, full = {}, [f"single{n}" for n in range(SINGLES)], []
for attempt in ATTEMPTS:
    fd = files[attempt] = os.open("{}-{}-{}".format(*attempt), os.O_RDWR | os.O_CREAT, 0o644)
    call(CREATE, 1, DIM, 0, 0, 0, 0, 0, 0)
    if attempt[1]:
        add(attempt[1])
for name in empty:
    open(name, "wb").close()
while len(full) < SINGLES // 2:
    take_one()
with open("ballast", "wb", buffering=0) as ballast:
    for piece in (bytes(1 << 20), bytes(BLOCK)):
        try:
            while True:
                ballast.write(piece)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
while take_one():
    pass
for free, start, count in ATTEMPTS:
    fd = files[free, start, count]
    set_free(free)
    before = state()
    what = f"{count} added to {start} with {before['free blocks']} blocks free"
    try:
        first = add(count)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            wrong.append(f"{what}: {errno.errorcode[error.errno]}")
        refused += 1
        after = state()
        if before != after:
            os.sync()
            after = state()
        wrong += [f"{what}, refused: {name} {before[name]} became {after[name]}"
                  for name in before if before[name] != after[name]]
    else:
        done += 1
        if first != start + 1 or call(INFO, 1, *[0] * 13)[4] != start + count:
            wrong.append(f"{what} begin at id {first}")
        files.pop((free, start, count))
# with room each that was refused is done
os.unlink("ballast")
os.sync()
for (free, start, count), fd in files.items():
    first = add(count)
    if first != start + 1:
        wrong.append(f"{count} added to {start} when there was room begin at id {first}")
    into = (ctypes.c_float * DIM)()
    for number in range(1, start + count + 1):
        call(GET, 1, DIM, number, ctypes.addressof(into), 0, 0, 0, 0, 0)
        at = (number - 1 if number <= start else number - start - 1) * 4 * DIM
        if bytes(into) != stored[at:at + 4 * DIM]:
            wrong.append(f"vector {number} of {start} and {count} is another")
print(json.dumps({"wrong": wrong[:8], "done": done, "refused": refused}))
"""


# The smallest device that serves, in the guest's memory: it is soon full, and a sync of it is cheap.
_LOOP = "modprobe loop && truncate -s {0}M /tmp/image && losetup --find --show /tmp/image"


def test_last_blocks(filesystem: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """With none to three blocks free an add is done whole or changes nothing: no vector, no size, no block."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    machine = filesystem.machine
    device = machine.shell(_LOOP.format(target.min_disk))
    assert device.ok, f"there is no loop device: {device}"
    small = filesystem.on(device.text)
    made = small.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    mounted = small.mount()
    assert mounted.ok, f"mount failed: {mounted}"
    small.prove()
    post_checks = PostChecks(small)
    machine.push((SHAPES + CALL + _PROGRAM).encode(), "/tmp/last_blocks.py")
    done = machine.exec(["python3", "/tmp/last_blocks.py", small.mountpoint], timeout=120)
    assert done.ok, f"the program did not come to its end: {done.error_text.strip().rpartition(chr(10))[2]}"
    told = json.loads(done.text)
    metrics.record("done_count", told["done"])
    metrics.record("refused_count", told["refused"])
    assert not told["wrong"], "; ".join(told["wrong"])
    assert told["refused"], "with no block free every add succeeded"
    post_checks.kept()
    post_checks.given_back()
    post_checks.let_go()

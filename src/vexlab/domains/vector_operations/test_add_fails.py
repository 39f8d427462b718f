"""An add that fails in its middle, for whatever reason, has added nothing: no vector, no id, no byte, no block."""

from __future__ import annotations

import json

import pytest

from vexlab.domains.vector_operations.shapes import CALL, SHAPES
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.machine import Disk
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.vm(disks=(Disk(serial="scratch", size=64),)),
]

# Prints a line of JSON for each way to fail: its name, what the call said, what is wrong afterwards.
_PROGRAM = r"""
import ctypes, errno, json, mmap, os, random, resource, signal, sys, time

path = sys.argv[1]
DIM, META, COUNT = 64, 16, 3000
libc = ctypes.CDLL(None, use_errno=True)
at = ctypes.addressof
good = (ctypes.c_float * (DIM * COUNT))(*[1.0] * (DIM * COUNT))
metas = (ctypes.c_ubyte * (META * COUNT))()
lens = (ctypes.c_uint32 * COUNT)(*[META] * COUNT)
fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
call(CREATE, 1, DIM, 0, META, 0, 0, 0, 0)

def add(vectors=at(good), count=COUNT, texts=0, sizes=0):
    return call(ADD, 1, DIM, count, META if texts else 0, vectors, texts, sizes, 0, 0, 0)[7]

def state():
    info = call(INFO, 1, *[0] * 13)
    stat = os.fstat(fd)
    return {"live": info[4], "deleted": info[5], "next id": info[6], "bytes": info[7], "size": stat.st_size,
            "blocks": stat.st_blocks}

def fails(name, wanted, *words, **named):
    before = state()
    try:
        add(*words, **named)
        said = "success"
    except OSError as error:
        said = errno.errorcode[error.errno]
    wrong = [] if said == wanted else [f"it says {said}, not {wanted}"]
    after = state()
    wrong += [f"{what} {before[what]} became {after[what]}" for what in before if before[what] != after[what]]
    following = add(count=2)
    if following != before["next id"]:
        wrong.append(f"the next vector got id {following}, not {before['next id']}")
    print(json.dumps({"name": name, "wrong": wrong}))

def partly(size):
    # a buffer of which only the first two thirds can be read
    pages = -(-size // mmap.PAGESIZE)
    memory = mmap.mmap(-1, pages * mmap.PAGESIZE)
    address = at(ctypes.c_char.from_buffer(memory))
    libc.mprotect(ctypes.c_void_p(address + pages * 2 // 3 * mmap.PAGESIZE), pages // 3 * mmap.PAGESIZE, 0)
    return memory, address

add(count=100)
vectors, address = partly(ctypes.sizeof(good))
fails("vectors that cannot all be read", "EFAULT", address)
texts, address = partly(ctypes.sizeof(metas))
fails("metadata that cannot all be read", "EFAULT", texts=address)
sizes, address = partly(ctypes.sizeof(lens))
fails("lengths that cannot all be read", "EFAULT", texts=at(metas), sizes=address)
good[DIM * COUNT - 1] = float("nan")
fails("a last vector that is no number", "EINVAL")
good[DIM * COUNT - 1] = 1.0
lens[COUNT - 1] = META + 1
fails("a last length that is too large", "EINVAL", texts=at(metas), sizes=at(lens))
lens[COUNT - 1] = META

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limit = os.fstat(fd).st_size + 100000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
fails("a limit of the file's size", "EFBIG")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

draw, wrong, killed = random.Random(5), [], 0
for turn in range(8):
    before = state()
    pid = os.fork()
    if not pid:
        for _ in range(5):  # no more than there is room for, however fast
            add()
        time.sleep(60)
    time.sleep(draw.uniform(0, 0.05))
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    after = state()
    added = after["next id"] - before["next id"]
    if added % COUNT or after["live"] - before["live"] != added or after["bytes"] != after["size"]:
        wrong.append(f"{added} were added by adds of {COUNT}: {after}")
print(json.dumps({"name": "its process killed", "wrong": wrong}))

with open(path + ".ballast", "wb", buffering=0) as ballast:
    try:
        while True:
            ballast.write(bytes(65536))
    except OSError:
        pass
    os.fsync(ballast.fileno())
    ballast.truncate(ballast.tell() - (300 << 10))
    os.fsync(ballast.fileno())
fails("a full filesystem", "ENOSPC")
os.unlink(path + ".ballast")
os.sync()
add()
"""


@pytest.mark.usefixtures("post_checks")
def test_add_fails(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """An add that fails or is killed in its middle adds nothing and takes no room, and the next one works."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    mounted.machine.push((SHAPES + CALL + _PROGRAM).encode(), "/tmp/add_fails.py")
    done = mounted.machine.exec(["python3", "/tmp/add_fails.py", f"{mounted.mountpoint}/adds"], timeout=150)
    assert done.ok, f"the program did not come to its end: {done.error_text.strip().rpartition(chr(10))[2]}"
    rows = [json.loads(line) for line in done.text.splitlines()]
    metrics.record("ways_count", len(rows))
    wrong = [f"{row['name']}: {', '.join(row['wrong'])}" for row in rows if row["wrong"]]
    assert not wrong, "; ".join(wrong)

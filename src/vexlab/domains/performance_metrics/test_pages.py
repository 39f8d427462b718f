"""The last pages of a list take no longer than the first: who goes on with a list does not begin with it anew.

Times of one filesystem only, of calls made in turn within one program: how fast the machine is does not matter.
"""

from __future__ import annotations

import pytest

from vexlab.domains.performance_metrics.judge import Judge
from vexlab.domains.performance_metrics.limits import Limits
from vexlab.domains.performance_metrics.machines import SHAPE
from vexlab.domains.vector_operations.shapes import CALL, SHAPES
from vexlab.guest.mount import GuestFilesystem

pytestmark = [
    pytest.mark.domain("performance_metrics"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(**SHAPE),
]

_ROUNDS = 15
_NAMES, _LONG = 8000, 155
_LIST_S = 300.0

# Each prints for every round the nanoseconds of the first pages and of the last, the same number of both.
# Of a directory the pages are what fits into 4 KiB; x86-64's system call 217 is getdents64(2).
_DIRECTORY = r"""
import ctypes, os, sys, time

NAMES, PAGES = 8000, 40
os.chdir(sys.argv[1])
for number in range(NAMES):
    os.mknod(f"{number:05}{'-name' * 30}")
libc = ctypes.CDLL(None, use_errno=True)
buffer = ctypes.create_string_buffer(4096)
for round in range(int(sys.argv[2]) + 1):
    fd = os.open(".", os.O_RDONLY)
    times = []
    while True:
        begun = time.perf_counter_ns()
        size = libc.syscall(217, fd, buffer, 4096)
        times.append(time.perf_counter_ns() - begun)
        if size <= 0:
            break
    os.close(fd)
    if size < 0 or len(times) < 4 * PAGES:
        sys.exit(f"{len(times)} pages, the last call returned {size}")
    if round:
        print(sum(times[1:1 + PAGES]), sum(times[-1 - PAGES:-1]))
"""
# Single pages of a collection; the vectors are longer, so that looking at many of them takes longer than a call does.
_COLLECTION = r"""
import ctypes, os, sys, time

COUNT, DIM, PAGES = 20000, 64, 40
fd = os.open(f"{sys.argv[1]}/collection", os.O_RDWR | os.O_CREAT, 0o644)
call(CREATE, 1, DIM, 0, 0, 0, 0, 0, 0)
floats = (ctypes.c_float * (DIM * 1000))(*[float(n % 17) for n in range(DIM * 1000)])
for _ in range(COUNT // 1000):
    last = call(ADD, 1, DIM, 1000, 0, ctypes.addressof(floats), 0, 0, 0, 0, 0)[7] + 999
ids = (ctypes.c_uint64 * 10)()

def pages(start):
    begun = time.perf_counter_ns()
    for number in range(start, start + PAGES):
        answer = call(LIST, 1, 1, number, ctypes.addressof(ids), 0, 0, 0, 0, 0)
        if (answer[4], ids[0]) != (1, number):
            sys.exit(f"the list from {number} on begins with {ids[:answer[4]]}")
    return time.perf_counter_ns() - begun

for round in range(int(sys.argv[2]) + 1):
    times = pages(last - COUNT + 1), pages(last - PAGES)
    if round:
        print(*times)
"""


def _late(filesystem: GuestFilesystem, program: str, judge: Judge, limits: Limits, name: str) -> None:
    machine = filesystem.machine
    folder = f"{filesystem.mountpoint}/pages"
    machine.push(program.encode(), "/tmp/pages.py")
    assert machine.exec(["mkdir", folder]).ok
    told = machine.exec(["python3", "/tmp/pages.py", folder, str(_ROUNDS)], timeout=_LIST_S)
    assert told.ok, f"the list cannot be read page by page: {told}"
    times = [tuple(map(int, line.split())) for line in told.text.splitlines()]
    judge.compare(name, [last / first for first, last in times], most=limits.late)
    assert machine.exec(["rm", "-rf", folder], timeout=_LIST_S).ok
    judge.done()


@pytest.mark.usefixtures("post_checks")
@pytest.mark.needs(capabilities="mkdir rmdir unlink")
def test_pages_names(mounted: GuestFilesystem, judge: Judge, limits: Limits) -> None:
    """The last pages of a large directory take no longer than the first."""
    if mounted.within("dir_entries", 2 * _NAMES) < 2 * _NAMES or mounted.within("name_max", _LONG) < _LONG:
        pytest.skip(f"it needs {_NAMES} names of {_LONG} bytes in one folder, more than the filesystem takes")
    _late(mounted, _DIRECTORY, judge, limits, "late_names")


@pytest.mark.usefixtures("post_checks")
@pytest.mark.needs(vectors=True)
def test_pages_vectors(mounted: GuestFilesystem, judge: Judge, limits: Limits) -> None:
    """The last pages of a large collection take no longer than the first."""
    if mounted.target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    _late(mounted, SHAPES + CALL + _COLLECTION, judge, limits, "late_vectors")

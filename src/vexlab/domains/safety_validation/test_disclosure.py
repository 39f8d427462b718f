"""What lay in the machine's memory before stays there: it comes neither onto the disk nor into a file.

Distribution kernels clear every page that they give out (init_on_alloc, Documentation/admin-guide), which hides a
filesystem's mistake from everyone who tests on them and not from everyone who uses it elsewhere. Here they do not, and
memory is full of marks when the work begins. SLUB's poison marks what comes out of a slab cache.
"""

from __future__ import annotations

import json

import pytest

from vexlab.domains.safety_validation.machines import disks
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.guest.vectors import ADAPTERS, draw
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks, append="init_on_alloc=0 init_on_free=0 no5lvl"),
    pytest.mark.single_thread_tcg,
]

_STEP_S = 120.0
_TREE, _NAMES = 9, 150
_DIMENSIONS, _VECTORS, _META = (1, 3, 100), 40, 200

# Takes nearly all of the free memory, marks it, and gives it back at its end.
_MARK = """
import mmap
free = next(int(line.split()[1]) for line in open("/proc/meminfo") if line.startswith("MemFree"))
room = mmap.mmap(-1, free - 16 * 1024 << 10)
piece = b"memory of others" * 65536
while room.tell() + len(piece) <= len(room):
    room.write(piece)
print(room.tell() >> 20)
"""

# Work that leaves parts of blocks and pages unwritten. What nobody wrote must read as zeros, now and afterwards.
_WORK = r"""
import json, mmap, os, sys
from capable import can, within
os.chdir(sys.argv[1])
ZEROS, DATA = b"\0", b"d"
FARTHEST, LARGEST = within("file_sparse", 1 << 20), within("file_size", 4 * 70001 + 5000)

def new(name):
    return os.open(name, os.O_RDWR | os.O_CREAT, 0o644)

def grown(fd, size):
    if can("truncate_up"):
        os.ftruncate(fd, size)
    else:
        os.pwrite(fd, ZEROS, size - 1)

if sys.argv[2] == "make":
    for at in (0, 1, 511, 513, 4095, 4097, 50000, 1 << 20):
        at = min(at, FARTHEST)
        fd = new(f"gap {at}")
        os.pwrite(fd, DATA * 7, at)
        os.pwrite(fd, DATA * 3, at + 9000)
        os.close(fd)
    for size in (1, 700, 4097, 70001):
        size = min(size, (LARGEST - 5000) // 4)
        fd = new(f"grown {size}")
        os.write(fd, DATA * size)
        grown(fd, size + 6000)
        os.close(fd)
        if can("truncate_down"):
            fd = new(f"cut {size}")
            os.write(fd, b"gone" * size)
            if can("fsync"):
                os.fsync(fd)
            os.ftruncate(fd, size)
            os.pwrite(fd, DATA * size, 0)
            grown(fd, 4 * size + 5000)
            os.close(fd)
        if can("mmap_write"):
            fd = new(f"mapped {size}")
            grown(fd, size + 5000)
            with mmap.mmap(fd, size + 5000) as view:
                view[size:size + 5] = DATA * 5
            os.close(fd)
    for length in (1, 30, 59, 60, 61, 100, 1000):
        if can("symlink") and length == within("symlink_max", length):
            os.symlink("s" * length, f"link {length}")
    PLACE = "names/" if can("mkdir", "rmdir") else "names-"
    NAMES = within("dir_entries", 8 * 200) // 8
    if can("mkdir"):
        os.mkdir("names")
    def name(n):
        return PLACE + (str(n) * (1 + n % 50))[:within("name_max", 250)]
    make, gone = (os.mkdir, os.rmdir) if can("mkdir", "rmdir") else (lambda path: os.close(new(path)), os.unlink)
    for n in range(NAMES):
        make(name(n))
    for n in range(0, NAMES, 3):
        gone(name(n))
    for size in (0, 1, 17, 300):
        try:
            if can("xattr"):
                os.setxattr("names" if can("mkdir") else "gap 0", f"user.size{size}", b"x" * size)
        except OSError:
            break
for name in sorted(os.listdir(".")):
    if name.startswith(("gap ", "grown ", "cut ", "mapped ")):
        with open(name, "rb") as file:
            other = file.read().translate(None, ZEROS + DATA)
        if other:
            print(json.dumps({"file": name, "bytes": len(other), "first": repr(other[:16])}))
"""

# Reads the device and prints a line of JSON for each sort of thing that only memory holds, where it is for the first
# time and how often. With `nokaslr` these are the upper halves of the addresses of memory, of vmalloc and of struct
# page (Documentation/x86/x86_64/mm.rst); no number of a filesystem is that large.
_SCAN = r"""
import json, sys
SORTS = {
    "what another process left in memory": (b"memory of others", 1),
    "an object of a slab cache that nobody had filled (0x5a)": (b"\x5a" * 16, 1),
    "an object of a slab cache that had been freed (0x6b)": (b"\x6b" * 16, 1),
    "an address of memory": (bytes.fromhex("8088ffff"), 8),
    "an address of vmalloc": (bytes.fromhex("00c9ffff"), 8),
    "an address of a struct page": (bytes.fromhex("00eaffff"), 8),
}
found = {}
base = 0
with open(sys.argv[1], "rb", buffering=0) as device:
    while piece := device.read(1 << 20):
        for sort, (pattern, align) in SORTS.items():
            at = piece.find(pattern)
            while at >= 0:
                if align == 1 or at % align == align - len(pattern):
                    first = {"sort": sort, "at": base + at, "bytes": piece[max(at - 8, 0):at + 24].hex(), "times": 0}
                    entry = found.setdefault(sort, first)
                    entry["times"] += 1
                at = piece.find(pattern, at + len(pattern))
        base += len(piece)
print(json.dumps({"read": base}))
for entry in found.values():
    print(json.dumps(entry))
"""


@pytest.mark.usefixtures("post_checks")
def test_disclosure(mounted: GuestFilesystem, post_checks: PostChecks, metrics: Metrics) -> None:
    """With memory full of marks and not cleared for it, no mark comes onto the disk or into a file."""
    machine = mounted.machine
    for name, program in (("mark", _MARK), ("work", _WORK), ("scan", _SCAN)):
        machine.push(program.encode(), f"/tmp/{name}.py")
    cleared = machine.shell("dmesg | grep 'mem auto-init'")  # mm/mm_init.c
    assert "heap alloc:off, heap free:off" in cleared.text, f"memory is cleared, and no mark would last: {cleared}"
    marked = machine.exec(["python3", "/tmp/mark.py"], timeout=_STEP_S)
    assert marked.ok, f"memory cannot be marked: {marked}"
    assert metrics.record("marked_mib", int(marked.text)), "no memory was marked"
    _work(mounted, "make")
    post_checks.fill(_TREE, _NAMES)
    _store_vectors(mounted)
    assert mounted.unmount().ok
    scanned = machine.exec(["python3", "/tmp/scan.py", mounted.device], timeout=_STEP_S)
    assert scanned.ok, f"the device cannot be read: {scanned}"
    size, *rows = map(json.loads, scanned.text.splitlines())
    metrics.record("scanned_mib", size["read"] >> 20)
    wrong = [f"{row['sort']}, {row['times']} times, first at byte {row['at']}: {row['bytes']}" for row in rows]
    assert not wrong, f"on the disk is what nobody wrote there: {'; '.join(wrong)}"
    assert mounted.mount().ok
    _work(mounted, "read")
    post_checks.filled(_TREE)


def _store_vectors(mounted: GuestFilesystem) -> None:
    """Store vectors without metadata where there is room for some: most of each record is nobody's."""
    adapter = ADAPTERS.get(mounted.target.vectors)
    if not adapter:
        return
    for dim in _DIMENSIONS:
        store, path = adapter(mounted.machine), f"{mounted.mountpoint}/vectors{dim}"
        made = store.create(path, dim=dim, meta_size=_META)
        assert made.ok, f"a collection cannot be made: {made}"
        added = store.add(path, draw(dim, _VECTORS, dim))
        assert added.ok, f"vectors cannot be stored: {added}"


def _work(mounted: GuestFilesystem, what: str) -> None:
    result = mounted.machine.exec(["python3", "/tmp/work.py", mounted.mountpoint, what], timeout=_STEP_S)
    assert result.ok, f"the work cannot be done: {result.error_text.strip().rpartition(chr(10))[2]}"
    assert not result.text, f"a file holds what nobody wrote into it: {result.text[:600]}"

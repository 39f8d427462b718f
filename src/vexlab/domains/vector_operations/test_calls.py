"""The ioctls of VexFS called as they must not be: every version, length, flag, reserved member and pointer."""

from __future__ import annotations

import json

import pytest

from vexlab.domains.vector_operations.shapes import SHAPES
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.vectors import VectorStore, draw
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

# Prints a line of JSON for each call.
_CALLS = r"""
import array, ctypes, errno, fcntl, json, os, struct, sys

BAD = 0xffff800000000000  # an address of the kernel
NULLISH = 8               # an address nobody has

path, work = sys.argv[1:]
floats = array.array("f", [1, 2, 3, 4] * 8)
ids, room = array.array("Q", [0] * 64), array.array("Q", [0] * 64)
F, I, R = floats.buffer_info()[0], ids.buffer_info()[0], room.buffer_info()[0]
nan, inf = array.array("f", [1, float("nan"), 3, 4]), array.array("f", [1, 2, float("-inf"), 4])
N, X = nan.buffer_info()[0], inf.buffer_info()[0]
lens = array.array("I", [300] * 8)
L = lens.buffer_info()[0]

rw, ro, wo = os.open(path, os.O_RDWR), os.open(path, os.O_RDONLY), os.open(path, os.O_WRONLY)
plain = os.open(work + "/plain", os.O_RDWR | os.O_CREAT)
full = os.open(work + "/full", os.O_RDWR | os.O_CREAT)
os.write(full, b"text")
folder = os.open(work, os.O_RDONLY)
zero = os.open("/dev/zero", os.O_RDWR)


def call(fd, number, values, size=None):
    data = bytearray(struct.pack("=" + SHAPE[number], *values))
    way = 1 if number in WRITES_ONLY else 3
    request = way << 30 | (len(data) if size is None else size) << 16 | 0xF6 << 8 | number
    try:
        fcntl.ioctl(fd, request, data, True)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "OK"


def with_(values, at, value):
    return [*values[:at], value, *values[at + 1:]]


def say(name, got, *want):
    print(json.dumps({"name": name, "got": got, "want": want}))


create = [1, 4, 0, 0, 0, 0, 0, 0]
add = [1, 4, 2, 0, F, 0, 0, 0, 0, 0]
get = [1, 4, 1, F, 0, 0, 0, 0, 0]
delete = [1, 0, 1, 0, 0]
search = [1, 4, 3, 0, F, R, 0, 0, 0, 0, 0]
listing = [1, 8, 0, I, 0, 0, 0, 0, 0]
info = [1] + [0] * 13
lists = array.array("I", [0, 1, 2] * 8)
A = lists.buffer_info()[0]
index, by_index = [1, 4, 1, 3, 20, F, A, 0, 0, 0], [1, 4, 3, 1, F, R, 0, 2, 0, 0, 0]
good = {INFO: info, ADD: add, GET: get, DELETE: delete, SEARCH: search, LIST: listing, INDEX: index}
names = {CREATE: "create", INFO: "info", ADD: "add", GET: "get", DELETE: "delete", SEARCH: "search", LIST: "list",
         INDEX: "index"}

for number, values in [(CREATE, create), *good.items()]:
    fd = plain if number == CREATE else rw
    for version in (0, 2, 0xffffffff):
        say(f"{names[number]} version {version}", call(fd, number, with_(values, 0, version)), "EINVAL")
    say(f"{names[number]} of another size", call(fd, number, values, 8), "ENOTTY", "EINVAL")
    say(f"{names[number]} on /dev/zero", call(zero, number, values), "ENOTTY", "EINVAL")
    say(f"{names[number]} on a folder", call(folder, number, values), "EBADF", "EINVAL", "EISDIR", "ENOTTY", "ENODATA")
    if number != CREATE:
        say(f"{names[number]} on a plain file", call(plain, number, values), "ENODATA")
for number, values, places in ((CREATE, create, (4, 5, 6, 7)), (INFO, info, (10, 11, 12, 13)), (ADD, add, (8, 9)),
                               (GET, get, (7, 8)), (DELETE, delete, (1, 3, 4)), (SEARCH, search, (3, 7, 9, 10)),
                               (LIST, listing, (5, 7, 8)), (INDEX, index, (7, 8, 9))):
    for place in places:
        fd = plain if number == CREATE else rw
        say(f"{names[number]} reserved or flags {place}", call(fd, number, with_(values, place, 1)), "EINVAL")
for dim in (0, 4097, 0xffffffff):
    say(f"create dim {dim}", call(plain, CREATE, with_(create, 1, dim)), "EINVAL")
say("create metric 4", call(plain, CREATE, with_(create, 2, 4)), "EINVAL")
say("create meta_size 257", call(plain, CREATE, with_(create, 3, 257)), "EINVAL")
say("create of a collection", call(rw, CREATE, create), "EINVAL", "EEXIST", "EBUSY", "EFBIG", "ENOTEMPTY")
say("create of a file with text", call(full, CREATE, create), "EINVAL", "EEXIST", "EBUSY", "EFBIG", "ENOTEMPTY")
say("create read-only", call(os.open(work + "/plain", os.O_RDONLY), CREATE, create), "EBADF")
say("add read-only", call(ro, ADD, add), "EBADF")
say("delete read-only", call(ro, DELETE, delete), "EBADF")
for number in (INFO, GET, SEARCH, LIST):
    say(f"{names[number]} write-only", call(wo, number, good[number]), "EBADF")
for dim in (0, 3, 5, 0xffffffff):
    say(f"add dim {dim}", call(rw, ADD, with_(add, 1, dim)), "EINVAL")
    say(f"search dim {dim}", call(rw, SEARCH, with_(search, 1, dim)), "EINVAL")
for count in (0, 1048577, 0xffffffff):
    say(f"add count {count}", call(rw, ADD, with_(add, 2, count)), "EINVAL")
for k in (0, 16385, 0xffffffff):
    say(f"search k {k}", call(rw, SEARCH, with_(search, 2, k)), "EINVAL")
for length in (0, 65537, 0xffffffff):
    say(f"list room {length}", call(rw, LIST, with_(listing, 1, length)), "EINVAL")
for pointer in (0, NULLISH, BAD, 0xfffffffffffffff8):
    say(f"add vectors at {pointer:#x}", call(rw, ADD, with_(add, 4, pointer)), "EFAULT", "EINVAL")
    say(f"search query at {pointer:#x}", call(rw, SEARCH, with_(search, 4, pointer)), "EFAULT", "EINVAL")
    say(f"search results at {pointer:#x}", call(rw, SEARCH, with_(search, 5, pointer)), "EFAULT", "EINVAL")
    say(f"list ids at {pointer:#x}", call(rw, LIST, with_(listing, 3, pointer)), "EFAULT", "EINVAL")
    if pointer:
        say(f"get vector at {pointer:#x}", call(rw, GET, with_(get, 3, pointer)), "EFAULT")
        say(f"add meta at {pointer:#x}", call(rw, ADD, with_(with_(add, 3, 8), 5, pointer)), "EFAULT", "EINVAL")
say("search by an index that is not there", call(rw, SEARCH, by_index), "ENOENT")
for flags, probes in ((1, 0), (1, 4097), (0, 1), (2, 0), (3, 1), (0x80000001, 1), (1, 0xffffffff)):
    say(f"search with flags {flags:#x} and {probes} lists", call(rw, SEARCH, with_(with_(search, 3, flags), 7, probes)),
        "EINVAL")
say("index read-only", call(ro, INDEX, index), "EBADF")
for place, name, values in ((1, "dim", (0, 3, 5, 0xffffffff)), (2, "type", (0, 2, 0xffffffff)),
                            (3, "lists", (0, 4097, 0xffffffff)),
                            (4, "count", (0, 21, 16777217, 1 << 32, (1 << 64) - 1))):
    for value in values:
        say(f"index {name} {value}", call(rw, INDEX, with_(index, place, value)), "EINVAL")
for pointer in (0, NULLISH, BAD, 0xfffffffffffffff8):
    for place, name in ((5, "centroids"), (6, "lists")):
        say(f"index {name} at {pointer:#x}", call(rw, INDEX, with_(index, place, pointer)), "EFAULT")
for value in (3, 0x10000, 0xffffffff):
    lists[19] = value
    say(f"index with vector 20 in list {value} of 3", call(rw, INDEX, index), "EINVAL")
lists[19] = 1
for place in (3, 4, 5, 6):
    say(f"index taken away, with {place}", call(rw, INDEX, with_([1, 4, 0, 0, 0, 0, 0, 0, 0, 0], place, 1)), "EINVAL")
for name, at in (("NaN", N), ("infinity", X)):
    say(f"index {name}", call(rw, INDEX, with_(with_(index, 3, 1), 5, at)), "EINVAL")
say("search by an index that was refused", call(rw, SEARCH, by_index), "ENOENT")
say("index as it must be", call(rw, INDEX, index), "OK")
say("search by index as it must be", call(ro, SEARCH, by_index), "OK")
say("search by index through more lists than there are", call(ro, SEARCH, with_(by_index, 7, 4096)), "OK")
say("index taken away", call(rw, INDEX, [1, 4, 0, 0, 0, 0, 0, 0, 0, 0]), "OK")
say("index taken away twice", call(rw, INDEX, [1, 4, 0, 0, 0, 0, 0, 0, 0, 0]), "OK")
say("search by an index that was taken away", call(rw, SEARCH, by_index), "ENOENT")
say("add NaN", call(rw, ADD, with_(with_(add, 2, 1), 4, N)), "EINVAL")
say("add infinity", call(rw, ADD, with_(with_(add, 2, 1), 4, X)), "EINVAL")
say("search NaN", call(rw, SEARCH, with_(search, 4, N)), "EINVAL")
say("search infinity", call(rw, SEARCH, with_(search, 4, X)), "EINVAL")
say("add metadata too long", call(rw, ADD, [1, 4, 2, 8, F, F, L, 0, 0, 0]), "EINVAL")
say("add metadata to a collection without", call(rw, ADD, [1, 4, 2, 8, F, F, 0, 0, 0, 0]), "EINVAL")
noted = os.open(work + "/noted", os.O_RDWR | os.O_CREAT)
call(noted, CREATE, with_(create, 3, 16))
for length, stride, want in ((12, 8, "EINVAL"), (17, 24, "EINVAL"), (24, 24, "EINVAL"), (16, 24, "OK"), (8, 8, "OK")):
    lens[0] = length
    say(f"add {length} of {stride} bytes of metadata where 16 may be",
        call(noted, ADD, [1, 4, 1, stride, F, F, L, 0, 0, 0]), want)
for dim in (0, 3, 5, 0xffffffff):
    say(f"get into {dim} components", call(rw, GET, with_(get, 1, dim)), "EINVAL")
say("get metadata alone", call(noted, GET, [1, 0, 1, 0, R, 8, 0, 0, 0]), "OK")
say("get nothing but that it is there", call(noted, GET, [1, 0, 1, 0, 0, 0, 0, 0, 0]), "OK")
aliases = [(1 << bits) + 1 for bits in (8, 16, 31, 32, 33, 48, 63)]  # id 1 to whoever looks at fewer bits
for number in (0, 10**6, 1 << 63, 0xffffffffffffffff, *aliases):
    say(f"get id {number}", call(rw, GET, with_(get, 2, number)), "ENOENT")
    say(f"delete id {number}", call(rw, DELETE, with_(delete, 2, number)), "ENOENT")
    if number:
        data = bytearray(struct.pack("=" + SHAPE[LIST], *with_(listing, 2, number)))
        fcntl.ioctl(rw, 3 << 30 | len(data) << 16 | 0xF6 << 8 | LIST, data, True)
        found = [id for id in ids[:struct.unpack("=" + SHAPE[LIST], data)[4]] if id < number]
        say(f"list from id {number} gives lower ones", str(found), "[]")
for number in (9, 99, 255):
    request = 3 << 30 | 64 << 16 | 0xF6 << 8 | number
    try:
        fcntl.ioctl(rw, request, bytearray(64), True)
        got = "OK"
    except OSError as error:
        got = errno.errorcode[error.errno]
    say(f"ioctl {number}", got, "ENOTTY", "EINVAL")
for number in (INFO, GET, SEARCH, LIST):
    say(f"{names[number]} as it must be", call(ro, number, good[number]), "OK")
fs_info = struct.Struct("=2I4Q4I16s32s8Q")
libc = ctypes.CDLL(None, use_errno=True)
for number, size in [(0, fs_info.size), *((each, struct.calcsize("=" + SHAPE[each])) for each in SHAPE)]:
    request = (1 if number in WRITES_ONLY else 3) << 30 | size << 16 | 0xF6 << 8 | number
    for pointer in (0, NULLISH, BAD):
        failed = libc.ioctl(rw, ctypes.c_ulong(request), ctypes.c_void_p(pointer))
        got = errno.errorcode[ctypes.get_errno()] if failed else "OK"
        say(f"ioctl {number} with its structure at {pointer:#x}", got, "EFAULT")
for version, size, want in ((0, None, "EINVAL"), (2, None, "EINVAL"), (1, 8, "ENOTTY"), (1, None, "OK")):
    data = bytearray(b"\xaa" * fs_info.size)  # a field that is not written shows itself
    struct.pack_into("=I", data, 0, version)
    try:
        fcntl.ioctl(ro, 3 << 30 | (size or len(data)) << 16 | 0xF6 << 8, data, True)
        got = "OK"
    except OSError as error:
        got = errno.errorcode[error.errno]
    say(f"filesystem's info, version {version}, size {size or len(data)}", got, want)
_, block, blocks, free, inodes, free_inodes, *rest = fs_info.unpack(data)
here = os.statvfs(work)
said = (block, blocks, free, inodes, free_inodes)
counted = (here.f_frsize, here.f_blocks, here.f_bfree, here.f_files, here.f_ffree)
say("filesystem's info beside statfs", str(said), str(counted))
label, reserved = rest[5], rest[6:]
say("filesystem's info, label and reserved words", f"{label.strip(bytes(1))} {reserved}", f"b'' {[0] * 8}")
for fd, name in ((plain, "plain"), (full, "full"), (noted, "noted")):
    os.close(fd)
    os.unlink(f"{work}/{name}")
"""


@pytest.mark.quick
def test_bad_calls(
    store: VectorStore, collection: str, target: Target, mounted: GuestFilesystem, metrics: Metrics
) -> None:
    """Each bad ioctl says the error that the interface promises, and no vector is added, lost or changed by any."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    vectors = draw(20, 20, 4)
    assert store.create(collection, dim=4).ok
    assert store.add(collection, vectors).ok
    ids = range(1, 21)
    before = store.get(collection, ids)
    mounted.machine.push((SHAPES + _CALLS).encode(), "/tmp/calls.py")
    result = mounted.machine.exec(["python3", "/tmp/calls.py", collection, mounted.mountpoint], timeout=120)
    assert result.ok, f"the calls did not come to their end: {result}"
    rows = [json.loads(line) for line in result.text.splitlines()]
    metrics.record("calls_count", len(rows))
    wrong = [
        f"{row['name']}: {row['got']}, not {' or '.join(row['want'])}" for row in rows if row["got"] not in row["want"]
    ]
    assert not wrong, f"{len(wrong)} of {len(rows)} calls: " + "; ".join(wrong[:12])
    assert store.get(collection, ids) == before, "refused calls changed vectors"
    assert store.live(collection) == len(vectors)

"""Searching, listing and counting while vectors are added: each call sees all vectors of an add, or none."""

from __future__ import annotations

import json

import pytest

from vexlab.domains.vector_operations.shapes import CALL, SHAPES
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
]

_DIM, _AT_ONCE, _ADDS, _ADDERS = 64, 400, 12, 2

# Two add, two search, one lists, one counts and one reads what is not there yet, each by its own descriptor, until both
# adders are done. All vectors are alike, so that every distance is known and the lowest ids are the nearest. Prints
# what is wrong, then a line of JSON.
_PROGRAM = r"""
import ctypes, errno, glob, json, os, sys, time

path, dim, at_once, adds, adders = sys.argv[1], *map(int, sys.argv[2:])
K = 50
vectors = (ctypes.c_float * (dim * at_once))(*[2.0] * (dim * at_once))
query = (ctypes.c_float * dim)(*[1.0] * dim)
results = (ctypes.c_uint64 * (2 * K))()
ids = (ctypes.c_uint64 * 4096)()
at = ctypes.addressof
DISTANCE = ctypes.c_double(dim ** 0.5)
BITS = ctypes.c_uint64.from_buffer(DISTANCE).value
UNTIL = time.monotonic() + 90

between = set()  # how many vectors a reader saw when not all were there yet

def whole(count, what):
    if 0 < count < at_once * adds * adders:
        between.add(count)
    if count % at_once:
        print(what, count, "vectors, of adds of", at_once)
        sys.exit(1)

def search():
    answer = call(SEARCH, 1, dim, K, 0, at(query), at(results), 0, 0, 0, 0, 0)
    found, scanned = answer[6], answer[8]
    whole(scanned, "a search sees")
    if found != min(K, scanned):
        print("a search finds", found, "of", scanned)
        sys.exit(1)
    for n in range(found):
        if (results[2 * n], results[2 * n + 1]) != (n + 1, BITS):
            print("at place", n, "is id", results[2 * n], "at", results[2 * n + 1], "instead of", n + 1, "at", BITS)
            sys.exit(1)

def listing():
    answer = call(LIST, 1, len(ids), 0, at(ids), 0, 0, 0, 0, 0)
    if not answer[6]:  # it came in one call, and is a whole
        whole(answer[4], "a list gives")

def info():
    answer = call(INFO, 1, *[0] * 13)
    whole(answer[4], "the collection is said to have")
    whole(answer[6] - 1, "ids are given up to")

coming = 0  # the last vector of the next add

def get():  # asked for until it is there: it is not yet, or it is whole
    global coming
    coming = coming or call(INFO, 1, *[0] * 13)[6] + at_once - 1
    into = (ctypes.c_float * dim)()
    for _ in range(20):
        try:
            call(GET, 1, dim, coming, at(into), 0, 0, 0, 0, 0)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            continue
        if list(into) != [2.0] * dim:
            print("vector", coming, "is", list(into)[:4])
            sys.exit(1)
        between.add(coming)
        coming = 0
        break

def add():
    for _ in range(adds):
        call(ADD, 1, dim, at_once, 0, at(vectors), 0, 0, 0, 0, 0)
        time.sleep(0.05)  # else the readers may not come to their turn

def worker(work, last):
    global fd
    pid = os.fork()
    if pid:
        return pid
    fd = os.open(path, os.O_RDWR)
    rounds = 0
    try:
        if work is add:
            add()
        while work is not add and not os.path.exists(last) and time.monotonic() < UNTIL:
            work()
            rounds += 1
            with open(f"/tmp/rounds.{os.getpid()}", "w") as file:
                file.write(f"{work.__name__} {rounds} {len(between)}")
    except OSError as error:
        print(work.__name__, "fails with", errno.errorcode[error.errno])
        sys.stdout.flush()
        os._exit(1)
    except SystemExit:
        sys.stdout.flush()
        os._exit(1)
    os._exit(0)

fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
call(CREATE, 1, dim, 0, 0, 0, 0, 0, 0)
last = "/tmp/adders.done"
readers = [worker(work, last) for work in (search, search, listing, info, get)]
ends = [os.waitpid(pid, 0)[1] for pid in [worker(add, last) for _ in range(adders)]]
open(last, "w").close()
ends += [os.waitpid(pid, 0)[1] for pid in readers]
if any(ends):
    print("one of those at work did not end well")
told = {f"{name}{sort}": 0 for name in ("search", "listing", "info", "get") for sort in ("", "_between")}
for path in glob.glob("/tmp/rounds.*"):
    name, rounds, seen = open(path).read().split()
    told[name] += int(rounds)
    told[f"{name}_between"] += int(seen)
print(json.dumps({"live": call(INFO, 1, *[0] * 13)[4], **told}))
"""


@pytest.mark.usefixtures("post_checks")
def test_concurrent_reads(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """While two add, each search, list and count sees all vectors of an add or none, and finds the nearest."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    mounted.machine.push((SHAPES + CALL + _PROGRAM).encode(), "/tmp/meanwhile.py")
    words = [f"{mounted.mountpoint}/meanwhile", *map(str, (_DIM, _AT_ONCE, _ADDS, _ADDERS))]
    result = mounted.machine.exec(["python3", "/tmp/meanwhile.py", *words], timeout=150)
    assert result.ok, f"the program did not come to its end: {result.error_text[-300:]}"
    *wrong, last = result.text.splitlines()
    assert not wrong, f"while vectors are added: {'; '.join(wrong)}"
    told = json.loads(last)
    for name in ("search", "listing", "info", "get"):
        assert metrics.record(f"{name}_count", told[name]), f"no {name} came to its end"
        assert told[f"{name}_between"], f"each {name} came before all adds, or after them"
    assert told["live"] == _AT_ONCE * _ADDS * _ADDERS, f"{told['live']} vectors are there in the end"


# For each kind of call: it is made while one add is under way, and nothing follows that could still wake it. Both have
# ended before the next round begins, in which it is made a little later in the add.
_PAIRS = r"""
import ctypes, os, sys, time

path, dim, at_once, rounds = sys.argv[1], *map(int, sys.argv[2:])
K = 10
vectors = (ctypes.c_float * (dim * at_once))(*[2.0] * (dim * at_once))
query = (ctypes.c_float * dim)(*[1.0] * dim)
results = (ctypes.c_uint64 * (2 * K))()
ids = (ctypes.c_uint64 * 4096)()
at = ctypes.addressof

def add():
    call(ADD, 1, dim, at_once, 0, at(vectors), 0, 0, 0, 0, 0)

def adder(go, done):
    while os.read(go, 1):
        begin = time.monotonic()
        add()
        os.write(done, b"%-20.9f" % (time.monotonic() - begin))
    os._exit(0)

CALLS = {
    "info": lambda: call(INFO, 1, *[0] * 13),
    "search": lambda: call(SEARCH, 1, dim, K, 0, at(query), at(results), 0, 0, 0, 0, 0),
    "list": lambda: call(LIST, 1, len(ids), 0, at(ids), 0, 0, 0, 0, 0),
    "get": lambda: call(GET, 1, dim, 1, at(query), 0, 0, 0, 0, 0),
    "add": add,
    "delete": lambda: call(DELETE, 1, 0, number + 2, 0, 0),  # of the first add
}

fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
call(CREATE, 1, dim, 0, 0, 0, 0, 0, 0)
add()
go, done = os.pipe(), os.pipe()
if not os.fork():
    os.close(go[1])
    adder(go[0], done[1])
took = 0.01
for name, work in CALLS.items():
    print(name, flush=True)  # the last one named is the one that does not return
    for number in range(rounds):
        os.write(go[1], b"g")
        time.sleep(took * number / rounds)
        work()
        took = (took + float(os.read(done[0], 20))) / 2
"""
_ROUNDS = 16
_PAIR_S = 60.0


@pytest.mark.usefixtures("post_checks")
def test_call_beside_add(mounted: GuestFilesystem, target: Target) -> None:
    """Each kind of call returns that is made while one add is under way, though nothing comes afterwards."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    mounted.machine.push((SHAPES + CALL + _PAIRS).encode(), "/tmp/pairs.py")
    words = [f"{mounted.mountpoint}/pairs", *map(str, (_DIM, _AT_ONCE, _ROUNDS))]
    result = mounted.machine.exec(["python3", "/tmp/pairs.py", *words], timeout=_PAIR_S)
    assert result.ok, f"beside an add: {result.text.split()[-1:]} fails: {result.error_text[-300:]}"
    assert result.text.split() == ["info", "search", "list", "get", "add", "delete"]

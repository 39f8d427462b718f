"""Searching by index while vectors are added and deleted, and the index itself is made anew and taken away."""

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

_SECONDS = 20
_WAIT_S = 200.0

# Vector n is (n, 0, ...), so that a query at n finds n, at distance 0, if it is there, and every distance is known.
# Ids up to KEPT are never deleted; the others are, by one process, an id at a time, in ascending order. One adds, two
# search, two make indexes of other numbers of lists, one of them takes it away in between. Prints what is wrong, then
# a line of JSON.
_PROGRAM = r"""
import ctypes, errno, glob, json, os, random, sys, time

path, seconds = sys.argv[1], float(sys.argv[2])
DIM, KEPT, FIRST, LIMIT, K = 8, 300, 600, 4000, 5
at, UNTIL = ctypes.addressof, time.monotonic() + seconds

def rows(first, count):
    flat = (ctypes.c_float * (DIM * count))()
    for n in range(count):
        flat[n * DIM] = first + n
    return flat

def count():
    return call(INFO, 1, *[0] * 13)[6] - 1

def wrong(*words):
    print(*words)
    sys.exit(1)

def add():
    there = count()
    if there + 7 > LIMIT:
        time.sleep(0.05)
        return
    flat = rows(there + 1, 7)
    first = call(ADD, 1, DIM, 7, 0, at(flat), 0, 0, 0, 0, 0)[7]
    if first != there + 1:
        wrong("the only one who adds gets id", first, "not", there + 1)
    time.sleep(0.01)

deleted = KEPT

def delete():
    global deleted
    if deleted < FIRST:
        deleted += 1
        call(DELETE, 1, 0, deleted, 0, 0)
        with open("/tmp/deleted.new", "w") as file:
            file.write(str(deleted))
        os.rename("/tmp/deleted.new", "/tmp/deleted")
    time.sleep(0.02)

def made(lists):
    there = count()
    step = there // lists + 1
    centroids = (ctypes.c_float * (DIM * lists))()
    for n in range(lists):
        centroids[n * DIM] = n * step + step / 2
    lists_of = (ctypes.c_uint32 * there)(*[min(n // step, lists - 1) for n in range(there)])
    call(INDEX, 1, DIM, 1, lists, there, at(centroids), at(lists_of), 0, 0, 0)

def few():
    made(random.choice((1, 3, 10)))

def many():
    made(random.choice((40, 60)))
    if random.random() < 0.3:
        call(INDEX, 1, DIM, 0, 0, 0, 0, 0, 0, 0, 0)

none = 0

def search():
    global none
    try:
        before = int(open("/tmp/deleted").read())
    except FileNotFoundError:
        before = KEPT
    there = count()
    number = random.choice((random.randint(1, KEPT), random.randint(1, there), there))
    query, results = rows(number, 1), (ctypes.c_uint64 * (2 * K))()
    probes = random.choice((1, 4096))
    try:
        found = call(SEARCH, 1, DIM, K, 1, at(query), at(results), 0, probes, 0, 0, 0)[6]
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise
        none += 1
        return
    ids = [results[2 * n] for n in range(found)]
    told = [struct.unpack("d", struct.pack("Q", results[2 * n + 1]))[0] for n in range(found)]
    if len(set(ids)) != len(ids) or told != sorted(told) or told != [abs(number - id) for id in ids]:
        wrong("a search for", number, "finds", ids, "at", told)
    if any(KEPT < id <= before for id in ids):
        wrong("a search for", number, "finds", ids, "though all from", KEPT + 1, "to", before, "are deleted")
    if (number <= KEPT or number > FIRST) and ids[0] != number:
        wrong("a search for", number, "which is there, through", probes, "lists, finds", ids)
    if probes == 4096 and found != K:
        wrong("a search through all lists finds", ids, "of", there)

def worker(work):
    global fd
    pid = os.fork()
    if pid:
        return pid
    fd = os.open(path, os.O_RDWR)
    random.seed(os.getpid())
    rounds, status = 0, 1
    try:
        while time.monotonic() < UNTIL:
            work()
            rounds += 1
        status = 0
    except OSError as error:
        print(work.__name__, "fails with", errno.errorcode[error.errno])
    except SystemExit:
        pass
    with open(f"/tmp/rounds.{os.getpid()}", "w") as file:
        file.write(f"{work.__name__} {rounds - none} {none}")
    sys.stdout.flush()
    os._exit(status)

fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
call(CREATE, 1, DIM, 0, 0, 0, 0, 0, 0)
flat = rows(1, FIRST)
call(ADD, 1, DIM, FIRST, 0, at(flat), 0, 0, 0, 0, 0)
made(10)
ends = [os.waitpid(pid, 0)[1] for pid in [worker(work) for work in (add, delete, few, many, search, search)]]
if any(ends):
    print("one of those at work did not end well")
told = dict.fromkeys(("add", "delete", "few", "many", "search", "without"), 0)
for path in glob.glob("/tmp/rounds.*"):
    name, rounds, refused = open(path).read().split()
    told[name] += int(rounds)
    told["without"] += int(refused)
print(json.dumps(told))
"""


@pytest.mark.usefixtures("indexed", "post_checks")
def test_index_concurrent(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """While the index is made anew, each search finds the vectors that are there, and none that was deleted before."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    mounted.machine.push((SHAPES + CALL + _PROGRAM).encode(), "/tmp/meanwhile.py")
    argv = ["python3", "/tmp/meanwhile.py", f"{mounted.mountpoint}/meanwhile", str(_SECONDS)]
    result = mounted.machine.exec(argv, timeout=_WAIT_S)
    assert result.ok, f"the program did not come to its end: {result.error_text[-300:]}"
    *wrong, last = result.text.splitlines()
    assert not wrong, f"while the index is made anew: {'; '.join(wrong[:5])}"
    told = json.loads(last)
    for name in ("add", "delete", "few", "many", "search"):
        assert metrics.record(f"{name}_count", told[name]), f"no {name} came to its end"
    metrics.record("without_count", told["without"])

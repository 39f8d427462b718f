"""An answer takes no more room than the caller offers: what lies behind it in the caller's memory stays as it is."""

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
    pytest.mark.sequential,
]

_DIM, _META, _STORED = 5, 40, 3

# Prints a line of JSON for each call. Every buffer is
# filled with a pattern beforehand, and what the answer does not claim to have written must still be the pattern.
_CALLS = r"""
import ctypes, json, os, sys

path, dim, meta, stored = sys.argv[1], *map(int, sys.argv[2:])
PATTERN, BEHIND = 0xA5, 512

fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


def room(size):
    buffer = (ctypes.c_ubyte * (size + BEHIND))(*[PATTERN] * (size + BEHIND))
    return buffer, ctypes.addressof(buffer)


def say(name, buffer, claimed):
    changed = [at for at, byte in enumerate(buffer) if at >= claimed and byte != PATTERN]
    print(json.dumps({"name": name, "claimed": claimed, "changed": len(changed), "first": changed[:1]}))


floats = (ctypes.c_float * (dim * stored))(*range(1, dim * stored + 1))
texts = (ctypes.c_ubyte * (meta * stored))(*[0x4D] * (meta * stored))
call(CREATE, 1, dim, 0, meta + 24, 0, 0, 0, 0)
call(ADD, 1, dim, stored, meta, ctypes.addressof(floats), ctypes.addressof(texts), 0, 0, 0, 0)
for size in (0, 1, 7, meta - 1, meta, meta + 1, 256):
    vector, at = room(4 * dim)
    text, behind = room(size)
    call(GET, 1, dim, 1, at, behind, size, 0, 0, 0)
    say(f"metadata into {size} bytes", text, min(size, meta))
    say(f"a vector beside {size} bytes of metadata", vector, 4 * dim)
for k in (1, 2, stored, stored + 1, 100, 16384):
    results, at = room(16 * k)
    found = call(SEARCH, 1, dim, k, 0, ctypes.addressof(floats), at, 0, 0, 0, 0, 0)[6]
    say(f"a search for {k}, which finds {found}", results, 16 * min(found, k))
for most in (1, 2, stored, 100, 65536):
    ids, at = room(8 * most)
    found = call(LIST, 1, most, 0, at, 0, 0, 0, 0, 0)[4]
    say(f"a list of {most}, which finds {found}", ids, 8 * min(found, most))
"""


@pytest.mark.usefixtures("questions")
def test_room_kept(mounted: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """No call writes more than it says: of metadata, vectors, results and ids, whatever room the caller offers."""
    if target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    mounted.machine.push((SHAPES + CALL + _CALLS).encode(), "/tmp/room.py")
    words = ["python3", "/tmp/room.py", f"{mounted.mountpoint}/room", str(_DIM), str(_META), str(_STORED)]
    result = mounted.machine.exec(words, timeout=60)
    assert result.ok, f"the calls did not come to their end: {result}"
    rows = [json.loads(line) for line in result.text.splitlines()]
    metrics.record("calls_count", len(rows))
    wrong = [
        f"{row['name']} changes {row['changed']} bytes behind the {row['claimed']} it claims"
        for row in rows
        if row["changed"]
    ]
    assert not wrong, "; ".join(wrong[:8])

"""The stress program's own faults are not the filesystem's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vexlab.guest.stress import STRESS, Stressed, stressed
from vexlab.workloads import LIBRARY

# Every eleventh open fails as on a full device, with few descriptors to lose.
_FAILING = """
import errno, os, resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
real, count = os.open, 0

def failing(*words, **more):
    global count
    count += 1
    if count % 11 == 0:
        raise OSError(errno.ENOSPC, "planted")
    return real(*words, **more)

os.open = failing
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("which", ["names", "data", "deletions"])
def test_opens_that_fail_cost_no_descriptors(tmp_path: Path, which: str) -> None:
    (tmp_path / "failing.py").write_text(_FAILING)
    (tmp_path / "point").mkdir()
    argv = [tmp_path / "failing.py", STRESS, tmp_path / "point", which, "3", "20"]
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY[0].parent)}  # nothing is known here of what works
    words = [sys.executable, *map(str, argv)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=90, check=False, env=environment)
    told = stressed(done.stdout)
    assert told.operations > 300, done.stderr
    assert not told.wrong, "such as: open says EMFILE"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rename says EIO\nstuck 712 rename across\n", Stressed(pid=712, stuck="rename across")),
        (
            "open says EMFILE\nopen says EMFILE\nlink says EIO\ndone 31\n",
            Stressed(wrong=("open says EMFILE", "link says EIO"), operations=31),
        ),
        ("done 40\n", Stressed(operations=40)),
        ("", Stressed()),
    ],
)
def test_how_a_stress_ended_is_read(text: str, expected: Stressed) -> None:
    assert stressed(text) == expected

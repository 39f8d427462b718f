"""The last pages of a list take no longer than the first: who goes on with a list does not begin with it anew.

Times of one filesystem only, of calls made in turn within one program: how fast the machine is does not matter.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.domains.performance_metrics.judge import Judge
from vexlab.domains.performance_metrics.limits import Limits
from vexlab.domains.performance_metrics.machines import SHAPE
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.pages import parse_pages
from vexlab.guest.program import put
from vexlab.workloads import SCRIPTS

pytestmark = [
    pytest.mark.domain("performance_metrics"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(**SHAPE),
]

_ROUNDS = 15
_NAMES, _LONG = 8000, 155
_VECTORS = 20000
_LIST_S = 300.0


def _late(filesystem: GuestFilesystem, program: Path, count: int, judge: Judge, limits: Limits, name: str) -> None:
    machine = filesystem.machine
    folder = f"{filesystem.mountpoint}/pages"
    assert machine.exec(["mkdir", folder]).ok
    argv = ["python3", put(machine, program), folder, str(_ROUNDS), str(count)]
    told = machine.exec(argv, timeout=_LIST_S)
    assert told.ok, f"the list cannot be read page by page: {told}"
    judge.compare(name, [each.last_ns / each.first_ns for each in parse_pages(told.text)], most=limits.late)
    assert machine.exec(["rm", "-rf", folder], timeout=_LIST_S).ok
    judge.done()


@pytest.mark.usefixtures("post_checks")
@pytest.mark.needs(capabilities="mkdir rmdir unlink")
def test_pages_names(mounted: GuestFilesystem, judge: Judge, limits: Limits) -> None:
    """The last pages of a large directory take no longer than the first."""
    if mounted.within("dir_entries", 2 * _NAMES) < 2 * _NAMES or mounted.within("name_max", _LONG) < _LONG:
        pytest.skip(f"it needs {_NAMES} names of {_LONG} bytes in one folder, more than the filesystem takes")
    _late(mounted, SCRIPTS / "time_names.py", _NAMES, judge, limits, "late_names")


@pytest.mark.usefixtures("post_checks")
@pytest.mark.needs(vectors=True)
def test_pages_vectors(mounted: GuestFilesystem, judge: Judge, limits: Limits) -> None:
    """The last pages of a large collection take no longer than the first."""
    if mounted.target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    _late(mounted, SCRIPTS / "time_vectors.py", _VECTORS, judge, limits, "late_vectors")

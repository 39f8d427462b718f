"""Nothing hangs: processes that wait for each other through the filesystem all come on, also interrupted and killed.

A process that does not is reported as a hang, with the function of the kernel it is stuck in.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vexlab.domains.safety_validation.machines import disks
from vexlab.errors import GuestTimeout
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.stress import STRESS, stressed
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
]

_LASTS_S, _STUCK_S = 12, 25
_HOLES_S = 60  # a page locked before its transaction was seen to hang after 20 s
_SCRIPT = "/tmp/stress.py"


@pytest.mark.usefixtures("post_checks")
@pytest.mark.parametrize(
    "stress",
    [
        *("names", "data", "deletions", "vectors"),
        pytest.param("freeze", marks=pytest.mark.needs(capabilities="freeze")),
        pytest.param(
            "holes",
            marks=[pytest.mark.level(2), pytest.mark.needs(capabilities="truncate_up mmap_write rename rename_over")],
        ),
    ],
)
def test_stress(mounted: GuestFilesystem, metrics: Metrics, step: Callable[[str], None], stress: str) -> None:
    """Processes at work in the same files and folders, interrupted and killed at random, never get stuck."""
    if stress == "vectors" and mounted.target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    machine, lasts = mounted.machine, _HOLES_S if stress == "holes" else _LASTS_S
    machine.push(STRESS, _SCRIPT)
    argv = ["python3", _SCRIPT, mounted.mountpoint, stress, str(lasts), str(_STUCK_S)]
    result = machine.exec(argv, timeout=lasts + 4 * _STUCK_S)
    told = stressed(result.text)
    if told.stuck:
        step(f"in {told.stuck} of the stress {stress}")
        words = f"`{told.stuck}` of the stress {stress} did not end within {_STUCK_S} s"
        raise GuestTimeout(words, command=told.stuck, pid=told.pid, seconds=_STUCK_S)
    assert result.ok, f"the stress did not come to its end: {result}"
    assert not told.wrong, "; ".join(told.wrong)
    assert told.operations, f"the stress did nothing: {result}"
    metrics.record("operations_count", told.operations)

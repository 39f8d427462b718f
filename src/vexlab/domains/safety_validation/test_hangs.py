"""Nothing hangs: processes that wait for each other through the filesystem all come on, also interrupted and killed.

A process that does not is reported as a hang, with the function of the kernel it is stuck in.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vexlab.domains.safety_validation.machines import disks
from vexlab.domains.safety_validation.stress import stress_ends_well
from vexlab.guest.mount import GuestFilesystem
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
]

_LASTS_S = 12
_HOLES_S = 60  # a page locked before its transaction was seen to hang after 20 s


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
    stress_ends_well(mounted, metrics, step, stress, lasts=_HOLES_S if stress == "holes" else _LASTS_S)

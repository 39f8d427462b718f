"""Four threads at full speed on a small device, where all meet in the same few blocks: afterwards all must add up."""

from __future__ import annotations

import pytest

from vexlab.domains.declared import needs_freed_blocks
from vexlab.domains.safety_validation.machines import disks
from vexlab.guest.mount import GuestFilesystem
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
    pytest.mark.slow,
]

_LASTS_S = 30
_FILES = 400
_LIMIT_S = 300.0

_WORK = script("work_at_once.sh")


@pytest.mark.usefixtures("post_checks")
@pytest.mark.needs(capabilities="create write unlink")
def test_threads_at_once(mounted: GuestFilesystem, metrics: Metrics) -> None:
    """Files made, filled, renamed and removed by four threads and a fifth process leave nothing and no wrong count."""
    needs_freed_blocks(mounted)
    result = mounted.machine.ash(_WORK, mounted.mountpoint, str(_LASTS_S), str(_FILES), timeout=_LIMIT_S)
    assert result.ok, f"the work did not come to its end: {result}"
    metrics.record("rounds_count", int(result.text))

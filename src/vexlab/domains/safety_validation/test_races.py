"""Four threads at full speed on a small device, where all meet in the same few blocks: afterwards all must add up."""

from __future__ import annotations

import pytest

from vexlab.domains.safety_validation.machines import disks
from vexlab.guest.mount import GuestFilesystem
from vexlab.plugin.fixtures import Metrics

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

# What one round made is removed while the next is at work, so that blocks and inodes are taken and given back at once.
_WORK = """
. /vexlab/lib/capable.sh
up() {{ read -r seconds _ </proc/uptime; echo ${{seconds%.*}}; }}
n=0 end=$(($(up) + {seconds}))
while [ $(up) -lt $end ]; do
    n=$((n + 1)); round={point}
    if can mkdir rmdir; then round={point}/round$n; mkdir $round || exit; fi
    fsperf -n {files} -t 4 small,write,scatter,rename,remove $round >/dev/null || exit
    wait
    if can mkdir rmdir; then /bin/rm -rf $round & else find $round -type f -exec /bin/rm -f {{}} +; fi
done
wait; echo $n
"""


@pytest.mark.usefixtures("post_checks")
@pytest.mark.needs(capabilities="create write unlink")
def test_threads_at_once(mounted: GuestFilesystem, metrics: Metrics) -> None:
    """Files made, filled, renamed and removed by four threads and a fifth process leave nothing and no wrong count."""
    script = _WORK.format(seconds=_LASTS_S, files=_FILES, point=mounted.mountpoint)
    result = mounted.machine.ash(script, timeout=_LIMIT_S)
    assert result.ok, f"the work did not come to its end: {result}"
    metrics.record("rounds_count", int(result.text))

"""Frozen, the device is at rest: nothing is written, who would write waits, and a copy of it is whole."""

from __future__ import annotations

import pytest

from vexlab.domains.filesystem_operations.machines import disks
from vexlab.guest.block import device_of, sectors_written
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.questions import LastQuestions
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine

pytestmark = [
    pytest.mark.domain("filesystem_operations"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
    pytest.mark.sequential,
]

_STEP_S = 60.0
_READ_ONLY = "frozen_read_only"  # in [refuses]: why a copy of the frozen device needs a device to write to

# The kernel writes back what is dirty after a second instead of half a minute.
_FREEZE = """
echo 50 >/proc/sys/vm/dirty_writeback_centisecs
echo 100 >/proc/sys/vm/dirty_expire_centisecs
(exec 9>{0}/held; echo held >&9; rm {0}/held; echo open >/tmp/held; exec sleep 1000) </dev/null >/dev/null 2>&1 &
echo $! >/tmp/holder
while [ ! -e /tmp/held ]; do sleep 0.1; done
fsfreeze --freeze {0}
"""
_AT_REST = """
sync -f /; ls -lR {0} >/dev/null; find {0} -type f -exec cat {{}} + >/dev/null
sleep 3
"""
# The writer waits for a second only: the kernel's own detector takes whoever waits long for stuck.
_THAW = """
(touch {0}/waits && touch /tmp/waited) </dev/null >/dev/null 2>&1 &
sleep 1
[ ! -e /tmp/waited ] || {{ echo "a name was made while it was frozen"; exit 1; }}
fsfreeze --unfreeze {0}
for wait in $(seq 100); do [ -e /tmp/waited ] && exit 0; sleep 0.1; done
echo "who waited for the thaw still waits"
exit 1
"""


@pytest.fixture
def small(machine: Machine, target: Target, filesystem: GuestFilesystem) -> GuestFilesystem:
    """Return a filesystem, not made yet, on a device that is soon copied."""
    return GuestFilesystem(machine, target, device_of(machine, "small"), filesystem.mountpoint)


def test_frozen(small: GuestFilesystem, metrics: Metrics) -> None:
    """Frozen, it writes nothing and lets writers wait; a copy made meanwhile mounts and holds everything."""
    machine, point = small.machine, small.mountpoint
    assert small.mkfs().ok
    assert small.mount().ok
    small.prove()
    questions = LastQuestions(small)
    questions.fill(9, 120)
    frozen = machine.shell(_FREEZE.format(point), timeout=_STEP_S)
    assert frozen.ok, f"it does not freeze: {frozen}"
    metrics.record("freeze_s", frozen.duration)
    before = sectors_written(machine, small.device)
    rest = machine.shell(_AT_REST.format(point), timeout=_STEP_S)
    assert rest.ok, rest.text
    written = sectors_written(machine, small.device) - before
    assert not written, f"{written} sectors were written while it was frozen"
    copy = GuestFilesystem(machine, small.target, device_of(machine, "scratch"), point)
    copied = machine.exec(["dd", f"if={small.device}", f"of={copy.device}", "bs=1M", "iflag=direct", "oflag=direct"])
    assert copied.ok, str(copied)
    thawed = machine.shell(_THAW.format(point), timeout=_STEP_S)
    assert thawed.ok, thawed.text or str(thawed)
    questions.filled(9)
    let_go = machine.shell(
        "kill $(cat /tmp/holder); while kill -0 $(cat /tmp/holder) 2>/dev/null; do sleep 0.1; done", timeout=_STEP_S
    )
    assert let_go.ok, str(let_go)
    assert small.unmount().ok
    questions.consistent()
    _whole(copy)


def _whole(copy: GuestFilesystem) -> None:
    """Assert that the copy of a frozen device mounts, also where nothing can be written, and holds the tree."""
    if _READ_ONLY not in dict(copy.target.refuses):
        assert copy.machine.exec(["blockdev", "--setro", copy.device]).ok
        mounted = copy.mount("ro")
        assert mounted.ok, f"the copy of the frozen device does not mount from a device that is read-only: {mounted}"
        LastQuestions(copy).filled(9)
        assert copy.unmount().ok
        assert copy.machine.exec(["blockdev", "--setrw", copy.device]).ok
    mounted = copy.mount()
    assert mounted.ok, f"the copy of the frozen device does not mount: {mounted}"
    copy.prove()
    questions = LastQuestions(copy)
    questions.filled(9)
    questions.again()
    questions.filled(9)
    assert copy.unmount().ok

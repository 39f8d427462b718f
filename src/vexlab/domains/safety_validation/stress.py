"""Processes at work in the same files and folders, which all come on and have no error that none may have."""

from __future__ import annotations

from collections.abc import Callable

from vexlab.errors import GuestTimeout, TargetFailure
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.stress import STRESS, stressed
from vexlab.plugin.fixtures import Metrics

_STUCK_S = 25
_SCRIPT = "/tmp/stress.py"


def stress_ends_well(
    mounted: GuestFilesystem,
    metrics: Metrics,
    step: Callable[[str], None],
    stress: str,
    *,
    lasts: int,
    stuck_s: int = _STUCK_S,
) -> None:
    """Do the ``stress`` for ``lasts`` seconds; a process that does not come on in ``stuck_s`` seconds is a hang."""
    machine = mounted.machine
    machine.push(STRESS, _SCRIPT)
    argv = ["python3", _SCRIPT, mounted.mountpoint, stress, str(lasts), str(stuck_s)]
    result = machine.exec(argv, timeout=lasts + 4 * stuck_s)
    told = stressed(result.text)
    if told.stuck:
        step(f"in {told.stuck} of the stress {stress}")
        words = f"`{told.stuck}` of the stress {stress} did not end within {stuck_s} s"
        raise GuestTimeout(words, command=told.stuck, pid=told.pid, seconds=stuck_s)
    if not result.ok:
        raise TargetFailure(f"the stress did not come to its end: {result}")
    if told.wrong:
        raise TargetFailure("; ".join(told.wrong))
    if not told.operations:
        raise TargetFailure(f"the stress did nothing: {result}")
    metrics.record("operations_count", told.operations)

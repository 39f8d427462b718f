"""No step of the module's life gets stuck, and the machine stays responsive beside it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vexlab.config import Thresholds
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.machine import CommandResult
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("kernel_module"),
    pytest.mark.level(1),
    pytest.mark.scenario(2),
    pytest.mark.needs(loadable=True),
    pytest.mark.single_thread_tcg,
]

_STUCK = script("blocked_tasks.sh")


def test_hang_prevention(
    module: GuestModule, scratch: str, target: Target, thresholds: Thresholds, metrics: Metrics
) -> None:
    """Load, mount, sync, unmount and unload each return in time; afterwards no task is blocked in the kernel.

    A step that does not return is reported as a hang, with the function it is stuck in, and the machine is replaced.
    """
    limit = thresholds.hang_s
    module.load_dependencies()
    filesystem = GuestFilesystem(module.machine, target, scratch)
    steps: list[tuple[str, Callable[[], CommandResult]]] = [("load", lambda: module.load(timeout=limit))]
    if target.mkfs:
        made = filesystem.mkfs()
        assert made.ok, f"mkfs failed: {made}"
        steps += [
            ("mount", lambda: filesystem.mount(timeout=limit)),
            ("sync", lambda: module.machine.exec(["sync"], timeout=limit)),
            ("unmount", lambda: filesystem.unmount(timeout=limit)),
        ]
    steps.append(("unload", lambda: module.unload(timeout=limit)))
    for name, step in steps:
        result = step()
        assert result.ok, f"{name} failed: {result}"
        metrics.record(f"{name}_s", result.duration)
    stuck = module.machine.exec(["bash", "-c", _STUCK], timeout=limit).text
    assert not stuck, f"a task is left blocked: {stuck}"

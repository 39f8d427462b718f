"""The module loads, registers, and unloads in time."""

from __future__ import annotations

import pytest

from vexlab.config import Thresholds
from vexlab.guest.module import GuestModule
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("kernel_module"),
    pytest.mark.level(1),
    pytest.mark.scenario(1),
    pytest.mark.quick,
    pytest.mark.needs(loadable=True),
    pytest.mark.single_thread_tcg,
]

_SETTLE_S = 5.0  # caches whose objects are freed by RCU are destroyed by a worker (mm/slab_common.c)


def test_load(module: GuestModule, thresholds: Thresholds, metrics: Metrics) -> None:
    """The module loads in time, is listed as live, and registers its filesystem type."""
    assert module.state() is None, f"{module.name} was loaded before the case began"
    module.load_dependencies()
    loaded = module.load()
    assert loaded.ok, f"the module does not load: {loaded}"
    assert metrics.record("load_s", loaded.duration) < thresholds.load_s
    state = module.state()
    assert state is not None, f"{module.name} is not in /proc/modules after loading"
    assert state.state == "Live", f"{module.name} is {state.state}, not Live"
    metrics.record("module_memory_bytes", state.size)
    assert module.target.fstype in module.filesystems(), f"{module.target.fstype} is not in /proc/filesystems"


@pytest.mark.slow
def test_unload(module: GuestModule, thresholds: Thresholds, metrics: Metrics) -> None:
    """The module unloads in time, takes all it put into the system along, and loads again."""
    module.load_dependencies()
    before = module.traces()
    for attempt in ("first", "second"):
        loaded = module.load()
        assert loaded.ok, f"the {attempt} load fails: {loaded}"
        unloaded = module.unload()
        assert unloaded.ok, f"the {attempt} unload fails: {unloaded}"
        assert metrics.record("unload_s", unloaded.duration) < thresholds.unload_s
        assert module.state() is None, f"{module.name} is still in /proc/modules"
        assert module.target.fstype not in module.filesystems(), "its filesystem type is still registered"
    for _ in module.machine.deadline(_SETTLE_S).poll(0.1, 0.5):
        left = module.traces() - before
        if not left:
            break
    assert not left, f"unloading leaves behind: {', '.join(sorted(left))}"

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
]


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


def test_unload(module: GuestModule, thresholds: Thresholds, metrics: Metrics) -> None:
    """The module unloads in time, takes its filesystem type along, and loads again."""
    for attempt in ("first", "second"):
        loaded = module.load()
        assert loaded.ok, f"the {attempt} load fails: {loaded}"
        unloaded = module.unload()
        assert unloaded.ok, f"the {attempt} unload fails: {unloaded}"
        assert metrics.record("unload_s", unloaded.duration) < thresholds.unload_s
        assert module.state() is None, f"{module.name} is still in /proc/modules"
        assert module.target.fstype not in module.filesystems(), "its filesystem type is still registered"

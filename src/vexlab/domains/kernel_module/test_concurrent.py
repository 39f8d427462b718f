"""Several users of the module at once."""

from __future__ import annotations

import pytest

from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("kernel_module"),
    pytest.mark.level(1),
    pytest.mark.needs(loadable=True),
    pytest.mark.slow,
]

_ROUNDS = 5

_RACE = script("race_load.sh")

_FILES = script("write_beside_unload.sh")


def test_concurrent_load(module: GuestModule, target: Target) -> None:
    """Four shells that load and unload at once neither crash the kernel nor leave the module half there."""
    module.load_dependencies()
    load = f"modprobe {module.name}" if target.in_tree else f"{module.inserter} {module.path}"
    environment = {"LOAD": " ".join((load, *target.params)), "NAME": module.name, "ROUNDS": str(_ROUNDS)}
    result = module.machine.exec(["bash", "-c", _RACE], env=environment, timeout=120)
    assert result.ok, f"the race did not end well: {result}"
    assert not result.text, f"unexpected answers: {result.text[:500]}"
    if module.state():
        assert module.unload().ok
    loaded = module.load()
    assert loaded.ok, f"the module does not load after the race: {loaded}"
    assert target.fstype in module.filesystems()
    assert module.unload().ok


@pytest.mark.usefixtures("post_checks")
def test_concurrent_files(module: GuestModule, mounted: GuestFilesystem, metrics: Metrics) -> None:
    """Four writers at once each find their own files again, and the module cannot be unloaded under them."""
    environment = {"NAME": module.name, "ROUNDS": str(_ROUNDS)}
    result = module.machine.exec(["bash", "-c", _FILES], env=environment, timeout=120)
    metrics.record("files_s", result.duration)
    assert result.ok, f"the writers did not end well: {result}"
    assert not result.text, f"the writers report: {result.text[:500]}"
    mounted.prove()

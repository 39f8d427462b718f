"""The module survives being loaded and unloaded many times, and gives back what it took."""

from __future__ import annotations

import re
import statistics

import pytest

from vexlab.config import Thresholds
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.model.target import Target
from vexlab.observe.memory import leaks, parse_samples
from vexlab.plugin.fixtures import Metrics
from vexlab.workloads import script

pytestmark = [
    pytest.mark.domain("kernel_module"),
    pytest.mark.level(1),
    pytest.mark.scenario(2),
    pytest.mark.needs(loadable=True),
    pytest.mark.single_thread_tcg,
]

# Both scripts are for busybox (``Machine.ash``): its mount and rmmod make the same calls and start in a tenth of the
# time. Its insmod would try again what the kernel refused. Only ``modprobe`` is kmod's, which knows compressed modules.

_CYCLES = script("load_cycles.sh")

_USE = script("use_cycles.sh")


def _environment(module: GuestModule, target: Target, **more: object) -> dict[str, str]:
    load = f"/sbin/modprobe {module.name}" if target.in_tree else f"{module.inserter} {module.path}"
    return {
        "LOAD": " ".join((load, *target.params)),
        "NAME": module.name,
        "FSTYPE": target.fstype,
        **{name: str(value) for name, value in more.items()},
    }


@pytest.mark.slow
def test_lifecycle_stress(module: GuestModule, target: Target, thresholds: Thresholds, metrics: Metrics) -> None:
    """Every one of 20 cycles of load and unload succeeds, in time, with the module registered in between."""
    module.load_dependencies()
    environment = _environment(module, target, CYCLES=thresholds.cycles)
    timeout = thresholds.cycles * (thresholds.load_s + thresholds.unload_s)
    result = module.machine.ash(_CYCLES, env=environment, timeout=timeout)
    rows = re.findall(r"^cycle \d+ ([\d.]+) ([\d.]+) ([\d.]+)$", result.text, re.MULTILINE)
    metrics.record("cycles_count", len(rows))
    assert result.ok, f"cycle {len(rows) + 1} of {thresholds.cycles} failed: {result.error_text}"
    assert len(rows) == thresholds.cycles
    times = [[float(value) for value in row] for row in rows]
    loads = [loaded - start for start, loaded, _ in times]
    unloads = [unloaded - loaded for _, loaded, unloaded in times]
    metrics.record("load_median_s", statistics.median(loads))
    metrics.record("unload_median_s", statistics.median(unloads))
    assert max(loads) < thresholds.load_s, f"a load took {max(loads):.2f} s"
    assert max(unloads) < thresholds.unload_s, f"an unload took {max(unloads):.2f} s"


@pytest.mark.slow
def test_memory_leak(
    module: GuestModule, scratch: str, target: Target, thresholds: Thresholds, metrics: Metrics
) -> None:
    """Over 20 cycles of load, mount, use, unmount and unload neither a slab cache nor memory in use keeps growing."""
    module.load_dependencies()
    if target.mkfs:
        made = GuestFilesystem(module.machine, target, scratch).mkfs()
        assert made.ok, f"mkfs failed: {made}"
    options = f"-o {','.join(target.mount_options)}" if target.mount_options else ""
    environment = _environment(
        module, target, CYCLES=thresholds.cycles, DEVICE=scratch if target.mkfs else "", OPTIONS=options
    )
    result = module.machine.ash(_USE, env=environment, timeout=thresholds.cycles * 15)
    samples = parse_samples(result.text)
    assert result.ok, f"cycle {len(samples) + 1} of {thresholds.cycles} failed: {result.error_text}"
    assert len(samples) == thresholds.cycles
    metrics.record("cycles_count", len(samples))
    metrics.record("memory_difference_bytes", samples[3].free - samples[-1].free)
    grown = leaks(samples, slab_bytes=thresholds.slab_bytes_per_cycle, memory_bytes=thresholds.memory_bytes_per_cycle)
    metrics.record("leaking_caches_count", len(grown))
    assert not grown, "memory leak: " + ", ".join(
        f"{each.name} grows by {each.slope:.1f} ({each.bytes_per_cycle:.0f} bytes) a cycle" for each in grown
    )

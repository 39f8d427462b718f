"""Threads at full speed where all meet in the same few blocks, and processes whose races are given time to meet."""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from vexlab.domains.declared import needs_freed_blocks
from vexlab.domains.safety_validation.machines import disks
from vexlab.domains.safety_validation.stress import stress_ends_well
from vexlab.guest.delays import DELAYS, Delays, places_of
from vexlab.guest.mount import GuestFilesystem
from vexlab.lab import Lab
from vexlab.model.kernel import Kernel
from vexlab.model.target import ModuleArtifact
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

_DELAYED_S, _STUCK_S = 60, 50
_MOST_US, _PERCENT = 4000, 30
_SEED, _SEEDS = "VEXLAB_SEED", 1 << 31

_WORK = script("work_at_once.sh")


@pytest.mark.usefixtures("post_checks")
@pytest.mark.needs(capabilities="create write unlink")
def test_threads_at_once(mounted: GuestFilesystem, metrics: Metrics) -> None:
    """Files made, filled, renamed and removed by four threads and a fifth process leave nothing and no wrong count."""
    needs_freed_blocks(mounted)
    result = mounted.machine.ash(_WORK, mounted.mountpoint, str(_LASTS_S), str(_FILES), timeout=_LIMIT_S)
    assert result.ok, f"the work did not come to its end: {result}"
    metrics.record("rounds_count", int(result.text))


@pytest.mark.usefixtures("post_checks")
@pytest.mark.level(2)
@pytest.mark.vm(disks=disks, cpus=2)
# Probes come and go while the code runs. QEMU's threads may translate an instruction at the moment in which another one
# changes it, and keep the old one; in a single thread a processor that waits gives way to the others.
@pytest.mark.single_thread_tcg
@pytest.mark.needs("KPROBES", "MODULES")
@pytest.mark.parametrize("stress", ["names", "data", "deletions", "vectors"])
def test_delayed(
    mounted: GuestFilesystem,
    lab: Lab,
    kernel: Kernel,
    artifact: ModuleArtifact,
    metrics: Metrics,
    step: Callable[[str], None],
    stress: str,
) -> None:
    """Processes in the same files come on and leave all well with delays in the module, each second at other places."""
    if stress == "vectors" and mounted.target.vectors != "vexctl":
        pytest.skip("these calls are VexFS's own")
    places = places_of(artifact, mounted.target, kernel)
    if kernel.system or not places:
        pytest.skip("no module of ours can be built here" if kernel.system else "the module is built into the kernel")
    seed = int(os.environ.get(_SEED) or random.randrange(_SEEDS))
    metrics.record("seed", seed)
    ours = lab.artifact(DELAYS, kernel)
    assert ours.path, "the module of delays is a file"
    delays = Delays(mounted.machine, ours.path, places)
    delays.start(seed, most_us=_MOST_US, percent=_PERCENT)
    stress_ends_well(mounted, metrics, step, stress, lasts=_DELAYED_S, stuck_s=_STUCK_S)
    metrics.record("delayed_count", delays.stop())

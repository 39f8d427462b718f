"""One disk, several kernels: what one wrote the next reads, changes, and hands on."""

from __future__ import annotations

import pytest

from vexlab.domains.integration.machines import MACHINE
from vexlab.guest.block import device_of
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.guest.vectors import ADAPTERS, VectorStore, draw, wrong_hits
from vexlab.lab import Lab
from vexlab.model.kernel import Kernel
from vexlab.plugin.fixtures import Metrics, PowerCycle

pytestmark = [
    pytest.mark.domain("integration"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    MACHINE,
    pytest.mark.single_thread_tcg,
]

_NAMES = 120
_VECTORS = draw(62, 24, 12)
_EACH = 8  # vectors added by each kernel in turn


def test_other_kernels(
    filesystem: GuestFilesystem, power_cycle: PowerCycle, lab: Lab, kernel: Kernel, metrics: Metrics
) -> None:
    """What was written with this kernel is read and added to by each other one of the run, and at last here again."""
    others = [lab.kernels.get(name) for name in lab.settings.kernels if name != kernel.name]
    if not others:
        pytest.skip("the run has no other kernel: give --kernel more than once")
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    models: dict[int, bytes] = {}
    _turn(filesystem, models, kernel)
    for there in (*others, kernel):
        fresh = power_cycle(filesystem.machine, on=there)
        filesystem = filesystem.on(device_of(fresh, "scratch"), machine=fresh)
        _turn(filesystem, models, there)
    metrics.record("turns_count", len(models))


def _turn(filesystem: GuestFilesystem, models: dict[int, bytes], kernel: Kernel) -> None:
    """Find what earlier kernels left, check by ``models`` of theirs, and leave more."""
    machine, number = filesystem.machine, len(models)
    mounted = filesystem.mount()
    assert mounted.ok, f"it does not mount on {kernel.name}: {mounted}"
    filesystem.prove()
    post_checks = PostChecks(filesystem)
    for seed, model in models.items():
        machine.push(model, f"/tmp/tree{seed}.manifest")
        post_checks.filled(seed)
    adapter = ADAPTERS.get(filesystem.target.vectors)
    if adapter:
        _vectors(adapter(machine), f"{filesystem.mountpoint}/collection", number)
    seed = 70 + number
    post_checks.fill(seed, _NAMES)
    models[seed] = machine.pull(f"/tmp/tree{seed}.manifest")
    unmounted = filesystem.unmount()
    assert unmounted.ok, f"it does not unmount on {kernel.name}: {unmounted}"
    post_checks.consistent()
    synced = machine.ash("sync")
    assert synced.ok, f"sync failed: {synced}"


def _vectors(store: VectorStore, path: str, number: int) -> None:
    """Find the vectors of all turns before this one, its ``number`` from 0, and add this one's."""
    if not number:
        assert store.create(path, dim=len(_VECTORS[0])).ok
    before = [_VECTORS[place % len(_VECTORS)] for place in range(number * _EACH)]
    stored = store.get(path, range(1, len(before) + 1)) if before else {}
    assert list(stored.values()) == before, "the collection holds other vectors than the kernels before put in"
    for hits in store.search(path, _VECTORS[:1], k=3) if before else ():
        wrong = wrong_hits(hits, stored, _VECTORS[0], "euclidean", 3)
        assert not wrong, f"a search after {number} kernels: {wrong}"
    more = [_VECTORS[place % len(_VECTORS)] for place in range(len(before), len(before) + _EACH)]
    added = store.add(path, more)
    assert added.ok, f"the vectors cannot be added: {added}"

"""Upgrades: what an earlier version wrote, in order or not, is read by the present one, and used on."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.domains.integration.machines import MACHINE
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.guest.vectors import ADAPTERS, draw, wrong_hits
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.targets.load import manifest_of

pytestmark = [
    pytest.mark.domain("integration"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    MACHINE,
    pytest.mark.single_thread_tcg,
]

_MANIFEST = "/tmp/old.manifest"
_UNPACK = "xz -dc /tmp/old.img.xz | dd of={0} bs=1M conv=fsync status=none"
_VECTORS = draw(61, 40, 12)  # as scripts/old-image put them into `collection`


def test_upgrade(filesystem: GuestFilesystem, target: Target, metrics: Metrics) -> None:
    """Each image kept of an earlier version mounts, holds what its manifest says, takes more, and stays sound."""
    if not target.old_images:
        pytest.skip(f"{target.name} names no `old_images`")
    for image in target.old_images:
        _read(filesystem, image)
    metrics.record("images_count", len(target.old_images))


def _read(filesystem: GuestFilesystem, image: Path) -> None:
    machine, point = filesystem.machine, filesystem.mountpoint
    machine.push(image, "/tmp/old.img.xz")
    machine.push(manifest_of(image), _MANIFEST)
    unpacked = machine.shell(f"set -o pipefail; {_UNPACK.format(filesystem.device)}", timeout=120)
    assert unpacked.ok, f"{image.name} cannot be unpacked: {unpacked}"
    mounted = filesystem.mount()
    assert mounted.ok, f"{image.name} does not mount: {mounted}"
    filesystem.prove()
    post_checks = PostChecks(filesystem)
    post_checks.compare(_MANIFEST)
    _vectors(filesystem)
    post_checks.again()
    post_checks.compare(_MANIFEST)
    post_checks.fill(63, 80)
    longer = machine.shell(f"cd {point} && chmod 600 plain6*/long && mkdir {point}/new")
    assert longer.ok, f"{image.name} cannot be changed: {longer}"
    post_checks.kept()
    post_checks.filled(63)
    removed = machine.shell(f"rm -r {point}/*", timeout=120)
    assert removed.ok, f"not everything of {image.name} can be removed: {removed}"
    post_checks.let_go()


def _vectors(filesystem: GuestFilesystem) -> None:
    """Assert that the old collection holds its vectors still, and that they are found."""
    path = f"{filesystem.mountpoint}/collection"
    adapter = ADAPTERS.get(filesystem.target.vectors)
    if adapter is None or not filesystem.machine.exec(["test", "-e", path]).ok:
        return
    store = adapter(filesystem.machine)
    stored = store.get(path, range(1, len(_VECTORS) + 1))
    assert list(stored.values()) == _VECTORS, "the old collection holds other vectors"
    for query, hits in zip(_VECTORS[:3], store.search(path, _VECTORS[:3], k=5), strict=True):
        wrong = wrong_hits(hits, stored, query, "euclidean", 5)
        assert not wrong, f"a search in the old collection: {wrong}"

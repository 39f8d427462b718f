"""Scenario 6: a missing device, random images, ten images at once, exhausted resources; the system stays usable."""

from __future__ import annotations

import shlex

import pytest

from vexlab.config import Thresholds
from vexlab.domains.safety_validation.machines import IMAGES, disks
from vexlab.guest.block import device_of, sectors_written
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.guest.program import put
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine
from vexlab.workloads import SCRIPTS, script

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.scenario(6),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
]

_RANDOM_IMAGES = 8

_MISSING = script("mount_missing.sh")

_CUT_OFF = script("mount_cut_off.sh")

_RANDOM = SCRIPTS / "random_bytes.py"

_TEN = SCRIPTS / "ten_images.sh"


def _options(target: Target) -> tuple[str, ...]:
    return ("-o", ",".join(target.mount_options)) if target.mount_options else ()


def _usable(machine: Machine) -> None:
    """Assert that the machine still does ordinary work: processes, files of other filesystems, no blocked task."""
    script = "ps >/dev/null 2>&1 || ls /proc >/dev/null; echo text >/tmp/usable && cat /tmp/usable && sync"
    result = machine.shell(script, timeout=30)
    assert result.ok, f"the machine is not usable afterwards: {result}"
    assert result.text.endswith("text"), f"the machine is not usable afterwards: {result}"


def _sound(filesystem: GuestFilesystem, module: GuestModule) -> None:
    """Assert that nothing keeps the module in use, and that a sound filesystem works and is given back."""
    state = module.state()
    assert state, "the module is gone"
    assert state.users == 0, f"the refused mounts keep the module in use {state.users} times"
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    mounted = filesystem.mount()
    assert mounted.ok, f"a sound filesystem does not mount afterwards: {mounted}"
    filesystem.prove()
    post_checks = PostChecks(filesystem, module)
    post_checks.fill(6, 40)
    post_checks.filled(6)
    post_checks.run()
    _usable(filesystem.machine)


@pytest.mark.single_thread_tcg
def test_missing_device(filesystem: GuestFilesystem, module: GuestModule, thresholds: Thresholds) -> None:
    """What is no device, or has no filesystem, is refused with a word, again and again; a sound one works after."""
    target = filesystem.target
    result = filesystem.machine.shell(_MISSING, target.fstype, filesystem.device, timeout=12 * thresholds.hang_s)
    assert result.ok, f"the mounts did not come to their end: {result}"
    assert not result.text, result.text
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    words = (filesystem.device, target.fstype, *_options(target))
    result = filesystem.machine.shell(_CUT_OFF, *words, timeout=2 * thresholds.hang_s)
    assert result.ok, f"a filesystem on half of its device kills the mount: {result}"
    _sound(filesystem, module)


@pytest.mark.single_thread_tcg
@pytest.mark.crafted_images
def test_random_image(
    filesystem: GuestFilesystem, module: GuestModule, thresholds: Thresholds, metrics: Metrics
) -> None:
    """Devices of random bytes are refused, not a sector is written to them, and a sound filesystem works after."""
    machine, device = filesystem.machine, filesystem.device
    for seed in range(1, _RANDOM_IMAGES + 1):
        made = machine.exec(["python3", put(machine, _RANDOM), device, str(seed)], timeout=60)
        assert made.ok, f"the random image cannot be made: {made}"
        before = sectors_written(machine, device)
        refused = filesystem.mount(timeout=thresholds.hang_s)
        assert not refused.ok, f"random bytes (seed {seed}) were mounted as {filesystem.target.fstype}"
        assert not refused.signal, f"mount was killed: {refused}"
        written = sectors_written(machine, device) - before
        assert written == 0, f"a refused mount wrote {written} sectors to random bytes (seed {seed})"
    metrics.record("images_count", _RANDOM_IMAGES)
    _sound(filesystem, module)


def test_ten_images(
    machine: Machine, filesystem: GuestFilesystem, module: GuestModule, target: Target, metrics: Metrics
) -> None:
    """Ten filesystems mounted at once and filled at once keep apart, and are all given back."""
    environment = {"MKFS": _command(target.mkfs), "FSCK": _command(target.fsck) if target.fsck else "true"}
    words = (device_of(machine, "room"), str(IMAGES), target.fstype, *_options(target))
    result = machine.exec(["bash", put(machine, _TEN), *words], env=environment, timeout=240)
    metrics.record("images_s", result.duration)
    assert result.ok, f"ten at once: {result.text[-600:]} {result.error_text[-300:]}"
    _sound(filesystem, module)


def _command(words: tuple[str, ...]) -> str:
    return " ".join('"$IMAGE"' if word == "{device}" else shlex.quote(word) for word in words)

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
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.scenario(6),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
]

_RANDOM_IMAGES = 8

# Each must fail, and say why with one of these words; a mount that succeeds or dies of a signal is printed.
_MISSING = """
. /vexlab/lib/capable.sh
modprobe loop; mkdir -p /mnt/none; echo text >/tmp/text; ln -sf /dev/no-such-device /tmp/dangling
mkfifo -m 600 /tmp/fifo
truncate -s 1G /tmp/hole; gone=$(losetup --find --show /tmp/hole) && losetup -d "$gone"
tried() {
    name=$1; shift
    words=$(timeout -s KILL 20 mount -t {fstype} "$@" /mnt/none 2>&1); status=$?
    [ $status = 0 ] && echo "$name: it was mounted" && umount /mnt/none
    [ $status -gt 128 ] && echo "$name: mount died of signal $((status - 128))"
    [ $status != 0 ] && [ -z "$words" ] && echo "$name: refused without a word"
}
for again in 1 2; do
    tried "a missing device" /dev/no-such-device
    tried "a dangling link" /tmp/dangling
    tried "no device" none
    tried "a directory" /tmp
    tried "a character device" /dev/null
    tried "a pipe" /tmp/fifo
    tried "a loop device without a file" "$gone"
    tried "an empty file" -o loop /tmp/text
    tried "a hole" -o loop /tmp/hole
    ! can unknown_options || tried "an unknown option" -o vexlab_no_such_option=1 {device}
    mount -t {fstype} {device} /mnt/no-such-directory 2>/dev/null && echo "mounted on a missing directory"
done
exit 0
"""

# A device that goes away between making and mounting: as large as the filesystem says it is, it is not any more.
_CUT_OFF = """
half=$(($(blockdev --getsize64 {device}) / 2)); mkdir -p /mnt/none
loop=$(losetup --find --show --sizelimit $half {device}) || exit
timeout -s KILL 20 mount -t {fstype} {options} "$loop" /mnt/none 2>/dev/null; status=$?
[ $status = 0 ] && umount /mnt/none
losetup -d "$loop"
[ $status -le 128 ]
"""

_RANDOM = """
python3 - {device} {seed} <<'END'
import random, sys
draw = random.Random(int(sys.argv[2]))
with open(sys.argv[1], "r+b", buffering=0) as device:
    device.write(draw.randbytes(1 << 20))
    device.seek(1 << 20)
    device.write(b"".join(draw.choice((bytes(512), b"\\xff" * 512, draw.randbytes(512))) for _ in range(2048)))
END
sync
"""

_TEN = """
set -e
. /vexlab/lib/capable.sh
tree=; ! can mkdir || tree=/tree
holds() {{
    fstree verify /tmp/image$1.manifest /mnt/image$1$tree >/tmp/out && return
    echo "image $1 is not what it was:"; head -3 /tmp/out; exit 1
}}
modprobe loop max_loop=16
size=$(($(blockdev --getsize64 {device}) / {count}))
for n in $(seq 0 {last}); do
    mkdir -p /mnt/image$n
    loop[n]=$(losetup --find --show --offset $((n * size)) --sizelimit $size {device})
    IMAGE=${{loop[n]}}; {mkfs} >/dev/null
    mount -t {fstype} {options} "$IMAGE" /mnt/image$n
done
[ "$(grep -c ' /mnt/image[0-9] {fstype} ' /proc/mounts)" = {count} ] || {{ echo "not {count} are mounted"; exit 1; }}
for n in $(seq 0 {last}); do
    [ -z "$tree" ] || mkdir /mnt/image$n$tree
    fstree fill $((n + 1)) 40 /mnt/image$n$tree >/tmp/image$n.manifest & jobs[n]=$!
done
for n in $(seq 0 {last}); do wait ${{jobs[n]}} || {{ echo "image $n cannot be filled"; exit 1; }}; done
for n in $(seq 0 {last}); do holds $n; done
for n in 7 2 9 0 5 3 8 1 6 4; do umount /mnt/image$n; done
for n in $(seq 0 {last}); do
    IMAGE=${{loop[n]}}; {fsck} >/tmp/out 2>&1 || {{ echo "image $n is not consistent: $(tail -3 /tmp/out)"; exit 1; }}
    mount -t {fstype} {options} "$IMAGE" /mnt/image$n
    holds $n
done
umount /mnt/image*
losetup -D
"""


def _options(target: Target) -> str:
    return f"-o {','.join(target.mount_options)}" if target.mount_options else ""


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
    script = _MISSING.replace("{fstype}", target.fstype).replace("{device}", filesystem.device)
    result = filesystem.machine.shell(script, timeout=12 * thresholds.hang_s)
    assert result.ok, f"the mounts did not come to their end: {result}"
    assert not result.text, result.text
    made = filesystem.mkfs()
    assert made.ok, f"mkfs failed: {made}"
    cut = _CUT_OFF.format(device=filesystem.device, fstype=target.fstype, options=_options(target))
    result = filesystem.machine.shell(cut, timeout=2 * thresholds.hang_s)
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
        made = machine.shell(_RANDOM.format(device=device, seed=seed), timeout=60)
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
    script = _TEN.format(
        device=device_of(machine, "room"),
        count=IMAGES,
        last=IMAGES - 1,
        fstype=target.fstype,
        options=_options(target),
        mkfs=_command(target.mkfs),
        fsck=_command(target.fsck) if target.fsck else "true",
    )
    result = machine.shell(script, timeout=240)
    metrics.record("images_s", result.duration)
    assert result.ok, f"ten at once: {result.text[-600:]} {result.error_text[-300:]}"
    _sound(filesystem, module)


def _command(words: tuple[str, ...]) -> str:
    return " ".join('"$IMAGE"' if word == "{device}" else shlex.quote(word) for word in words)

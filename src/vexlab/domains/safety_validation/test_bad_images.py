"""Images that are wrong, in one field or anywhere: refused or survived, never a crash, a hang, or foreign data."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from vexlab.domains.safety_validation.images import PRISTINE, WORK, make_image, try_damages
from vexlab.domains.safety_validation.machines import disks
from vexlab.errors import MachineLost
from vexlab.guest.damage import Damage, blind_damages, chosen, field_damages, sum_damages
from vexlab.guest.fields import Field, parse_fields, series, with_sums
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.post_checks import PostChecks
from vexlab.guest.program import put
from vexlab.plugin.fixtures import Metrics
from vexlab.vm.machine import Machine
from vexlab.workloads import SCRIPTS

pytestmark = [
    pytest.mark.domain("safety_validation"),
    pytest.mark.level(1),
    pytest.mark.needs(mkfs=True),
    pytest.mark.vm(disks=disks),
    pytest.mark.single_thread_tcg,
    pytest.mark.crafted_images,
]

# Names one damage, as a failure's words name it: the case then does that one alone.
_CHOICE = "VEXLAB_DAMAGE"
_SEED = "VEXLAB_SEED"
_FIRST, _MORE, _BLIND = 400, 1000, 80
_LIKE = 4  # of parts that are all alike (entries, pointers, records) so many
_TOLD = 16
_TRY_S = 600.0

_REFUSED = "refused"
_FLIP = SCRIPTS / "flip_bit.py"
_COUNT_ERRORS = SCRIPTS / "count_errors.sh"

_PANIC = SCRIPTS / "meet_panic.sh"


Say = Callable[[str], None]


def _fields(filesystem: GuestFilesystem) -> tuple[Field, ...]:
    argv = [word.replace("{device}", PRISTINE) for word in filesystem.target.fields]
    listed = filesystem.machine.exec(argv, timeout=60)
    assert listed.ok, f"the fields cannot be listed: {listed}"
    return parse_fields(listed.text)


def _field_plan(filesystem: GuestFilesystem) -> tuple[Damage, ...]:
    return field_damages(series(_fields(filesystem), most=_LIKE))


def _picked(plan: Sequence[Damage], part: slice) -> tuple[Damage, ...]:
    name = os.environ.get(_CHOICE, "")
    picked = chosen(plan, name)[slice(None) if name else part]
    assert picked, f"the plan has no damage {name}"
    return tuple(picked)


def _goes_on(filesystem: GuestFilesystem, module: GuestModule) -> None:
    """Assert that the module unloads, loads again, and serves a sound filesystem."""
    PostChecks(filesystem).buffers_given_back()
    for step in (module.unload, module.load, filesystem.mkfs, filesystem.mount):
        done = step()
        assert done.ok, f"after the damaged images: {done}"
    filesystem.prove()
    used = filesystem.machine.shell(f"fstree fill 1 40 {filesystem.mountpoint} >/dev/null", timeout=60)
    assert used.ok, f"a sound filesystem does not work after the damaged images: {used}"
    for step in (filesystem.unmount, module.unload):
        done = step()
        assert done.ok, f"after the damaged images: {done}"


@pytest.mark.needs(fields=True)
@pytest.mark.slow
@pytest.mark.parametrize("half", [0, 1], ids=["even", "odd"])
def test_damaged_fields(
    filesystem: GuestFilesystem, module: GuestModule, metrics: Metrics, step: Say, half: int
) -> None:
    """Of every sort of field the worst values, with the checksum made right: an error or nothing, and no harm."""
    device = make_image(filesystem, size=filesystem.target.min_disk)
    plan = _field_plan(filesystem)
    metrics.record("possible_count", len(plan))
    try_damages(filesystem, device, _picked(plan, slice(half, _FIRST, 2)), metrics, step, timeout=_TRY_S)
    _goes_on(filesystem, module)


@pytest.mark.level(2)
@pytest.mark.needs(fields=True)
@pytest.mark.slow
def test_damaged_fields_more(filesystem: GuestFilesystem, module: GuestModule, metrics: Metrics, step: Say) -> None:
    """The next thousand wrong values of the image's fields do no harm either."""
    device = make_image(filesystem, size=filesystem.target.min_disk)
    plan = _picked(_field_plan(filesystem), slice(_FIRST, _FIRST + _MORE))
    try_damages(filesystem, device, plan, metrics, step, timeout=2 * _TRY_S)
    _goes_on(filesystem, module)


@pytest.mark.needs(fields=True)
def test_checksums(filesystem: GuestFilesystem, metrics: Metrics, step: Say) -> None:
    """Each sort of checksum is looked at: with a bit of it wrong, and all else sound, the filesystem says so."""
    device = make_image(filesystem, size=filesystem.target.min_disk)
    plan = sum_damages(_fields(filesystem), most=_LIKE)
    if not plan:
        pytest.skip(f"{filesystem.target.name}'s fields have no checksums")
    try_damages(filesystem, device, _picked(plan, slice(None)), metrics, step, timeout=_TRY_S)


@pytest.mark.needs(fields=True, options=True)
def test_errors_option(filesystem: GuestFilesystem, metrics: Metrics, step: Say) -> None:
    """After an error in the image it goes on, or is read-only from then on, as the mount option errors= says."""
    if "errors" not in dict(filesystem.target.options):
        pytest.skip(f"{filesystem.target.name} has no mount option errors=")
    device = make_image(filesystem, size=filesystem.target.min_disk)
    plan = [each for each in _field_plan(filesystem) if each.impossible and each.name.startswith("inode")]
    # that going on it tells nobody of an orphan's errors but the log is no fault
    told = [replace(each, impossible=False) for each in plan[:_TOLD]]
    refusing = {}
    for value in ("continue", "remount-ro"):
        option = (f"errors={value}",)
        results = try_damages(filesystem, device, told, metrics, step, timeout=_TRY_S, options=option)
        refusing[value] = {each.name for each in results if "EROFS" in each.errors}
        metrics.record(f"{value.replace('-', '_')}_refused_count", len(refusing[value]))
    assert not refusing["continue"], f"read-only although errors=continue: {sorted(refusing['continue'])[0]}"
    assert refusing["remount-ro"], f"none of {len(told)} errors made it read-only with errors=remount-ro"


def _wrong_sums(filesystem: GuestFilesystem, value: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Make the image; return where its checksums are, and a script's words to try one with errors=``value``."""
    target = filesystem.target
    if value not in dict(target.options).get("errors", ()):
        pytest.skip(f"{target.name} has no mount option errors={value}")
    device = make_image(filesystem, size=target.min_disk)
    sums = [covered.offset for field, covered in with_sums(_fields(filesystem), most=_LIKE) if field.own_number]
    if not sums:
        pytest.skip(f"{target.name}'s fields have no checksums")
    options = ",".join((*target.mount_options, f"errors={value}"))
    return tuple(sums[:_TOLD]), (device, filesystem.mountpoint, target.fstype, options)


@pytest.mark.needs(fields=True, options=True, statistics=True)
@pytest.mark.parametrize("value", ["remount-ro", "continue"])
def test_errors_counted(filesystem: GuestFilesystem, metrics: Metrics, value: str) -> None:
    """An error that is met in an image is counted, and is still on record when it is mounted again."""
    counted = dict(filesystem.target.statistics).get("errors")
    if not counted:
        pytest.skip(f"{filesystem.target.name} has no count of errors")
    sums, words = _wrong_sums(filesystem, value)
    count = counted.replace("{name}", PurePosixPath(words[0]).name)
    program = put(filesystem.machine, _COUNT_ERRORS, _FLIP)
    refused = 0
    for offset in sums:
        told = filesystem.machine.exec(["bash", program, PRISTINE, WORK, str(offset), *words, count], timeout=60)
        assert told.ok, f"with the checksum at {offset} wrong: {told}"
        if told.text == _REFUSED:
            refused += 1
            continue
        assert told.text.split()[0].isdigit(), told.text
        met, again = map(int, told.text.split())
        assert again or not met, f"{met} errors were counted, and {again} when it was mounted again"
        if metrics.record("errors_count", met):
            return
    raise AssertionError(
        f"of {len(sums)} wrong checksums none was counted as an error, {refused} were refused at mount"
    )


@pytest.mark.needs(fields=True, options=True)
def test_errors_panic(filesystem: GuestFilesystem, panic_machine: Machine, metrics: Metrics) -> None:
    """With errors=panic an error that is met in an image ends the machine."""
    loaded = GuestModule(panic_machine, filesystem.target).load()
    assert loaded.ok, f"the module does not load: {loaded}"
    sums, words = _wrong_sums(filesystem.on(filesystem.device, machine=panic_machine), "panic")
    program = put(panic_machine, _PANIC, _FLIP)
    alive = 0
    try:
        for offset in sums:
            told = panic_machine.exec(["bash", program, PRISTINE, WORK, str(offset), *words], timeout=60)
            assert told.ok, f"with the checksum at {offset} wrong: {told}"
            alive += told.text != _REFUSED
    except MachineLost:
        metrics.record("survived_count", alive)
        assert "Kernel panic - not syncing" in panic_machine.console.text(), "the machine ended without a panic"
        return
    raise AssertionError(f"of {len(sums)} wrong checksums none ended the machine, {alive} were mounted and listed")


@pytest.mark.parametrize("state", ["frozen", "cut"])
def test_damaged_randomly(filesystem: GuestFilesystem, metrics: Metrics, step: Say, state: str) -> None:
    """Bits, words, sectors and blocks damaged at random, at rest and with a journal to replay, do no harm."""
    device = make_image(filesystem, size=filesystem.target.min_disk, frozen=state == "frozen")
    listed = filesystem.machine.exec(["fsdamage", "--blocks", PRISTINE], timeout=60)
    blocks = [int(line) for line in listed.text.split()]
    assert listed.ok, f"the blocks in use cannot be listed: {listed}"
    seed = int(os.environ.get(_SEED, "1"))
    metrics.record("seed", seed)
    metrics.record("blocks_count", len(blocks))
    plan = _picked(blind_damages(blocks, seed=seed, count=_BLIND), slice(None))
    try_damages(filesystem, device, plan, metrics, step, timeout=_TRY_S)

"""Rounds of damaged images: fields with checksums made right, several at once, and bytes at random."""

from __future__ import annotations

import gzip
import lzma
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from vexlab.classify import headline
from vexlab.domains.safety_validation.images import PRISTINE, WORK, make_image, plan_argv
from vexlab.errors import EmulatorDied, GuestTimeout, InfraError, MachineError, MachineLost, TargetFailure
from vexlab.fuzz.campaign import RoundFinding, RoundResult, worst_of
from vexlab.fuzz.crash import Crash, same, wrong_finding
from vexlab.fuzz.damage import (
    Reproducer,
    blocks_of,
    draw_plan,
    parse_reproducer,
    render_reproducer,
    reproducer_of,
)
from vexlab.fuzz.folder import State
from vexlab.guest.damage import Damage, DamageResult, render_plan
from vexlab.guest.fields import Field, parse_fields
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.lab import Lab, Order
from vexlab.model.verdict import Finding
from vexlab.plugin.watched import WatchedMachine
from vexlab.targets.in_tree import why_not_loadable
from vexlab.vm.machine import Machine
from vexlab.workloads import script

BASE = "base.img.xz"
ROUND_S = 60
_PER_SECOND = 15  # damages, more than a machine can do
LIMIT_S = 20
_STEP_S = 120.0
_MOST = 256 << 20  # bytes of an image
_SETTLE_S = 0.5
_MADE = "/tmp/made.img.gz"  # noqa: S108 - in the guest
_PACKED = "/tmp/base.img.xz"  # noqa: S108 - in the guest
PLAN = "/tmp/plan"  # noqa: S108 - in the guest
_PACK = 'gzip -c "$1" >"$2"'  # busybox, which packs nothing smaller
_UNPACK = script("unpack_image.sh")
# [   12.345678] vexlab: damage 17 inode[12].i_links=0
_TOLD = re.compile(r"vexlab: damage (-?\d+) ")
_VARYING = re.compile(r"(?:/[\w./-]+|\d+)")  # in what went wrong: a path, a number


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The sound image of a campaign: its bytes, and its fields where the target can list them."""

    image: bytes
    fields: tuple[Field, ...] = ()


def unpack_image(machine: Machine, packed: bytes) -> str:
    """Put an image into a machine, to be damaged there; return the loop device over it."""
    machine.push(packed, _PACKED, timeout=_STEP_S)
    folder = PRISTINE.rpartition("/")[0]
    made = machine.shell(_UNPACK, folder, "/mnt/test", _PACKED, PRISTINE, WORK, timeout=_STEP_S)
    if not made.ok:
        raise InfraError(f"the campaign's image cannot be put into the machine: {made}")
    return made.text.splitlines()[-1]


class _Over(Exception):
    """The round's time is over, or somebody asked to stop."""


class ImageGuest:
    """A machine in which damaged images are mounted; use it as a context manager."""

    def __init__(self, lab: Lab, order: Order) -> None:
        self._order = order
        self.machine = lab.machine(order)
        self._watched = WatchedMachine(self.machine, order)
        self._device = ""
        self.results: list[DamageResult] = []
        self._rest = b""

    def filesystem(self) -> GuestFilesystem:
        """Return the verbs for the target, whose module is loaded."""
        if not why_not_loadable(self._order.kernel, self._order.target):
            loaded = GuestModule(self.machine, self._order.target).load()
            if not loaded.ok:
                raise TargetFailure(f"the module does not load: {loaded}")
        return GuestFilesystem(self.machine, self._order.target, "", profile=self._order.profile)

    def make(self) -> Base:
        """Make the sound image; raise ``TargetFailure`` where that fails."""
        filesystem = self.filesystem()
        make_image(filesystem, size=self._order.target.min_disk)
        packed = self.machine.ash(_PACK, PRISTINE, _MADE, timeout=_STEP_S)
        if not packed.ok:
            raise InfraError(f"the image cannot be packed: {packed}")
        image = gzip.decompress(self.machine.pull(_MADE))
        fields: tuple[Field, ...] = ()
        if self._order.target.fields:
            argv = [word.replace("{device}", PRISTINE) for word in self._order.target.fields]
            listed = self.machine.exec(argv, timeout=_STEP_S)
            fields = parse_fields(listed.text) if listed.ok else ()
        return Base(image=image, fields=fields)

    def unpack(self, packed: bytes) -> None:
        """Put the campaign's image into the machine."""
        self.filesystem()
        self._device = unpack_image(self.machine, packed)

    def try_plan(self, plan: str, *, seconds: float, stop: Callable[[], bool] = lambda: False) -> None:
        """Try a plan for as long; what came of it is in ``findings`` and ``results``."""
        self.machine.push(plan.encode(), PLAN, timeout=_STEP_S)
        argv = plan_argv(self._order.target, self._device, limit=LIMIT_S)
        until = time.monotonic() + seconds

        def take(stream: int, data: bytes) -> None:
            if stream == 1:
                self._take(data)
            if stop() or time.monotonic() > until:
                raise _Over

        error: MachineError | None = None
        try:
            command = ["bash", "-c", 'exec "$@" <"$0"', PLAN, *argv]
            self.machine.stream(command, take, timeout=seconds + 2 * LIMIT_S + _STEP_S)
            self._raise_stuck()
        except _Over:
            pass
        except EmulatorDied as died:
            raise InfraError(f"the machine was ended from outside: {died.message}") from died
        except (GuestTimeout, MachineLost) as lost:
            error = lost
        self._watched.heard(error)

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            with suppress(msgspec.MsgspecError, UnicodeError):
                self.results.append(msgspec.json.decode(line, type=DamageResult))

    def _raise_stuck(self) -> None:
        for each in self.results:
            if each.stuck:
                words = f"`{each.step}` on a damaged image did not end within {LIMIT_S} s"
                raise GuestTimeout(words, command=each.step, pid=each.stuck, seconds=LIMIT_S)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the kernel said."""
        return tuple(self._watched.findings)

    @property
    def wrongs(self) -> tuple[tuple[Finding, int], ...]:
        """What must never be, as findings, with the number of the damage that showed it first."""
        found: dict[str, tuple[Finding, int]] = {}
        for each in self.results:
            if each.wrong and each.number >= 0:
                title = f"on a damaged image: {_VARYING.sub('N', each.wrong)}"
                found.setdefault(title, (wrong_finding(title), each.number))
        return tuple(found.values())

    def culprit(self) -> int:
        """Return the number of the damage that was tried when the kernel complained; -1 where that is not known."""
        console = self.machine.console.text()
        first = headline(console) or ""
        last = -1
        for line in console.splitlines():
            if match := _TOLD.search(line):
                last = int(match[1])
            elif first and first in line:
                break
        return last

    def keep(self, folder: Path) -> None:
        """Write console and post-mortem to ``folder``."""
        self._watched.keep(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.machine.close()


class Images:
    """The image of a campaign in ``folder``, made where it is missing; and whether a damage shows a crash again."""

    def __init__(self, lab: Lab, order: Order, folder: Path) -> None:
        self.lab, self.order, self._folder = lab, order, folder
        self.base = self._base()
        self.packed = (folder / BASE).read_bytes()
        self._shape: Reproducer | None = None

    def _base(self) -> Base:
        file, listed = self._folder / BASE, self._folder / "fields.json"
        if not file.exists():
            with ImageGuest(self.lab, self.order) as guest:
                made = guest.make()
            listed.write_bytes(msgspec.json.encode(made.fields))
            file.write_bytes(lzma.compress(made.image))
        image = lzma.decompress(file.read_bytes())
        return Base(image=image, fields=msgspec.json.decode(listed.read_bytes(), type=tuple[Field, ...]))

    def parts(self, text: str) -> list[str]:
        """Return the bytes that a plan of one damage changes."""
        self._shape = parse_reproducer(text, self.base.image)
        return [str(each) for each in self._shape.changes]

    def text(self, parts: Sequence[str]) -> str:
        """Return the plan that changes these bytes of the damage that was taken apart last."""
        if self._shape is None:
            raise InfraError("no damage was taken apart")
        return render_reproducer(self._shape.with_changes(parts), self.base.image)

    def simplify(self, parts: list[str], shows: Callable[[Sequence[str]], bool]) -> list[str]:  # noqa: ARG002
        """Return them as they are: a byte is as simple as it gets."""
        return parts

    def shows(self, crash: Crash, text: str, *, times: int) -> bool:
        """Whether the crash comes of it; ``times`` does not matter, an image is mounted once."""
        del times
        with ImageGuest(self.lab, self.order) as guest:
            guest.unpack(self.packed)
            guest.try_plan(text, seconds=2 * LIMIT_S)
            found = (*guest.findings, *(finding for finding, _ in guest.wrongs))
            return any(same(crash, each) for each in found)

    def fresh(self) -> None:
        """Every try has a fresh machine."""


class ImageRounds:
    """Each call mounts damaged images in a fresh machine."""

    def __init__(self, images: Images, *, stop: Callable[[], bool]) -> None:
        self._images, self._stop = images, stop

    def __call__(self, state: State, corpus: str, seconds: float, keep: Callable[[Finding], Path]) -> RoundResult:
        """Do a round; there is no corpus of images."""
        del corpus
        images = self._images
        wanted = max(1.0, min(float(ROUND_S), seconds))
        plan = draw_plan(
            images.base.fields,
            blocks_of(images.base.image),
            seed=state.asked.seed + state.rounds,
            count=int(wanted * _PER_SECOND),
            round_number=state.rounds,
            blind=state.asked.blind,
        )
        with ImageGuest(images.lab, images.order) as guest:
            guest.unpack(images.packed)
            began = time.monotonic()
            guest.try_plan(render_plan(plan), seconds=wanted, stop=self._stop)
            took = time.monotonic() - began
            met = self._met(guest, plan)
            if met:
                guest.keep(keep(met[0].finding))
            tried = [each for each in guest.results if each.number >= 0]
        return RoundResult(
            programs=len(tried),
            calls=len(tried),
            succeeded=sum(not each.mount for each in tried),
            signatures=len({(each.mount, *sorted(each.errors)) for each in tried}),
            guest_seconds=took,
            met=met,
        )

    def _met(self, guest: ImageGuest, plan: Sequence[Damage]) -> tuple[RoundFinding, ...]:
        met: list[RoundFinding] = []
        if guest.findings:
            met += worst_of(guest.findings, self._candidate(plan, guest.culprit()))
        met += [
            RoundFinding(finding=finding, candidates=self._candidate(plan, number)) for finding, number in guest.wrongs
        ]
        return tuple(met)

    def _candidate(self, plan: Sequence[Damage], number: int) -> tuple[str, ...]:
        if not 0 <= number < len(plan):
            return ()
        base = self._images.base.image
        return (render_reproducer(reproducer_of(replace(plan[number]), base), base),)

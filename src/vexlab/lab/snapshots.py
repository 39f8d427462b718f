"""The snapshots that machines start from, each made where it is missing."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec

from vexlab.cache import Cache, Kind, digest_once, key_of
from vexlab.classify import fatal
from vexlab.errors import BootPanic, GuestTimeout, HostBusy, MachineError
from vexlab.guest import adopted as own_image
from vexlab.guest.adopted import Lacks
from vexlab.guest.files import guest_files, program_files, programs_of, put_files
from vexlab.guest.module import load_missing, load_own_dependencies
from vexlab.guest.slowdown import processor_seconds
from vexlab.guest.warmup import read_programs, warm_up
from vexlab.kernels import slowdown
from vexlab.kernels.catalogue import has_option
from vexlab.lab.order import Order
from vexlab.model.kernel import Kernel
from vexlab.model.key import DISTRO
from vexlab.model.machine import MachineSpec
from vexlab.model.profile import GUEST_FILE, guest_text
from vexlab.observe import kernelmemory, kmemleak
from vexlab.observe.death import DeathWatch
from vexlab.targets.modinfo import undeclared
from vexlab.vm import template
from vexlab.vm.machine import Machine
from vexlab.vm.preparation import Preparation, leave_steps
from vexlab.vm.qemu import find_qemu
from vexlab.workloads import LIBRARY

log = logging.getLogger(__name__)

SNAPSHOT_FORMAT = 6  # part of every snapshot's key: raise it when machines are made in another way

BOOT_S = 120.0
_IMAGE_BOOT_S = 900.0  # a distribution's whole system, under emulation
_BOOTS = 3  # where a busy host spoils one, or the kernel panics once

_LACKS = "lacks.json"  # in a snapshot of a user's image: what is not as in vexlab's own
_PROGRAMS = "programs"  # in a snapshot: a file that is there where vexlab's own programs are in the guest
_SYMBOLS = "symbols"  # in a snapshot: where the kernel keeps what QEMU reads of it


def lacks_in(made: Path) -> Lacks:
    """Return what of our evidence cannot be had in machines of a snapshot."""
    file = made / _LACKS
    return msgspec.json.decode(file.read_bytes(), type=Lacks) if file.exists() else Lacks()


def know(machine: Machine, made: Path, kernel: Kernel) -> None:
    """Have ``machine`` know what the snapshot ``made`` tells of its kernel, and what that watches."""
    machine.watch = DeathWatch(fatal)
    machine.symbols = kernelmemory.parse_symbols((made / _SYMBOLS).read_text())
    if kernel.flavour != DISTRO:  # which is not asked (plugin/observers.py): to read its options takes 10 ms
        machine.kmemleak = has_option(kernel, kmemleak.OPTION)
        machine.kcsan = has_option(kernel, "KCSAN")


def _prepared(machine: Machine, kernel: Kernel) -> Lacks:
    """Prepare the machine of a user's image, and prove that what is read from its memory is what the guest says."""
    lacks = own_image.prepare(machine)
    if lacks.release != kernel.release:
        raise MachineError(f"the image boots {lacks.release} now, and {kernel.release} when it was looked at")
    machine.symbols = kernelmemory.parse_symbols(kernelmemory.list_symbols(machine))
    if kernelmemory.read_taint(machine) == lacks.taint:
        return lacks
    words = dict.fromkeys([*lacks.observers, own_image.MEANINGS["symbols"]])
    return replace(lacks, observers=tuple(words))


class Snapshots:
    """Makes snapshots in machines of folders that ``new_folder`` gives, and keeps them in ``cache``."""

    def __init__(self, cache: Cache, new_folder: Callable[[], Path], say: Callable[[str], None]) -> None:
        self._cache = cache
        self._new_folder = new_folder
        self._say = say

    def make(self, order: Order, spec: MachineSpec, digest: str) -> tuple[Path, MachineSpec]:
        """Return the snapshot for ``order``, and its machines' spec; ``digest`` is of the image that ``spec`` boots.

        As ``vexlab.lab.Lab.snapshot``.
        """
        base_key = key_of(SNAPSHOT_FORMAT, find_qemu().version, digest, spec)
        base = self._cache.make(Kind.SNAPSHOTS, base_key, lambda draft: self._boot(spec, order.kernel, draft))
        scale = slowdown.timeout_scale(self._cache.root, order.kernel.name, order.kernel.flavour)
        spec = replace(spec, timeout_scale=scale)  # no part of the key: it is measured
        base_key, base = self._with_programs(order, spec, base_key, base)
        artifact, target = order.artifact, order.target
        made_of = (artifact.digest, artifact.path is not None, target.depends, programs_of(target))
        key = key_of(base_key, *made_of, [file.read_text() for file in LIBRARY])
        if order.profile:
            key = key_of(key, guest_text(order.profile))
        made = self._cache.make(Kind.SNAPSHOTS, key, lambda draft: self._install(order, base, spec, draft))
        if last := order.preparation:
            before, key = made, key_of(key, last.key)
            made = self._cache.make(
                Kind.SNAPSHOTS, key, lambda draft: self._prepare_last(order, last, before, spec, draft)
            )
        return made, spec

    def _boot(self, spec: MachineSpec, kernel: Kernel, draft: Path) -> None:
        what = kernel.name if kernel.system else spec.kernel.parent.name
        self._say(f"booting a machine of {spec.memory} MiB with {what}")

        def prepare(machine: Machine) -> None:
            if kernel.system:
                own_image.wait_up(machine, _IMAGE_BOOT_S)
                self._say(f"preparing {kernel.name} for cases")
                (draft / _LACKS).write_bytes(msgspec.json.encode(_prepared(machine, kernel)))
            warm_up(machine)
            if slowdown.is_measured(kernel.flavour):
                with contextlib.suppress(MachineError):  # the flavour's own figure holds then
                    slowdown.remember(self._cache.root, kernel.name, processor_seconds(machine))
            (draft / _SYMBOLS).write_text(kernelmemory.list_symbols(machine))

        boot_s = _IMAGE_BOOT_S if kernel.system else BOOT_S
        panicked = False
        for more in reversed(range(_BOOTS)):
            try:
                template.save(spec, self._new_folder(), prepare, draft, boot_s=boot_s)
            except (HostBusy, BootPanic) as error:
                if not more or (panicked and isinstance(error, BootPanic)):
                    raise
                panicked = isinstance(error, BootPanic)
                # Nothing of the target is in it yet. 6.12-kasan panicked in one of three boots on a busy host.
                log.warning("%s; it is booted again", error.message)
            else:
                break

    def _with_programs(self, order: Order, spec: MachineSpec, base_key: str, base: Path) -> tuple[str, Path]:
        """Return the snapshot with the programs inside and what the target declares loaded, and its key."""
        if order.kernel.system:  # an image of the user's, whose disks it would copy
            return base_key, base
        files, read, depends = sorted(program_files(order.artifact)), programs_of(order.target), order.target.depends
        contents = [(path, digest_once(file)) for path, file, _ in files]
        key = key_of(base_key, _PROGRAMS, contents, read, depends, order.target.module if order.target.in_tree else "")

        def change(machine: Machine) -> None:
            put_files(machine, files)
            read_programs(machine, read)
            if depends:
                load_missing(machine, order.target)

        def put(draft: Path) -> None:
            self._derive(base, spec, draft, change)
            (draft / _PROGRAMS).touch()

        return key, self._cache.make(Kind.SNAPSHOTS, key, put)

    def _install(self, order: Order, base: Path, spec: MachineSpec, draft: Path) -> None:
        self._say(f"putting {order.target.name} into the machine")
        programs, module = (base / _PROGRAMS).exists(), order.artifact.path
        there = program_files(order.artifact) if programs else ()

        def put(machine: Machine) -> None:
            put_files(machine, [file for file in guest_files(order.artifact) if file not in there])
            if order.profile:
                machine.push(guest_text(order.profile).encode(), GUEST_FILE)
            if not programs:
                read_programs(machine, programs_of(order.target))
            if not programs or not module or undeclared(module.read_bytes(), order.target.depends):
                load_own_dependencies(machine, order.target)
                load_missing(machine, order.target)  # where that fails, a case will say so that loads the module
            if has_option(order.kernel, kmemleak.OPTION):
                with contextlib.suppress(GuestTimeout):  # on a host this busy the kernel's own losses are told, too
                    kmemleak.forget(machine)

        self._derive(base, spec, draft, put)

    def _prepare_last(self, order: Order, last: Preparation, base: Path, spec: MachineSpec, draft: Path) -> None:
        self._say(last.words)

        def change(machine: Machine) -> None:
            know(machine, base, order.kernel)
            last.change(machine)
            leave_steps(machine, draft)

        self._derive(base, spec, draft, change)

    def _derive(self, base: Path, spec: MachineSpec, draft: Path, change: Callable[[Machine], None]) -> None:
        template.derive(base, spec, self._new_folder(), change, draft)
        for name in (_SYMBOLS, _LACKS):
            if (base / name).exists():
                shutil.copyfile(base / name, draft / name)

"""The laboratory: binds target, kernel, image and machine. "Give me a fresh machine ready for this target."."""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from vexlab import temporary
from vexlab.apt import Apt
from vexlab.cache import Cache, Kind, digest_once, key_of
from vexlab.classify import fatal
from vexlab.config import Settings, cache_dir, state_dir
from vexlab.errors import GuestTimeout, HostBusy, InfraError, MachineError
from vexlab.guest import adopted as own_image
from vexlab.guest.adopted import Lacks
from vexlab.guest.files import guest_files, program_files, programs_of, put_files
from vexlab.guest.module import load_missing, load_own_dependencies
from vexlab.guest.slowdown import processor_seconds
from vexlab.guest.warmup import read_programs, warm_up
from vexlab.images.builder import Image, Images
from vexlab.images.recipe import BASE, TRACE, Recipe, find_recipe, joined
from vexlab.kernels import slowdown
from vexlab.kernels.catalogue import Kernels, has_option
from vexlab.kernels.counters import check_countable
from vexlab.kernels.flavours import boot_arguments, least_memory, timeout_scale
from vexlab.model.kernel import Kernel
from vexlab.model.key import DISTRO
from vexlab.model.machine import Accelerator, Disk, MachineSpec
from vexlab.model.profile import GUEST_FILE, Profile, guest_text
from vexlab.model.target import ModuleArtifact, Target
from vexlab.observe import kernelmemory, kmemleak
from vexlab.observe.death import DeathWatch
from vexlab.targets.analysers import AnalysisInputs
from vexlab.targets.build import build_module
from vexlab.targets.incremental import IncrementalBuild
from vexlab.targets.modinfo import undeclared
from vexlab.targets.programs import find_program
from vexlab.vm import accel, adopted, template
from vexlab.vm.machine import Machine
from vexlab.vm.named import NamedMachines
from vexlab.vm.preparation import Preparation, begin_with_steps, leave_steps
from vexlab.vm.qemu import find_qemu
from vexlab.vm.room import QEMU_MIB, available_memory
from vexlab.vm.session import Session
from vexlab.workloads import LIBRARY, WORKLOADS

log = logging.getLogger(__name__)

SNAPSHOT_FORMAT = 6  # part of every snapshot's key: raise it when machines are made in another way

BOOT_S = 120.0
_IMAGE_BOOT_S = 900.0  # a distribution's whole system, under emulation
_BOOTS = 3  # where a busy host spoils one
_ROOM_MIB = 640  # kernel, image and two snapshots, when nothing is cached yet
TRACE_MIB = 768  # bpftrace's compiler and its tables of stacks take 300
SCRATCH = Disk(serial="scratch", size=1024)

_LACKS = "lacks.json"  # in a snapshot of a user's image: what is not as in vexlab's own
_PROGRAMS = "programs"  # in a snapshot: a file that is there where vexlab's own programs are in the guest
_SYMBOLS = "symbols"  # in a snapshot: where the kernel keeps what QEMU reads of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked of the lab: a machine for ``target`` on ``kernel``. ``memory`` in MiB.

    ``single_thread_tcg`` is for work that goes on in one process at a time, as in ``vexlab.vm.argv.Start``. ``profile``
    is what the guest's programs are told of the filesystem (``vexlab.model.profile.GUEST_FILE``); without one they try
    everything. One to be ``traced`` has the programs of the image ``trace``, too, and the memory that they need. What
    is in ``preparation`` is done in the guest before its machines' snapshot is taken.
    """

    target: Target
    kernel: Kernel
    artifact: ModuleArtifact
    memory: int = 256
    cpus: int = 2
    disks: tuple[Disk, ...] = (SCRATCH,)
    recipe: str = "base"
    append: str = ""
    single_thread_tcg: bool = False
    profile: Profile | None = None
    traced: bool = False
    preparation: Preparation | None = None


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


def _know_instruments(machine: Machine, kernel: Kernel) -> None:
    if kernel.flavour != DISTRO:  # which is not asked (plugin/observers.py): to read its options takes 10 ms
        machine.kmemleak = has_option(kernel, kmemleak.OPTION)
        machine.kcsan = has_option(kernel, "KCSAN")


class Lab:
    """Everything a run needs, made on demand and kept: kernels, builds, snapshots. Use it as a context manager."""

    def __init__(self, settings: Settings, *, progress: Callable[[str], None] = log.info) -> None:
        self.settings = settings
        self.cache = Cache(cache_dir(settings))
        self.kernels = Kernels(self.cache, adopt=self._adopt)
        self.images = Images(self.cache)
        self._progress = progress
        self._stack = ExitStack()

    @cached_property
    def session(self) -> Session:
        """The folder of this process's machines."""
        return self._stack.enter_context(Session())

    def check_room(self) -> None:
        """Raise ``InfraError`` where disk or memory do not suffice for a machine; better now than in the middle.

        Snapshots that nobody has used for long are removed where there are too many.
        """
        available = available_memory() >> 20
        if available < self.settings.memory + QEMU_MIB:
            raise InfraError(
                f"only {available} MiB of memory are available, a machine of {self.settings.memory} MiB needs more",
                hint="end other programs, or give --memory a smaller value",
            )
        temporary.sweep()
        self.cache.prepare()
        self.cache.trim(Kind.SNAPSHOTS, self.settings.snapshots << 20)  # each build of a module leaves some
        free = shutil.disk_usage(self.cache.root).free >> 20
        wanted = _ROOM_MIB + self.settings.memory
        if free < wanted:
            raise InfraError(
                f"only {free} MiB are free in {self.cache.root}, a run needs {wanted}",
                hint="free some space, or set VEXLAB_CACHE to a folder on another disk",
            )

    def accelerator(self, kernel: Kernel) -> Accelerator:
        """Return the accelerator to use, proved with ``kernel``."""
        return accel.choose(self.settings.accel, find_qemu(), kernel.image, self.cache.root / "accel")

    def artifact(self, target: Target, kernel: Kernel, *, counted: bool = False) -> ModuleArtifact:
        """Build ``target`` for ``kernel``; as ``build_module``, and ``UsageError`` where it cannot be ``counted``."""
        if counted:
            check_countable(target, kernel)
        return build_module(
            target,
            kernel,
            lambda: self.kernels.headers(kernel),
            self.cache,
            tools=(WORKLOADS,),
            sandboxing=self.settings.sandbox,
            counted=counted,
        )

    def analysis_inputs(self, target: Target, kernel: Kernel, *, fetch: bool = False) -> AnalysisInputs:
        """Return what analysers of ``target``'s source work with; with ``fetch`` missing programs are fetched."""
        apt = Apt(self.cache.root / Kind.APT) if fetch else None
        return AnalysisInputs(
            target=target,
            kernel=kernel,
            headers=lambda: self.kernels.headers(kernel),
            cache=self.cache,
            scripts=self.kernels.scripts(kernel),
            program=lambda name: find_program(name, self.cache, apt),
            sandboxing=self.settings.sandbox,
        )

    def incremental(self, target: Target, kernel: Kernel) -> IncrementalBuild:
        """Return a build of ``target`` that goes on where its last one ended, for an edit loop."""
        return IncrementalBuild(
            target,
            kernel,
            lambda: self.kernels.headers(kernel),
            self.cache,
            tools=(WORKLOADS,),
            sandboxing=self.settings.sandbox,
        )

    def recipe(self, order: Order) -> Recipe:
        """Return the image recipe of ``order``, with the packages the target asks for."""
        recipe = find_recipe(order.recipe)
        if order.traced:
            recipe = joined(recipe, find_recipe(TRACE))
        if not order.target.packages:
            return recipe
        packages = tuple(dict.fromkeys([*recipe.packages, *order.target.packages]))
        return Recipe(name=recipe.name, packages=packages, files=recipe.files, exclude=recipe.exclude)

    def _adopt(self, name: str) -> Kernel:
        """Return the kernel in the image of the user's machine ``name``; as ``vexlab.vm.adopted.take``."""
        wanted = self.settings.accel
        place = adopted.Place(
            shelf=NamedMachines(state_dir() / "vm"),
            cache=self.cache,
            busybox=self.images.root(find_recipe(BASE)) / "busybox",
            new_folder=self.session.new_folder,
            given=self.kernels.get,
            accel=None if wanted is Accelerator.AUTO else wanted,
            say=self._progress,
        )
        return adopted.take(name, place)

    def spec(self, order: Order, image: Image) -> MachineSpec:
        """Return the machine that ``order`` asks for."""
        system = (
            Disk(serial="root", file=image.root, readonly=True),
            Disk(serial="modules", file=image.modules, readonly=True),
        )
        return MachineSpec(
            kernel=order.kernel.image,
            initrd=image.initrd,
            append=f"{boot_arguments(order.kernel.flavour)} {order.append}".strip(),
            disks=(*system, *order.disks),
            memory=max(order.memory, least_memory(order.kernel.flavour), TRACE_MIB if order.traced else 0),
            cpus=order.cpus,
            accel=self.accelerator(order.kernel),
            timeout_scale=timeout_scale(order.kernel.flavour),
        )

    def snapshot(self, order: Order) -> tuple[Path, MachineSpec]:
        """Return the snapshot that ``order``'s machines start from, made where it is missing, and their spec.

        There are three: one of the booted system, one of it with all programs inside and the modules loaded that the
        target declares, and one with the target's module, too, and the modules loaded that its modinfo names. So a
        changed module costs no boot and one file; a fourth one has the order's ``preparation``. The key is all that
        made it.
        """
        try:
            return self._snapshot(order)
        except MachineError as error:
            # Nothing of the target has run yet, so it cannot be its fault, as these errors would else be taken for.
            raise MachineError(
                f"no machine could be prepared with kernel {order.kernel.name}: {error.message}",
                hint="is the host very busy? `vexlab doctor` boots a small guest and says more",
            ) from error

    def _snapshot(self, order: Order) -> tuple[Path, MachineSpec]:
        system = order.kernel.system
        if system:
            root = self.images.root(self.recipe(order))
            spec = adopted.spec_of(order.kernel, system, root / "root.sqfs", order.disks, order.append)
            memory = max(order.memory, system.memory, TRACE_MIB if order.traced else 0)
            spec = replace(spec, memory=memory, cpus=order.cpus, accel=self.accelerator(order.kernel))
            digest = key_of(root.name, system.digest, own_image.sources())
        else:
            image = self.images.build(self.recipe(order), order.kernel)
            spec, digest = self.spec(order, image), image.digest
        base_key = key_of(SNAPSHOT_FORMAT, find_qemu().version, digest, spec)
        base = self.cache.make(Kind.SNAPSHOTS, base_key, lambda draft: self._boot(spec, order.kernel, draft))
        scale = slowdown.timeout_scale(self.cache.root, order.kernel.name, order.kernel.flavour)
        spec = replace(spec, timeout_scale=scale)  # no part of the key: it is measured
        base_key, base = self._with_programs(order, spec, base_key, base)
        artifact, target = order.artifact, order.target
        made_of = (artifact.digest, artifact.path is not None, target.depends, programs_of(target))
        key = key_of(base_key, *made_of, [file.read_text() for file in LIBRARY])
        if order.profile:
            key = key_of(key, guest_text(order.profile))
        made = self.cache.make(Kind.SNAPSHOTS, key, lambda draft: self._install(order, base, spec, draft))
        if last := order.preparation:
            before, key = made, key_of(key, last.key)
            made = self.cache.make(
                Kind.SNAPSHOTS, key, lambda draft: self._prepare_last(order, last, before, spec, draft)
            )
        return made, spec

    def machine(self, order: Order, *, disks: Mapping[str, Path] | None = None) -> Machine:
        """Return a fresh machine with the target's files inside; its console starts empty. Close it after use.

        ``disks`` are files that its disks begin with, by serial: those of a machine that was killed, for one.
        """

        def start() -> Machine:
            folder = self.session.new_folder()
            return template.start(made, spec, folder, disks, single_thread_tcg=order.single_thread_tcg)

        made, spec = self.snapshot(order)
        try:
            machine = start()
        except MachineError:
            # Whatever spoilt the snapshot (another QEMU build, a torn disk), a new one tells whether it was that.
            log.warning("snapshot %s does not come up and will be made anew", made.name)
            self.cache.drop(Kind.SNAPSHOTS, made.name)
            made, spec = self.snapshot(order)
            try:
                machine = start()
            except MachineError as error:  # nothing of the target has run in it
                raise MachineError(f"no machine comes up from its snapshot: {error.message}") from error
        machine.watch = DeathWatch(fatal)
        if order.preparation:
            begin_with_steps(machine, made)
        if disks:
            machine.transcript.cannot("the machine began with the disks of one whose power was cut")
        if order.kernel.system:
            machine.transcript.cannot("the machine is of an image that does not come with the script")
        machine.symbols = kernelmemory.parse_symbols((made / _SYMBOLS).read_text())
        _know_instruments(machine, order.kernel)
        return machine

    def lacks(self, order: Order) -> Lacks:
        """Return what of our evidence cannot be had in ``order``'s machines, and which programs there are vexlab's."""
        file = self.snapshot(order)[0] / _LACKS
        return msgspec.json.decode(file.read_bytes(), type=Lacks) if file.exists() else Lacks()

    def boot_log(self, order: Order) -> str:
        """Return the console up to the moment the snapshot was taken."""
        return template.boot_log(self.snapshot(order)[0])

    def close(self) -> None:
        """End every machine and remove their folders."""
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _boot(self, spec: MachineSpec, kernel: Kernel, draft: Path) -> None:
        what = kernel.name if kernel.system else spec.kernel.parent.name
        self._progress(f"booting a machine of {spec.memory} MiB with {what}")

        def prepare(machine: Machine) -> None:
            if kernel.system:
                own_image.wait_up(machine, _IMAGE_BOOT_S)
                self._progress(f"preparing {kernel.name} for cases")
                (draft / _LACKS).write_bytes(msgspec.json.encode(_prepared(machine, kernel)))
            warm_up(machine)
            if slowdown.is_measured(kernel.flavour):
                with contextlib.suppress(MachineError):  # the flavour's own figure holds then
                    slowdown.remember(self.cache.root, kernel.name, processor_seconds(machine))
            (draft / _SYMBOLS).write_text(kernelmemory.list_symbols(machine))

        boot_s = _IMAGE_BOOT_S if kernel.system else BOOT_S
        for more in reversed(range(_BOOTS)):
            try:
                template.save(spec, self.session.new_folder(), prepare, draft, boot_s=boot_s)
            except HostBusy as error:
                if not more:
                    raise
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

        return key, self.cache.make(Kind.SNAPSHOTS, key, put)

    def _install(self, order: Order, base: Path, spec: MachineSpec, draft: Path) -> None:
        self._progress(f"putting {order.target.name} into the machine")
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
        self._progress(last.words)

        def change(machine: Machine) -> None:
            machine.watch = DeathWatch(fatal)
            machine.symbols = kernelmemory.parse_symbols((base / _SYMBOLS).read_text())
            _know_instruments(machine, order.kernel)
            last.change(machine)
            leave_steps(machine, draft)

        self._derive(base, spec, draft, change)

    def _derive(self, base: Path, spec: MachineSpec, draft: Path, change: Callable[[Machine], None]) -> None:
        template.derive(base, spec, self.session.new_folder(), change, draft)
        for name in (_SYMBOLS, _LACKS):
            if (base / name).exists():
                shutil.copyfile(base / name, draft / name)

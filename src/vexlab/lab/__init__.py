"""The laboratory: binds target, kernel, image and machine. "Give me a fresh machine ready for this target."."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from vexlab import temporary
from vexlab.apt import Apt
from vexlab.cache import Cache, Kind, key_of
from vexlab.config import Settings, cache_dir, state_dir
from vexlab.errors import InfraError, MachineError
from vexlab.guest import adopted as own_image
from vexlab.guest.adopted import Lacks
from vexlab.images.builder import Image, Images
from vexlab.images.recipe import BASE, TRACE, Recipe, find_recipe, joined
from vexlab.kernels.catalogue import Kernels
from vexlab.kernels.counters import check_countable
from vexlab.kernels.flavours import boot_arguments, least_memory, timeout_scale
from vexlab.lab.order import SCRATCH, TRACE_MIB, Order
from vexlab.lab.snapshots import BOOT_S, SNAPSHOT_FORMAT, Snapshots, know, lacks_in
from vexlab.model.kernel import Kernel
from vexlab.model.machine import Accelerator, Disk, MachineSpec
from vexlab.model.target import ModuleArtifact, Target
from vexlab.targets.analysers import AnalysisInputs
from vexlab.targets.build import build_module
from vexlab.targets.incremental import IncrementalBuild
from vexlab.targets.programs import find_program
from vexlab.vm import accel, adopted, template
from vexlab.vm.machine import Machine
from vexlab.vm.named import NamedMachines
from vexlab.vm.preparation import begin_with_steps
from vexlab.vm.qemu import find_qemu
from vexlab.vm.room import QEMU_MIB, available_memory
from vexlab.vm.session import Session
from vexlab.workloads import WORKLOADS

__all__ = ["BOOT_S", "SCRATCH", "SNAPSHOT_FORMAT", "TRACE_MIB", "Lab", "Order"]

log = logging.getLogger(__name__)

_ROOM_MIB = 640  # kernel, image and two snapshots, when nothing is cached yet


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

    @cached_property
    def snapshots(self) -> Snapshots:
        """What makes the snapshots that machines start from."""
        return Snapshots(self.cache, self.session.new_folder, self._progress)

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
        return self.snapshots.make(order, spec, digest)

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
        know(machine, made, order.kernel)
        if order.preparation:
            begin_with_steps(machine, made)
        if disks:
            machine.transcript.cannot("the machine began with the disks of one whose power was cut")
        if order.kernel.system:
            machine.transcript.cannot("the machine is of an image that does not come with the script")
        return machine

    def lacks(self, order: Order) -> Lacks:
        """Return what of our evidence cannot be had in ``order``'s machines, and which programs there are vexlab's."""
        return lacks_in(self.snapshot(order)[0])

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

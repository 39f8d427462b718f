"""A lab that boots nothing: what its machines do is said by the commands of the case. For tests of the plugin alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self, cast

from tests.unit.test_watched import OOPS
from tests.unit.test_watched import FakeMachine as Heard

from vexlab.config import Settings
from vexlab.errors import BuildError, EmulatorDied, GuestTimeout, MachineLost
from vexlab.kernels.catalogue import Kernels
from vexlab.lab import Lab, Order
from vexlab.model.kernel import Kernel
from vexlab.model.machine import CommandResult, MachineSpec
from vexlab.model.target import ModuleArtifact, Target
from vexlab.vm.machine import Machine

BROKEN = "broken"  # a folder of source of this name does not build


class FakeMachine(Heard):
    """Does what the name of a command says."""

    def __init__(self, folder: Path, number: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self.number = number
        self.pid = number
        self.spec = MachineSpec(kernel=folder / "vmlinuz", initrd=folder / "i", append="console=x")

    def exec(self, argv: Sequence[str], *, timeout: float = 30.0) -> CommandResult:
        """Run ``oops``, ``die``, ``vanish``, ``hang``, ``lab-fails`` or ``lab-fails-once``; all else ends well."""
        with self.transcript.command(argv) as ended:
            return ended(self._done(argv, timeout))

    def _done(self, argv: Sequence[str], timeout: float) -> CommandResult:
        match argv[0]:
            case "oops":
                self._says(OOPS)
            case "die":
                self._says(OOPS)
                self.alive = False
                raise MachineLost("the kernel died: Oops")
            case "vanish":
                self.alive = False
                raise MachineLost("the guest went down")
            case "hang":
                raise GuestTimeout(f"`hang` did not end within {timeout:g} s", command="hang", seconds=timeout)
            case "lab-fails":
                raise EmulatorDied("QEMU was ended by SIGKILL")
            case "lab-fails-once" if self.number == 1:
                raise EmulatorDied("QEMU was ended by SIGKILL")
        return CommandResult(argv=tuple(argv), status=0, signal=0, stdout=b"", stderr=b"", duration=0.1)

    def _says(self, words: str) -> None:
        self.console.said += words
        self.console.file.write_text(self.console.said)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...


class FakeKernels(Kernels):
    """Kernels whose configuration has ``KASAN`` where their name says so."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> Kernel:
        """Return a kernel of any name."""
        config = self._folder / f"config-{name}"
        config.write_text("CONFIG_KASAN=y\n" if "kasan" in name else "")
        image = self._folder / "vmlinuz"
        return Kernel(name=name, release=name, version="1", image=image, modules=self._folder, config=config)


class FakeLab(Lab):
    """Everything that the plugin asks of a lab; ``made`` are the orders of its machines."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        super().__init__(settings)
        self._folder = folder
        self.kernels = FakeKernels(folder)
        self.made: list[Order] = []

    def artifact(self, target: Target, kernel: Kernel, *, counted: bool = False) -> ModuleArtifact:
        """Return a module, or the compiler's words where the source is the broken one."""
        if target.source and target.source.name == BROKEN:
            raise BuildError("the module does not build")
        module = self._folder / f"{target.module}.ko"
        module.write_bytes(b"built")
        path = module if target.source else None
        return ModuleArtifact(target=target.name, kernel=kernel.name, path=path, digest="d")

    def snapshot(self, order: Order) -> tuple[Path, MachineSpec]:
        """Return where a snapshot would be, and of what machine."""
        return self._folder / "abc", MachineSpec(
            kernel=order.kernel.image, initrd=self._folder / "i", append="console=x"
        )

    def machine(self, order: Order, *, disks: Mapping[str, Path] | None = None) -> Machine:
        """Return a machine of ours."""
        self.made.append(order)
        number = len(self.made)
        return cast("Machine", FakeMachine(self._folder / f"machine-{number}", number))

    def boot_log(self, _: Order) -> str:
        """Return what it said while it booted."""
        return "booted\n"

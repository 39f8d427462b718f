"""Machines by an id: ``VMManager`` and ``VMInstance``."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from vexlab.config import Settings, load_settings
from vexlab.errors import UsageError
from vexlab.lab import Lab, Order
from vexlab.model.machine import CommandResult
from vexlab.targets.load import find_target
from vexlab.vm.machine import Machine

_LARGEST_ID = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class VMConfig:
    """A machine to be made: ``target`` is inside, built; ``memory_mb`` in MiB, ``kernel`` a name of `kernels list`.

    Of zero or an empty text the settings say what is meant.
    """

    target: str = "targets/vexfs"
    kernel: str = ""
    memory_mb: int = 0
    cpu_cores: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class VMInstance:
    """A machine that runs: its id and what it was made of; ``machine`` has all verbs."""

    vm_id: str
    config: VMConfig
    machine: Machine = field(repr=False)

    def execute(self, command: str | Sequence[str], *, timeout: float = 30.0) -> CommandResult:
        """Run a command in it: words, or a text for its shell. Raises ``MachineError`` as ``Machine.exec`` does."""
        if isinstance(command, str):
            return self.machine.shell(command, timeout=timeout)
        return self.machine.exec(command, timeout=timeout)


class VMManager:
    """Makes fresh machines and ends them; all that are left end with it. Use it as a context manager.

    ::

        with VMManager() as manager:
            vm = manager.create_vm({"memory_mb": 256, "cpu_cores": 2})
            manager.execute_command(vm.vm_id, "uname -r").text
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._stack = ExitStack()
        self._lab = self._stack.enter_context(Lab(settings or load_settings(None)))
        self._machines: dict[str, VMInstance] = {}

    def create_vm(self, config: VMConfig | Mapping[str, object] | None = None) -> VMInstance:
        """Return a fresh machine with the target's module and programs inside, the module not loaded.

        Raises ``UsageError`` for an unknown key, ``BuildError`` where the module does not build.
        """
        wanted = _config(config)
        settings = self._lab.settings
        self._lab.check_room()
        kernel = self._lab.kernels.get(wanted.kernel or settings.kernels[0])
        target = find_target(wanted.target)
        order = Order(
            target=target,
            kernel=kernel,
            artifact=self._lab.artifact(target, kernel),
            memory=wanted.memory_mb or settings.memory,
            cpus=wanted.cpu_cores or settings.cpus,
        )
        vm_id = f"{target.name}-{secrets.token_hex(4)}"
        made = VMInstance(vm_id=vm_id, config=wanted, machine=self._lab.machine(order))
        self._machines[vm_id] = made
        return made

    def destroy_vm(self, vm_id: str) -> bool:
        """End a machine; return whether there was one of this id."""
        found = self._machines.pop(vm_id, None)
        if found:
            found.machine.close()
        return found is not None

    def execute_command(self, vm_id: str, command: str | Sequence[str], *, timeout: float = 30.0) -> CommandResult:
        """Run a command in a machine; raise ``UsageError`` where there is none of this id."""
        return self._of(vm_id).execute(command, timeout=timeout)

    def copy_file_to_vm(self, vm_id: str, local: str | Path, remote: str) -> bool:
        """Copy a file into a machine and return ``True``; raise ``UsageError`` where it is missing."""
        file = Path(local)
        if not file.is_file():
            raise UsageError(f"{file} is no file")
        self._of(vm_id).machine.push(file, remote)
        return True

    def cleanup_all_vms(self) -> None:
        """End every machine."""
        for vm_id in tuple(self._machines):
            self.destroy_vm(vm_id)

    def _of(self, vm_id: str) -> VMInstance:
        if vm_id not in self._machines:
            raise UsageError(
                f"no machine `{vm_id[:_LARGEST_ID]}`", hint=f"there are {', '.join(self._machines) or 'none'}"
            )
        return self._machines[vm_id]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cleanup_all_vms()
        self._stack.close()


def _config(config: VMConfig | Mapping[str, object] | None) -> VMConfig:
    if isinstance(config, VMConfig):
        return config
    given = dict(config or {})
    known = set(VMConfig.__dataclass_fields__)
    if unknown := sorted(set(given) - known):
        raise UsageError(f"a machine has no setting `{unknown[0]}`", hint=f"there are {', '.join(sorted(known))}")
    try:
        return msgspec.convert(given, VMConfig)
    except msgspec.ValidationError as error:
        raise UsageError(f"a machine's setting has a wrong value: {error}") from error

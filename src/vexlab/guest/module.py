"""The module under test, inside the guest: load, unload, and what the kernel says of it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from vexlab.errors import MachineError, TargetFailure
from vexlab.model.machine import CommandResult
from vexlab.model.target import Target
from vexlab.vm.files import BUSYBOX, SECTIONS
from vexlab.vm.machine import Machine
from vexlab.workloads import script

log = logging.getLogger(__name__)

FOLDER = "/vexlab"
_STEP_S = 20.0
_WATCH_S = 60.0
_MODLOAD = f"{FOLDER}/bin/modload"

_TRACES = script("module_traces.sh")
_WATCH_RACES = script("watch_races.sh")


# A module that is gone takes its symbols along: the stacks of what it allocated, as kmemleak keeps them, are numbers
# then. So where its code lies is noted before it is unloaded.
# Not by read(1): busybox reads a byte at a time, and the kernel refuses to go on within this file (module_sect_read).
NOTE_SECTIONS = f"""
cat "/sys/module/$1/sections/.text" >>{SECTIONS}
"""

_LOAD_OWN = script("load_own.sh")

_LOAD_MISSING = script("load_missing.sh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A script for the guest's busybox, its words and variables."""

    text: str
    words: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def argv(self) -> tuple[str, ...]:
        """The command that runs it."""
        return (BUSYBOX, "sh", "-c", self.text, "sh", *self.words)


def own_dependencies(target: Target) -> Script | None:
    """Return what loads what the file of ``target``'s module depends on; ``None`` where it comes with the kernel."""
    return None if target.in_tree else Script(text=_LOAD_OWN, words=(f"{FOLDER}/{target.module}.ko",))


def missing(target: Target) -> Script | None:
    """Return what loads what ``target`` depends on and is not loaded yet; ``None`` with no dependencies.

    Of a module that comes with the kernel, modprobe knows them; so a case can tell what they leave from what it leaves.
    """
    if not target.depends and not target.in_tree:
        return None
    return Script(text=_LOAD_MISSING, words=target.depends, env={"OF": target.module} if target.in_tree else {})


def load_own_dependencies(machine: Machine, target: Target) -> None:
    """Load what the file of ``target``'s module says that it depends on; nothing where it comes with the kernel."""
    if script := own_dependencies(target):
        machine.ash(script.text, *script.words, timeout=_STEP_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleState:
    """A line of ``/proc/modules`` (proc(5)): ``users`` counts references, ``size`` is in bytes."""

    size: int
    users: int
    state: str
    taint: str


def load_missing(machine: Machine, target: Target) -> CommandResult | None:
    """Run ``missing`` in the guest; return how that ended, ``None`` where there is nothing to run."""
    script = missing(target)
    return machine.ash(script.text, *script.words, timeout=_STEP_S, env=script.env) if script else None


class GuestModule:
    """Verbs for the target's module in one machine. Commands return results; judging them is the case's business."""

    def __init__(self, machine: Machine, target: Target) -> None:
        self.machine = machine
        self.target = target
        self.name = target.module
        self.path = f"{FOLDER}/{target.module}.ko"

    @property
    def inserter(self) -> str:
        """The program that loads a module's file: one call of ours, else kmod's, where our programs are not."""
        return _MODLOAD if self.machine.streams else "insmod"

    def load(self, *params: str, timeout: float = _STEP_S) -> CommandResult:
        """Load the module with ``params`` (default: the target's); what it depends on is loaded first."""
        self.load_dependencies()
        if self.target.in_tree:
            return self._loaded(self.machine.exec(["modprobe", self.name, *params], timeout=timeout))
        return self.insert(self.path, *(params or self.target.params), timeout=timeout)

    def load_dependencies(self) -> None:
        """Load the modules of the kernel that the target depends on, so that a load's time is the target's own."""
        result = load_missing(self.machine, self.target)
        if result is not None and not result.ok:
            raise TargetFailure(f"the kernel cannot load what {self.name} depends on: {result}")

    def insert(self, path: str, *params: str, timeout: float = _STEP_S) -> CommandResult:
        """Load any module file of the guest, as ``inserter`` does."""
        result = self.machine.exec([self.inserter, path, *params], timeout=timeout)
        return self._loaded(result) if path == self.path else result

    def unload(self, *, timeout: float = _STEP_S) -> CommandResult:
        """Unload the module: busybox asks the kernel at once, where kmod first looks at the use count by itself."""
        watching = self.machine.module_watch
        if watching:
            watching.before_unload()
        if self.machine.kmemleak:
            self.machine.ash(NOTE_SECTIONS, self.name)
        result = self.machine.exec([BUSYBOX, "rmmod", self.name], timeout=timeout)
        if watching and not result.ok:
            watching.after_load()
        return result

    def _loaded(self, result: CommandResult) -> CommandResult:
        if result.ok and self.machine.module_watch:
            self.machine.module_watch.after_load()
        if result.ok and self.machine.kcsan:
            watched = self.machine.ash(_WATCH_RACES, self.name, timeout=_WATCH_S)
            if not watched.ok:
                raise MachineError(f"KCSAN cannot be switched on: {watched}")
            if watched.text.strip() == "0":
                log.warning("no function of %s is known by name, so that KCSAN tells of none of its races", self.name)
        return result

    def state(self) -> ModuleState | None:
        """Return the module's line of ``/proc/modules``, or ``None`` where it is not loaded."""
        for line in self.machine.ash("cat /proc/modules").text.splitlines():
            # vexfs 45056 1 - Live 0xffffffffc0200000 (OE)
            name, *rest = line.split() or [""]
            if name != self.name:
                continue
            try:
                size, users, _, state, _, *taint = rest
                return ModuleState(size=int(size), users=int(users), state=state, taint="".join(taint[:1]).strip("()"))
            except ValueError as error:
                raise MachineError(f"the guest's /proc/modules is not readable: {line[:200]}") from error
        return None

    def traces(self) -> frozenset[str]:
        """Return what a module could have put into the system: to be compared before loading and after unloading."""
        return frozenset(self.machine.ash(_TRACES).text.splitlines())

    def filesystems(self) -> tuple[str, ...]:
        """Return the registered filesystem types (``/proc/filesystems``)."""
        text = self.machine.ash("cat /proc/filesystems").text
        return tuple(line.split("\t")[-1] for line in text.splitlines())

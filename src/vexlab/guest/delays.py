"""Delays at instructions of the module under test, by a module of ours (``workloads/delay``), so that races show.

A place is before and behind each call: there a function has looked at something, or has what it was told, and has done
nothing with it yet. Which places are delayed, of those that are come by, changes every second; a seed says which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from vexlab import process, temporary
from vexlab.errors import MachineError
from vexlab.guest.module import FOLDER
from vexlab.images.modules import read_module
from vexlab.model.kernel import Kernel
from vexlab.model.target import ModuleArtifact, Target
from vexlab.vm.machine import Machine
from vexlab.workloads import WORKLOADS, script

NAME = "vexlab_delay"
DELAYS = Target(
    name=NAME, fstype=NAME, module=NAME, file=WORKLOADS.source / "delay" / "Kbuild", source=WORKLOADS.source / "delay"
)
_AT_ONCE = 80  # their names must fit into a page
_READ_S = 60.0
_ENTRY = 4  # the call of ftrace is a function's first instruction, or stands behind an endbr64
_PLACES = "/tmp/places"  # noqa: S108 - in the guest
_PATH = f"{FOLDER}/{NAME}.ko"
_DRIVE = script("drive_delays.sh")
# 0000000000000040 <vexfs_link>:
_FUNCTION = re.compile(r"^([0-9a-f]+) <([\w.]+)>:$")
#   4c:	call   51 <vexfs_link+0x11>
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\s+(\S+)")
_TOLD = re.compile(r"(\d+) of (\d+) set, come by (\d+) times")


def places_in(module: Path) -> tuple[str, ...]:
    """Return the places before and behind calls in the code of a module, as ``module:function+0x4c``."""
    argv = ["objdump", "-d", "--no-show-raw-insn", "-j", ".text", str(module)]
    return tuple(around_calls(process.run(argv, timeout=_READ_S, check=True).text, module.name.partition(".")[0]))


def places_of(artifact: ModuleArtifact, target: Target, kernel: Kernel) -> tuple[str, ...]:
    """Return the places in the target's module, wherever that comes from; none where it is built into the kernel."""
    if artifact.path:
        return places_in(artifact.path)
    found = sorted(kernel.modules.rglob(f"{target.module}.ko*"))
    if not found:
        return ()
    with temporary.folder("module") as folder:
        whole = folder / f"{target.module}.ko"
        whole.write_bytes(read_module(found[0]))
        return places_in(whole)


def around_calls(listing: str, module: str) -> Iterator[str]:
    """Yield the places before and behind calls, each once in a listing of objdump's. Pure.

    The call at a function's beginning is that of ftrace, which the kernel itself changes.
    """
    start, function, called = 0, "", False
    for line in listing.splitlines():
        if head := _FUNCTION.match(line):
            start, function, called = int(head[1], 16), head[2], False
        elif function and (found := _INSTRUCTION.match(line)):
            offset = int(found[1], 16) - start
            calls = found[2].startswith("call") and offset > _ENTRY
            if (called or calls) and "." not in function:
                yield f"{module}:{function}+{offset:#x}"
            called = calls


class Delays:
    """Delays at ``places`` in one machine, by the file of ``ours``, our module."""

    def __init__(self, machine: Machine, ours: Path, places: Sequence[str]) -> None:
        self._machine = machine
        self._places = places
        machine.push(ours, _PATH)

    def start(self, seed: int, *, most_us: int, percent: int) -> None:
        """Wait at other places each second until ``stop``; raise ``MachineError`` where the kernel takes none.

        ``percent`` of the times that one is come by it waits, ``most_us`` at most.
        """
        self._machine.push("".join(f"{place}\n" for place in self._places).encode(), _PLACES)
        loaded = self._machine.exec(["insmod", _PATH, f"most_us={most_us}", f"seed={seed & 0xFFFFFFFF}"])
        if not loaded.ok:
            raise MachineError(f"the module of delays does not load: {loaded}")
        self._machine.ash(_DRIVE, NAME, _PLACES, str(seed % 100_000), str(_AT_ONCE), str(percent))

    def stop(self) -> int:
        """Delay nothing any more; return how often a place was come by."""
        told = self._machine.ash(
            'echo stop >"$2.stop"; sleep 1.5; cat "/sys/module/$1/parameters/sites"'
            ' && echo >"/sys/module/$1/parameters/sites" && /bin/busybox rmmod "$1"',
            NAME, _PLACES, timeout=_READ_S,
        )  # fmt: skip
        found = _TOLD.search(told.text)
        return int(found[3]) if found else 0

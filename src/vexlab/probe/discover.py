"""How an unknown filesystem's programs are called, found out by calling them on a disk of a fresh machine."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from vexlab.errors import UsageError
from vexlab.guest.block import device_of
from vexlab.guest.module import GuestModule
from vexlab.guest.mount import GuestFilesystem
from vexlab.lab import Lab, Order
from vexlab.model.target import Target
from vexlab.targets.in_tree import is_built_in, why_not_loadable

log = logging.getLogger(__name__)

DEVICE = "{device}"
# Options by which a program makes a filesystem where there is one already, the quiet ones first.
FORCE = ("-q -f", "-f", "-q -F", "-F", "-q", "")
# Options by which it only looks, the thorough ones first.
LOOK = ("-f -n", "-n", "--dry-run", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The commands that worked, and ``words`` on what was seen of each try; empty where none did."""

    mkfs: str = ""
    fsck: str = ""
    mounted: bool = False
    words: tuple[str, ...] = ()


def candidates(program: str, options: Sequence[str]) -> tuple[str, ...]:
    """Return the command lines to try."""
    return tuple(" ".join(filter(None, (program, each, DEVICE))) for each in options)


def discover(
    lab: Lab, order: Order, mkfs: Sequence[str], fsck: Sequence[str], progress: Callable[[str], None] = log.info
) -> Found:
    """Return which of the commands make, and check, a filesystem that ``order``'s module mounts.

    mkfs must do it twice, since cases make filesystems where there is one; fsck must call a new one sound.
    """
    said: list[str] = []
    with lab.machine(order) as machine:
        target = order.target
        if not is_built_in(order.kernel, target):
            if reason := why_not_loadable(order.kernel, target):
                return Found(words=(reason,))
            loaded = GuestModule(machine, target).load()
            if not loaded.ok:
                return Found(words=(f"the module does not load: {loaded}",))
        device = device_of(machine, "scratch")
        making = ""
        for command in mkfs:
            progress(f"trying {command}")
            made = GuestFilesystem(machine, _with(target, mkfs=command), device)
            if words := _fails(made.mkfs) or _fails(made.mkfs):
                said.append(f"{command}: {words}")
                continue
            making = command
            break
        if not making:
            return Found(words=tuple(said))
        filesystem = GuestFilesystem(machine, _with(target, mkfs=making), device)
        if words := _fails(filesystem.mount):
            return Found(mkfs=making, words=(*said, f"mount: {words}"))
        filesystem.prove()
        filesystem.unmount()
        for command in fsck:
            progress(f"trying {command}")
            checked = GuestFilesystem(machine, _with(target, fsck=command), device)
            if words := _fails(checked.fsck):
                said.append(f"{command}: {words}")
                continue
            return Found(mkfs=making, fsck=command, mounted=True, words=tuple(said))
        return Found(mkfs=making, mounted=True, words=tuple(said))


def _with(target: Target, *, mkfs: str = "", fsck: str = "") -> Target:
    return replace(target, mkfs=tuple(mkfs.split()), fsck=tuple(fsck.split()))


def _fails(verb: Callable[[], object]) -> str:
    """Return how a command failed, or an empty string."""
    try:
        result = verb()
    except UsageError as error:
        return error.message.partition("\n")[0][:200]
    return "" if getattr(result, "ok", False) else str(result).partition("\n")[0][:200]

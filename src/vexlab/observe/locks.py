"""What lockdep knows at the end of a case: whether it still looks, and which locks of the module are held.

``/proc/lockdep_stats`` counts, the system request `d` lists the locks that tasks hold (kernel/locking/lockdep.c).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vexlab.vm.machine import Machine

OPTION = "LOCKDEP"
_LOOK_S = 30.0
_LOOK = "cat /proc/lockdep_stats; echo d >/proc/sysrq-trigger"
#  lock-classes:                         1432 [max: 8192]       debug_locks:                             1
_COUNT = re.compile(r"^ ([\w ()-]+):\s+(\d+)", re.MULTILINE)
# 2 locks held by touch/289:
_HOLDER = re.compile(r"\d+ locks? held by (?P<task>\S.*)/(?P<pid>\d+):")
#  #0: ffff888004c3a5d8 (&sb->s_type->i_mutex_key#9){++++}-{3:3}, at: vexfs_rmdir+0x34/0x120 [vexfs]
_HELD = re.compile(r"#\d+: \S+ \((?P<lock>.+)\)\{.*, at: (?P<where>\S+)(?: \[(?P<module>[\w-]+)\])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLock:
    """A lock that a task holds; ``where`` is the function that took it, of ``module`` ("" for the kernel itself)."""

    task: str
    lock: str
    where: str
    module: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LockState:
    """``looking`` is false where lockdep has switched itself off, as it does with its first report."""

    looking: bool
    classes: int
    chains: int
    held: tuple[HeldLock, ...]


def read_locks(machine: Machine) -> LockState | None:
    """Ask the guest; ``None`` where its kernel has no lockdep. The kernel prints on the console."""
    start = machine.console.size
    result = machine.ash(_LOOK, timeout=_LOOK_S)
    return parse_locks(result.text, machine.console.text(start)) if result.ok else None


def parse_locks(stats: str, console: str) -> LockState:
    """Read ``/proc/lockdep_stats`` and what the system request printed."""
    counts = {name.strip(): int(value) for name, value in _COUNT.findall(stats)}
    held, task = [], ""
    for line in console.splitlines():
        if match := _HOLDER.search(line):
            task = match["task"]
        elif task and (match := _HELD.search(line)):
            held.append(HeldLock(task=task, lock=match["lock"], where=match["where"], module=match["module"] or ""))
    return LockState(
        looking=counts.get("debug_locks", 1) == 1,
        classes=counts.get("lock-classes", 0),
        chains=counts.get("dependency chains", 0),
        held=tuple(held),
    )

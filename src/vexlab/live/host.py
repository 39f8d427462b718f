"""What this host gives to machines: processors, memory, disk, network; and what one machine takes of it."""

from __future__ import annotations

import os
import re
import stat
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_TAIL_MOST = 64 << 10
_MACHINE = re.compile(r"m\d+")  # a machine's folder: "m12"
_SESSION = "vexlab-"  # how the folder of a process's machines begins


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUse:
    """The host's resources now; sizes in bytes, ``cpu`` in percent of all processors, rates in bytes a second."""

    cores: int
    cpu: float
    load: float
    memory: int
    memory_free: int
    swap_used: int
    disk: int
    disk_free: int
    disk_read: float = 0.0
    disk_written: float = 0.0
    received: float = 0.0
    sent: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineUse:
    """What a machine takes: ``cpu`` in percent of one processor, ``memory`` in bytes, as the host counts it."""

    cpu: float
    memory: int


class HostWatch:
    """Looks at the host again and again; rates are those since the look before. ``place`` names the disk."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._last = time.monotonic()
        self._counted = _counted()
        psutil.cpu_percent(None)

    def look(self) -> HostUse:
        """Return what the host is like now."""
        now, counted = time.monotonic(), _counted()
        passed = max(now - self._last, 1e-3)
        rates = [(new - old) / passed for new, old in zip(counted, self._counted, strict=True)]
        self._last, self._counted = now, counted
        memory = psutil.virtual_memory()
        disk = psutil.disk_usage(str(self._place))
        return HostUse(
            cores=psutil.cpu_count() or 1,
            cpu=psutil.cpu_percent(None),
            load=os.getloadavg()[0],
            memory=memory.total,
            memory_free=memory.available,
            swap_used=psutil.swap_memory().used,
            disk=disk.total,
            disk_free=disk.free,
            disk_read=rates[0],
            disk_written=rates[1],
            received=rates[2],
            sent=rates[3],
        )


def _counted() -> tuple[int, int, int, int]:
    disk, net = psutil.disk_io_counters(), psutil.net_io_counters()
    return (
        disk.read_bytes if disk else 0,
        disk.write_bytes if disk else 0,
        net.bytes_recv if net else 0,
        net.bytes_sent if net else 0,
    )


class MachineWatch:
    """Looks at QEMU processes again and again."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str], psutil.Process] = {}

    def look(self, pid: int, console: str) -> MachineUse | None:
        """Return what the machine takes whose console is the file ``console``; ``None`` where it is not there.

        A journal may be older than the process that has the number now, so the command line decides.
        """
        key = (pid, console)
        try:
            process = self._seen.get(key)
            if process is None:
                process = psutil.Process(pid)
                if not any(str(Path(console).parent) in word for word in process.cmdline()):
                    return None
                self._seen = {**{k: v for k, v in self._seen.items() if v.is_running()}, key: process}
            return MachineUse(cpu=process.cpu_percent(None), memory=process.memory_info().rss)
        except (psutil.Error, ValueError):
            self._seen.pop(key, None)
            return None


def console_tail(console: str, most: int = _TAIL_MOST) -> str:
    """Return the end of what a machine's guest printed; empty where its console is gone.

    The path comes from a journal, which anybody may have written: it is read only where it is a regular file of that
    name in the folder of a machine that belongs to us, and never through a link.
    """
    file = Path(console)
    machine = file.parent
    if (
        file.name != "console.log"
        or not _MACHINE.fullmatch(machine.name)
        or not machine.parent.name.startswith(_SESSION)
    ):
        return ""
    try:
        if not _is_ours(machine.parent) or not _is_ours(machine):
            return ""
        number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return ""
    try:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            return ""
        return os.pread(number, most, max(0, status.st_size - most)).decode(errors="replace")
    finally:
        os.close(number)


def _is_ours(folder: Path) -> bool:
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()

"""The process of a QEMU that works in a machine's folder: whether it runs, its monitor, its end, what it said."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from vexlab import process
from vexlab.deadline import Deadline
from vexlab.errors import InfraError, MachineLost
from vexlab.vm.argv import MachineFiles
from vexlab.vm.commands import CONNECT_S
from vexlab.vm.qemu import find_qemu
from vexlab.vm.qmp import Qmp

_LOG = "qemu.log"


Child = subprocess.Popen[bytes]


def start(files: MachineFiles, arguments: Sequence[str], *, detached: bool) -> Child:
    """Start QEMU with what it prints in the folder's log. Unless ``detached`` it dies with us."""
    prefix = [] if detached else [process.require("setpriv"), "--pdeathsig", "KILL"]
    with (files.folder / _LOG).open("wb") as log:
        return subprocess.Popen(
            [*prefix, find_qemu().path, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is ours to handle, not QEMU's
        )


def running(files: MachineFiles) -> int:
    """Return the process id of the QEMU that works in the folder, 0 where there is none.

    A pid file may be older than the process that has its number now, so the command line decides. A zombie has none.
    """
    with contextlib.suppress(OSError, ValueError):
        pid = int(files.pid.read_text())
        if str(files.qmp).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            return pid
    return 0


def end(files: MachineFiles) -> None:
    """Kill the QEMU that works in the folder, if there is one, without waiting for its end."""
    if pid := running(files):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def connect(files: MachineFiles, child: Child) -> Qmp:
    """Return QEMU's monitor once it listens; raise ``InfraError`` where QEMU ends before, or does not start."""
    for _ in Deadline.after(CONNECT_S).poll(0.002, 0.01):
        if files.qmp.exists():
            with contextlib.suppress(MachineLost):
                return Qmp(files.qmp, Deadline.after(CONNECT_S))
        if child.poll() is not None:
            break
    raise InfraError(f"QEMU did not start{last_words(files)}", hint="`vexlab doctor` checks QEMU and the machine")


def last_words(files: MachineFiles) -> str:
    """Return what QEMU printed, after a colon; empty where it printed nothing."""
    with contextlib.suppress(OSError):
        words = (files.folder / _LOG).read_text(errors="replace").strip()[-1000:]
        return f": {words}" if words else ""
    return ""

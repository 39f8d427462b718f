"""A process that outlives us and clears up what we leave behind, however we end.

It runs in a session of its own and holds one end of a pipe. When the other end closes, because we ended well or because
somebody sent us SIGKILL, it ends every QEMU that works in a folder and removes the folder.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

_KEEP = b"keep"
_END_S = 30.0

# Self-contained and run isolated: it must come up fast and work while the rest of us is gone.
_SCRIPT = """
import os, shutil, signal, sys, time
folder, remove = sys.argv[1], sys.argv[2] == "remove"
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if sys.stdin.buffer.read() == b"keep":
    sys.exit()
def working_there():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = open(f"/proc/{pid}/cmdline", "rb").read()
        except OSError:
            continue
        if (folder + "/").encode() in command and int(pid) != os.getpid():
            yield int(pid)
for attempt in range(100):
    found = list(working_there())
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    if remove:
        shutil.rmtree(folder, ignore_errors=True)
    elif not found and os.path.exists(folder + "/qemu.pid"):
        os.unlink(folder + "/qemu.pid")
    if not found and not (remove and os.path.exists(folder)):
        break
    time.sleep(0.05)
"""


class Janitor:
    """Watches over ``folder`` until ``close`` or ``dismiss``; without ``remove`` it ends QEMU but leaves the files."""

    def __init__(self, folder: Path, *, remove: bool = True) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _SCRIPT, str(folder), "remove" if remove else "leave"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def close(self) -> None:
        """Clear up now and wait until it is done; after ``dismiss`` this does nothing."""
        self._process.communicate(timeout=_END_S)

    def dismiss(self) -> None:
        """Leave everything as it is: the machine may live on."""
        self._process.communicate(_KEEP, timeout=_END_S)


_ON_DEATH = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
if sys.stdin.buffer.read() != b"keep":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
"""


class OnDeath:
    """Runs a host command if this process is killed before the context ends; ``argv[0]`` is a path."""

    def __init__(self, argv: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _ON_DEATH, *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(_KEEP, timeout=_END_S)

"""The program that the janitor starts: it clears up when the process that holds the other end of its input is gone.

``clearing.py FOLDER remove|leave``: unless "keep" comes on standard input, ends every QEMU that works in FOLDER, and
removes the folder or leaves it. Self-contained and run isolated (``python -I -S``): it must come up fast and work while
the rest of us is gone.
"""

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator

_PASSES, _PAUSE_S = 100, 0.05


def _working_in(folder: str) -> Iterator[int]:
    """Yield the ids of the processes whose command names a file of the folder."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                command = file.read()
        except OSError:
            continue
        if (folder + "/").encode() in command and int(pid) != os.getpid():
            yield int(pid)


def _clear(folder: str, *, remove: bool) -> None:
    for _ in range(_PASSES):
        found = list(_working_in(folder))
        for pid in found:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if remove:
            shutil.rmtree(folder, ignore_errors=True)
        elif not found and os.path.exists(folder + "/qemu.pid"):
            os.unlink(folder + "/qemu.pid")
        if not found and not (remove and os.path.exists(folder)):
            break
        time.sleep(_PAUSE_S)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() != b"keep":
        _clear(sys.argv[1], remove=sys.argv[2] == "remove")

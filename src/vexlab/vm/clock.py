"""A machine's own time: the host's clock less the time in which the machine wanted a CPU of the host and got none.

On a busy host a guest is slow without any fault of the module's. Limits and durations are therefore counted in this
time. A guest that waits wants no CPU, so a deadline still comes; one that spins wants it all the time, so this time
never goes slower than ``SLOWEST`` of the host's.
"""

from __future__ import annotations

import contextlib
import os
import time

SLOWEST = 0.5  # a deadline of 20 s comes after 40 s of the host's at the latest
_OWED_MOST_S = 5.0
_EVERY_S = 0.05  # a wait asks for the time a thousand times a second; reading the threads' files costs 0.1 ms


class MachineClock:
    """Callable like ``time.monotonic``, in seconds; never goes back, and never goes faster than that."""

    def __init__(self, pid: int) -> None:
        self._delays = _RunDelays(pid)
        self._waited = 0.0  # what was taken off so far
        self._owed = 0.0  # waited and not taken off yet: a wait may be told of late
        self._seen: float | None = None
        self._first = 0.0
        self._last_unbounded = float("-inf")
        self._read_at = float("-inf")
        self._last = float("-inf")
        self._stood = 0.0  # how long it was left out, in all
        self._stands: float | None = None  # since when it is

    def stand(self) -> None:
        """Stand still until ``go``: somebody looks into the machine, and no limit is to come meanwhile."""
        self()
        if self._stands is None:
            self._stands = time.monotonic()

    def go(self) -> None:
        """Go on; what the machine did meanwhile has taken no time."""
        if self._stands is not None:
            self._stood += time.monotonic() - self._stands
            self._stands = None

    def __call__(self) -> float:
        """Return the time now."""
        if self._stands is not None:
            return self._last
        now = time.monotonic()
        if now - self._read_at >= _EVERY_S:
            self._take_off(now)
        self._last = max(self._last, now - self._waited - self._stood)
        return self._last

    def unbounded(self) -> float:
        """Return the time less all waiting, for durations: no deadline rests on it, so nothing hurries it."""
        now = self()
        waited = (self._seen or 0.0) - self._first
        self._last_unbounded = max(self._last_unbounded, now + self._waited - waited)
        return self._last_unbounded

    def _take_off(self, now: float) -> None:
        total = max(self._seen or 0.0, self._delays.longest(now))
        if self._seen is not None:
            self._owed = min(self._owed + total - self._seen, _OWED_MOST_S)
            taken = min(self._owed, (1 - SLOWEST) * (now - self._read_at))
            self._owed -= taken
            self._waited += taken
        else:
            self._first = total
        self._seen = total
        self._read_at = now


class _RunDelays:
    """How long the threads of a process have stood in a run queue: Documentation/scheduler/sched-stats.rst.

    The kernel adds a wait to a thread's schedstat when it is over. A wait that goes on is known by a thread that wants
    to run (``R``) and has used no CPU time since it was last looked at.
    """

    def __init__(self, pid: int) -> None:
        self._tasks = f"/proc/{pid}/task"
        self._seen: dict[str, tuple[bytes, float]] = {}  # by thread: its schedstat, and since when it wants to run so

    def longest(self, now: float) -> float:
        """Return the seconds the most delayed thread has waited until ``now``, 0 if unknown."""
        longest = 0.0
        with contextlib.suppress(OSError):  # QEMU is gone
            for task in os.listdir(self._tasks):  # noqa: PTH208 - twenty times a second
                with contextlib.suppress(OSError, IndexError, ValueError):
                    longest = max(longest, self._waited(task, now))
        return longest

    def _waited(self, task: str, now: float) -> float:
        # 5837462 7467116278 5906: time on the CPU, time in the queue (both in nanoseconds), number of time slices
        counts = _read(f"{self._tasks}/{task}/schedstat")
        before, since = self._seen.get(task, (b"", now))
        # 4711 (CPU 0/TCG) R 4700 ...: the name may hold anything but ends at the last bracket
        runnable = counts == before and _read(f"{self._tasks}/{task}/stat").rpartition(b")")[2].split()[0] == b"R"
        if not runnable:
            since = now
        self._seen[task] = (counts, since)
        return int(counts.split()[1]) / 1e9 + now - since


def _read(path: str) -> bytes:
    """Return the start of a file of /proc, without a buffer, which would cost more than the file."""
    file = os.open(path, os.O_RDONLY)
    try:
        return os.read(file, 512)
    finally:
        os.close(file)

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
        self._tasks = f"/proc/{pid}/task"
        self._waited = 0.0  # what was taken off so far
        self._owed = 0.0  # waited and not taken off yet: the kernel tells of a wait only when it is over
        self._seen: float | None = None
        self._first = 0.0
        self._last_unbounded = float("-inf")
        self._read_at = float("-inf")
        self._last = float("-inf")

    def __call__(self) -> float:
        """Return the time now."""
        now = time.monotonic()
        if now - self._read_at >= _EVERY_S:
            self._take_off(now)
        self._last = max(self._last, now - self._waited)
        return self._last

    def unbounded(self) -> float:
        """Return the time less all waiting, for durations: no deadline rests on it, so nothing hurries it."""
        now = self()
        waited = (self._seen or 0.0) - self._first
        self._last_unbounded = max(self._last_unbounded, now + self._waited - waited)
        return self._last_unbounded

    def _take_off(self, now: float) -> None:
        total = max(self._seen or 0.0, _longest_run_delay(self._tasks))
        if self._seen is not None:
            self._owed = min(self._owed + total - self._seen, _OWED_MOST_S)
            taken = min(self._owed, (1 - SLOWEST) * (now - self._read_at))
            self._owed -= taken
            self._waited += taken
        else:
            self._first = total
        self._seen = total
        self._read_at = now


def _longest_run_delay(tasks: str) -> float:
    """Return the seconds the most delayed thread has stood in a run queue, 0 if unknown.

    Documentation/scheduler/sched-stats.rst; files of /proc are read without buffers, which would cost more than they.
    """
    longest = 0
    with contextlib.suppress(OSError):  # QEMU is gone
        for task in os.listdir(tasks):  # noqa: PTH208 - twenty times a second
            # 5837462 7467116278 5906: time on the CPU, time in the queue (both in nanoseconds), number of time slices
            with contextlib.suppress(OSError, IndexError, ValueError):
                file = os.open(f"{tasks}/{task}/schedstat", os.O_RDONLY)
                try:
                    longest = max(longest, int(os.read(file, 128).split()[1]))
                finally:
                    os.close(file)
    return longest / 1e9

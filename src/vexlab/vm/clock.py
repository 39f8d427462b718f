"""A machine's own time: the host's clock less the time in which the machine wanted a CPU of the host and got none.

On a busy host a guest is slow without any fault of the module's. Limits and durations are therefore counted in this
time. A guest that waits or hangs wants no CPU, so a deadline still comes.
"""

from __future__ import annotations

import contextlib
import os
import time

_EVERY_S = 0.05  # a wait asks for the time a thousand times a second; reading the threads' files costs 0.1 ms


class MachineClock:
    """Callable like ``time.monotonic``, in seconds; never goes back, and never goes faster than that."""

    def __init__(self, pid: int) -> None:
        self._tasks = f"/proc/{pid}/task"
        self._waited = 0.0
        self._read_at = float("-inf")
        self._last = float("-inf")

    def __call__(self) -> float:
        """Return the time now."""
        now = time.monotonic()
        if now - self._read_at >= _EVERY_S:
            self._read_at = now
            self._waited = max(self._waited, _longest_run_delay(self._tasks))
        self._last = max(self._last, now - self._waited)
        return self._last


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

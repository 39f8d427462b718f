"""A machine's own time: the host's clock less the time in which the machine wanted a CPU of the host and got none.

On a busy host a guest is slow without any fault of the module's. Limits and durations are therefore counted in this
time. A guest that waits or hangs wants no CPU, so a deadline still comes.
"""

from __future__ import annotations

import time
from pathlib import Path

_EVERY_S = 0.05  # a wait asks for the time a thousand times a second; reading the threads' files costs 0.1 ms


class MachineClock:
    """Callable like ``time.monotonic``, in seconds; never goes back, and never goes faster than that."""

    def __init__(self, pid: int) -> None:
        self._tasks = Path(f"/proc/{pid}/task")
        self._waited = 0.0
        self._read_at = float("-inf")
        self._last = float("-inf")

    def __call__(self) -> float:
        """Return the time now."""
        now = time.monotonic()
        if now - self._read_at >= _EVERY_S:
            self._read_at = now
            self._waited = max(self._waited, *(_run_delay(task) for task in _listed(self._tasks)), 0.0)
        self._last = max(self._last, now - self._waited)
        return self._last


def _listed(tasks: Path) -> list[Path]:
    try:
        return list(tasks.iterdir())
    except OSError:  # QEMU is gone
        return []


def _run_delay(task: Path) -> float:
    """Return the seconds a thread has stood in a run queue (Documentation/scheduler/sched-stats.rst), 0 if unknown."""
    try:
        # 5837462 7467116278 5906: time on the CPU, time in the queue (both in nanoseconds), number of time slices
        return int((task / "schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0

"""The end of a kernel is noticed while a command is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable

from vexlab.errors import MachineLost

# How long a command may go on once the kernel reported a crash: long enough for its end and the report's last line.
_GRACE_S = 2.0
_GRACE_AFTER_PANIC_S = 0.4
_PANIC = "Kernel panic - not syncing"


class DeathWatch:
    """Reads the console while a command runs and ends the wait soon after the kernel has died.

    An oops may leave the command's process dead and a lock held, so nothing would ever answer; without this the case
    would sit out its deadline. What the kernel survives, a WARNING or a lockdep report, ends nothing: worse may come.
    ``fatal`` returns the title of what ends a kernel in a text, "" for nothing (``vexlab.classify``).
    """

    def __init__(self, fatal: Callable[[str], str]) -> None:
        self._fatal = fatal
        self._died = ""
        self._until = 0.0

    def __call__(self, text: str) -> None:
        """Look at new console text; raise ``MachineLost`` where the kernel died and its grace is over."""
        if text and not self._died and (found := self._fatal(text)):
            self._died = found
            self._until = time.monotonic() + _GRACE_S
        if self._died and _PANIC in text:
            self._until = min(self._until, time.monotonic() + _GRACE_AFTER_PANIC_S)
        if self._died and time.monotonic() > self._until:
            raise MachineLost(f"the kernel died: {self._died}")

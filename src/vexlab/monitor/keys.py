"""Single keys of a terminal, without waiting for the end of a line. The terminal is left as it was found."""

from __future__ import annotations

import os
import select
import termios
import tty
from types import TracebackType
from typing import Any, Self

# What terminals send for the arrow keys, in normal and in application mode (XTerm Control Sequences).
_NAMES = {b"\x1b[A": "up", b"\x1bOA": "up", b"\x1b[B": "down", b"\x1bOB": "down"}
_ALSO = {"k": "up", "j": "down"}


class Keys:
    """Reads keys of the terminal behind the file descriptor ``number`` while the context lasts."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._before: list[Any] | None = None

    def __enter__(self) -> Self:
        if os.isatty(self._number):
            self._before = termios.tcgetattr(self._number)
            tty.setcbreak(self._number)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            termios.tcsetattr(self._number, termios.TCSADRAIN, self._before)

    def wait(self, seconds: float) -> str:
        """Return a key that is pressed within ``seconds``, such as ``q``, ``up`` or ``down``; empty where none is."""
        ready, _, _ = select.select([self._number] if self._before is not None else [], [], [], seconds)
        if not ready:
            return ""
        data = os.read(self._number, 16)
        if not data:
            return "q"
        name = _NAMES.get(data) or data[:1].decode(errors="replace")
        return _ALSO.get(name, name)

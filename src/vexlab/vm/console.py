"""The guest's console as a file that grows: read from where one left off, bounded, decoded with replacement."""

from __future__ import annotations

import re
from pathlib import Path

_MOST = 16 << 20

# Control sequences (ECMA-48: CSI, and the strings OSC, DCS, PM, APC, SOS), such as "\x1b[31m" or "\x1b]0;title\x07".
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
)
# What is left of control characters, and what turns the direction of text (Unicode bidirectional algorithm).
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Return what a guest printed in a form that cannot command the reader's terminal.

    Control sequences go, carriage returns before a line's end too; other control characters are shown as ``\\x1b``.
    """
    plain = _SEQUENCE.sub("", text.replace("\r\n", "\n"))
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], plain)


class Console:
    """A reader of a console log. QEMU writes the file itself, so it is whole even after our own death."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._offset = 0

    def new(self) -> str:
        """Return what was printed since the last call, up to the last whole line and at most 16 MiB."""
        try:
            with self.file.open("rb") as log:
                log.seek(self._offset)
                data = log.read(_MOST)
        except FileNotFoundError:
            return ""
        end = data.rfind(b"\n") + 1
        if len(data) == _MOST and not end:
            end = _MOST  # a line without end must not stop us for ever
        self._offset += end
        return data[:end].decode(errors="replace")

    def so_far(self) -> str:
        """Return what was printed up to now, bounded as ``text`` is; ``new`` goes on from there."""
        self._offset = self.size
        return self.text(end=self._offset) if self._offset else ""

    @property
    def size(self) -> int:
        """Bytes printed so far."""
        return self.file.stat().st_size if self.file.exists() else 0

    def text(self, start: int = 0, end: int | None = None) -> str:
        """Return the text between two byte offsets; of more than 16 MiB only the beginning and the end."""
        size = self.size if end is None else end
        with self.file.open("rb") as log:
            log.seek(start)
            if size - start <= _MOST:
                return log.read(size - start).decode(errors="replace")
            head = log.read(_MOST // 2)
            log.seek(size - _MOST // 2)
            tail = log.read(_MOST // 2)
        dropped = size - start - _MOST
        return f"{head.decode(errors='replace')}\n[{dropped} bytes dropped]\n{tail.decode(errors='replace')}"

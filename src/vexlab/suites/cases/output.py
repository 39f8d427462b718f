"""What a suite printed: all of it, or beginning and end where it is too much. How a test ended stands at the end."""

from __future__ import annotations

_HEAD_MOST = 16 << 20  # bytes
_TAIL_MOST = 1 << 20


class Output:
    """Takes output as it comes."""

    def __init__(self, head: int = _HEAD_MOST, tail: int = _TAIL_MOST) -> None:
        self._head_most, self._tail_most = head, tail
        self._head = bytearray()
        self._tail = bytearray()
        self._lost = 0

    def take(self, _stream: int, data: bytes) -> None:
        """Keep ``data``, or what there is room for."""
        room = max(0, self._head_most - len(self._head))
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * self._tail_most:
            self._shorten()

    def said(self) -> bytes:
        """Return what was kept; a line of its own says how much is missing in between."""
        if len(self._tail) > self._tail_most:
            self._shorten()
        missing = f"\nvexlab: {self._lost} bytes are left out here\n".encode() if self._lost else b""
        return bytes(self._head) + missing + bytes(self._tail)

    def _shorten(self) -> None:
        gone = len(self._tail) - self._tail_most
        del self._tail[:gone]
        self._lost += gone

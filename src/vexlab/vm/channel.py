"""A line-oriented JSON channel over a unix socket, read under deadlines: what QMP and the guest agent share."""

from __future__ import annotations

import contextlib
import json
import select
import socket
from collections.abc import Callable
from pathlib import Path

from vexlab.deadline import Deadline
from vexlab.errors import GuestTimeout, MachineLost

_TICK = 0.05
_REASON_S = 0.5
_MOST = 96 << 20  # a guest must not fill our memory with one endless line


class Channel:
    """One connection. ``idle`` is called while waiting, at least every 50 ms; it may raise to end the wait."""

    def __init__(self, path: Path, deadline: Deadline, *, idle: Callable[[], None] | None = None) -> None:
        self.idle = idle
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._buffer = bytearray()
        self._searched = 0
        for _ in deadline.poll(0.001, 0.02):
            with contextlib.suppress(FileNotFoundError, ConnectionRefusedError, BlockingIOError):
                self._socket.connect(str(path))
                return
            if idle:
                idle()
        raise MachineLost(f"nobody listens on {path}")

    def send(self, data: bytes) -> None:
        """Send ``data``; raise ``MachineLost`` where the other side is gone."""
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise lost_connection(self._path.name, str(error), self.idle) from error

    def send_json(self, message: object, *, descriptors: tuple[int, ...] = ()) -> None:
        """Send a message as one line, with file descriptors where given."""
        data = json.dumps(message).encode() + b"\n"
        if descriptors:
            socket.send_fds(self._socket, [data], list(descriptors))
        else:
            self.send(data)

    def line(self, deadline: Deadline) -> bytes:
        """Return the next line without its end; raise ``GuestTimeout`` or ``MachineLost``."""
        while True:
            end = self._buffer.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                self._searched = 0
                return line
            self._searched = len(self._buffer)
            if self._searched > _MOST:
                raise MachineLost(f"{self._path.name} sent a line of more than {_MOST >> 20} MiB")
            self._receive(deadline)

    def pending(self) -> list[bytes]:
        """Return complete lines that have arrived, without waiting."""
        with contextlib.suppress(ConnectionError):
            while select.select([self._socket], [], [], 0)[0] and (data := self._socket.recv(1 << 16)):
                self._buffer += data
        *lines, rest = bytes(self._buffer).split(b"\n")
        self._buffer = bytearray(rest)
        self._searched = 0
        return lines

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _receive(self, deadline: Deadline) -> None:
        ready, _, _ = select.select([self._socket], [], [], min(_TICK, deadline.remaining))
        if not ready:
            if self.idle:
                self.idle()
            if deadline.expired:
                raise GuestTimeout(f"no answer on {self._path.name} in time")
            return
        try:
            data = self._socket.recv(1 << 20)
        except OSError as error:
            raise lost_connection(self._path.name, str(error), self.idle) from error
        if not data:
            raise lost_connection(self._path.name, "closed by QEMU", self.idle)
        self._buffer += data


def lost_connection(name: str, why: str, idle: Callable[[], None] | None) -> MachineLost:
    """Return the error for a broken connection, unless ``idle`` soon knows a better reason and raises it."""
    for _ in Deadline.after(_REASON_S).poll():
        if idle:
            idle()
    return MachineLost(f"the connection {name} broke: {why}")

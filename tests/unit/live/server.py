"""A real server on loopback, in a thread, and a client that shows what came."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from vexlab.results.store import Store
from vexlab.serve.app import application
from vexlab.serve.guard import Access
from vexlab.serve.server import Listen, server

LOCAL = Access(hosts=frozenset({"localhost", "127.0.0.1"}))


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(frozen=True)
class Client:
    """Asks the server behind ``port``."""

    port: int

    def ask(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body or None, named)
            answer = connection.getresponse()
            lowered = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, lowered, answer.read())
        finally:
            connection.close()

    def raw(self, data: bytes) -> socket.socket:
        """Return a connection on which ``data`` was sent."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        made.sendall(data)
        return made

    def stream(self, run: str) -> socket.socket:
        """Return a connection on which the states of a run come."""
        return self.raw(f"GET /live/{run}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())


@contextmanager
def serving(store: Store, access: Access = LOCAL, metrics: object = None) -> Iterator[Client]:
    """Serve ``store`` while the context lasts."""
    made = server(application(store, access, metrics), Listen(port=0))  # type: ignore[arg-type]
    made.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    until = time.monotonic() + 60
    while not made.started and time.monotonic() < until:
        time.sleep(0.01)
    try:
        yield Client(made.servers[0].sockets[0].getsockname()[1])
    finally:
        made.should_exit = made.force_exit = True
        thread.join(60)

"""uvicorn with limits: who does not send a request to its end, or does not read the answer, is let go."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_S = 10.0  # for the head of a request
IDLE_S = 15
CONNECTIONS_MOST = 600


class Impatient(H11Protocol):
    """A connection on which each request must come in whole within ``REQUEST_S`` seconds."""

    _limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came; what is no whole request yet does not buy more time."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self._limit is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._limit = self.loop.call_later(REQUEST_S, self._give_up)

    def _stop(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _give_up(self) -> None:
        self._limit = None
        if (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
            self.transport.abort()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where to listen; ``cert`` and ``key`` are files for TLS."""

    address: str = "127.0.0.1"
    port: int = 8642
    cert: Path | None = None
    key: Path | None = None


def server(app: ASGIApp, listen: Listen) -> uvicorn.Server:
    """Return the server, which ``run`` starts."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=listen.address,
            port=listen.port,
            http=Impatient,
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=True,
            proxy_headers=False,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=2,
            limit_concurrency=CONNECTIONS_MOST,
            ssl_certfile=str(listen.cert) if listen.cert else None,
            ssl_keyfile=str(listen.key) if listen.key else None,
        )
    )

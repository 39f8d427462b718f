"""The application: addresses, errors, the stream of a live run, artifacts. Everything is read; nothing is written."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from importlib.resources import files
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from vexlab.errors import UsageError, VexlabError
from vexlab.live.attach import attach, replay
from vexlab.live.host import console_tail
from vexlab.results.store import Store
from vexlab.serve.artifacts import is_text, open_artifact
from vexlab.serve.data import Data
from vexlab.serve.guard import COOKIE, LOGIN, Access, Guard
from vexlab.serve.pages import Pages
from vexlab.serve.render import page, script, style
from vexlab.serve.stream import Streams
from vexlab.vm.console import printable

_CHUNK = 1 << 16
_LOGIN_MOST = 4096
_LOGIN_S = 5.0
_WRONG_S = 0.5  # a wrong token costs as much
Page = Callable[[Request], Response]


def application(store: Store, allowed: Access, metrics: Callable[[], tuple[bytes, str]] | None = None) -> ASGIApp:
    """Return the application over ``store``; ``metrics`` gives what ``/metrics`` answers, and its type."""
    data = Data(store)
    threading.Thread(target=data.warm, name="vexlab-warm", daemon=True).start()
    pages = Pages(data)
    server = _Server(store, data, pages, allowed, metrics)
    plain = {
        "/": pages.overview,
        "/runs": pages.runs,
        "/commits": pages.commits,
        "/run": pages.run,
        "/case": pages.case,
        "/problems": pages.problems,
        "/problem": pages.problem,
        "/trends": pages.trends,
        "/compare": pages.compare,
        "/search": pages.search,
        "/live": pages.live,
        "/live/{run}": pages.live,
        "/live/{run}/console": server.console,
        "/artifact": server.artifact,
        "/metrics": server.metrics,
        "/healthz": server.health,
        "/static/serve.css": server.style,
        "/static/live.js": server.script,
        "/static/icon.svg": server.icon,
    }
    routes = [Route(path, answer) for path, answer in plain.items()]
    routes += [
        Route("/live/{run}/events", server.events),
        Route(LOGIN, server.login, methods=["GET", "POST"]),
    ]
    made = Starlette(routes=routes, exception_handlers={VexlabError: _refused, HTTPException: _missing})
    return Guard(made, allowed)


class _Server:
    """What is answered besides pages."""

    def __init__(
        self,
        store: Store,
        data: Data,
        pages: Pages,
        allowed: Access,
        metrics: Callable[[], tuple[bytes, str]] | None,
    ) -> None:
        self._store = store
        self._data = data
        self._pages = pages
        self._access = allowed
        self._metrics = metrics
        self._streams = Streams(store)

    async def events(self, request: Request) -> Response:
        """Stream the states of a run."""
        if self._streams.full:
            return PlainTextResponse("too many streams are open\n", 503, {"retry-after": "10"})
        run = await run_in_threadpool(lambda: attach(self._store, request.path_params["run"]).run.id)
        return StreamingResponse(
            self._streams.states(run), media_type="text/event-stream", headers={"x-accel-buffering": "no"}
        )

    def console(self, request: Request) -> Response:
        """Answer the end of a machine's console, by the name that the run's journal gives it."""
        attached = attach(self._store, request.path_params["run"])
        machine = replay(attached.file).machines.get(request.query_params.get("machine", ""))
        return PlainTextResponse(printable(console_tail(machine.console)) if machine else "")

    def artifact(self, request: Request) -> Response:
        """Answer a file of a case's evidence: as plain text, or as a file to keep."""
        asked = request.query_params
        run = self._store.info(asked.get("run", ""))
        case = self._data.case(run.id, asked.get("case", ""))
        folder = self._pages.evidence(run.id, case.evidence) if case else None
        opened = open_artifact(folder, asked.get("id", "")) if folder else None
        if opened is None:
            raise HTTPException(404)
        artifact, number = opened
        headers = {"content-security-policy": "default-src 'none'; sandbox", "content-length": str(artifact.size)}
        kind = "text/plain; charset=utf-8"
        if not is_text(number):
            kind = "application/octet-stream"
            headers["content-disposition"] = f'attachment; filename="{artifact.id}.bin"'
        return StreamingResponse(_bytes(number, artifact.size), media_type=kind, headers=headers)

    def metrics(self, _request: Request) -> Response:
        """Answer the metrics in the format that is asked for by Prometheus."""
        if self._metrics is None:
            raise HTTPException(404)
        body, kind = self._metrics()
        return Response(body, media_type=kind)

    def health(self, _request: Request) -> Response:
        """Say that the store can be read."""
        self._data.runs(most=1)
        return PlainTextResponse("ok\n")

    def style(self, _request: Request) -> Response:
        """Answer the style."""
        return Response(style(), media_type="text/css", headers=_KEPT)

    def script(self, _request: Request) -> Response:
        """Answer the script."""
        return Response(script(), media_type="text/javascript", headers=_KEPT)

    def icon(self, _request: Request) -> Response:
        """Answer the icon."""
        return Response(_ICON.read_bytes(), media_type="image/svg+xml", headers=_KEPT)

    async def login(self, request: Request) -> Response:
        """Take a token and give the cookie for it."""
        if request.method != "POST":
            return page("login.html", wrong=False)
        token = await _token_in(request)
        if not self._access.token or not self._access.is_token(token):
            await asyncio.sleep(_WRONG_S)
            return page("login.html", 403, wrong=True)
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE, self._access.ticket, httponly=True, samesite="strict", secure=self._access.tls, max_age=30 * 86400
        )
        return answer


_KEPT = {"cache-control": "private, max-age=300"}
_ICON = files("vexlab.serve") / "static" / "icon.svg"


async def _token_in(request: Request) -> str:
    """Return the field ``token`` of a form that was sent; empty where it is none, too long or too slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(_LOGIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LOGIN_MOST:
                    return ""
    except TimeoutError:
        return ""
    found = parse_qs(body.decode(errors="replace"))
    return found.get("token", [""])[0]


def _bytes(number: int, size: int) -> Iterator[bytes]:
    try:
        left = size
        while left and (data := os.read(number, min(_CHUNK, left))):
            left -= len(data)
            yield data
    finally:
        os.close(number)


def _refused(_request: Request, error: Exception) -> HTMLResponse:
    status = 404 if isinstance(error, UsageError) else 500
    words, hint = (error.message, error.hint) if isinstance(error, VexlabError) else (str(error), "")
    return page(
        "error.html", status, here="", status=status, heading="This cannot be shown", words_said=words, hint=hint
    )


def _missing(_request: Request, error: Exception) -> HTMLResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return page("error.html", status, here="", status=status, heading="There is no such page", words_said="", hint="")

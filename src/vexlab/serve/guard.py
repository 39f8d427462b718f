"""Who may ask, and what a browser may do with the answers."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vexlab.errors import UsageError

COOKIE = "vexlab"
LOGIN = "/login"
_OPEN = (LOGIN, "/static/")  # paths that need no token
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_TOKEN_LEAST = 16
_METHODS = ("GET", "HEAD")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Under which names the server answers, the token that it asks for (empty: none), whether it speaks TLS."""

    hosts: frozenset[str]
    token: str = ""
    tls: bool = False

    def knows(self, host: str) -> bool:
        """Whether a Host header names this server. A name that anybody's DNS points here does not."""
        name = urlsplit(f"//{host}").hostname if host else None
        return name is not None and name.lower() in self.hosts

    @property
    def ticket(self) -> str:
        """The cookie's value: it proves that the token was known, and does not tell it."""
        return hmac.new(self.token.encode(), b"vexlab serve, a browser", hashlib.sha256).hexdigest()

    def is_token(self, given: str) -> bool:
        """Whether ``given`` is the token; takes as long for any other."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def admits(self, headers: Headers) -> bool:
        """Whether a request bears the token, or the cookie that was given for it."""
        if not self.token:
            return True
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.is_token(given.strip())
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return False
        return cookie is not None and hmac.compare_digest(cookie.value.encode(), self.ticket.encode())


def is_loopback(address: str) -> bool:
    """Whether only this host can reach what listens at ``address``."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def access(address: str, names: Iterable[str], token: str, *, tls: bool, plain: bool) -> Access:
    """Return who may ask; raise ``UsageError`` where strangers could read results, or a token, on the way.

    ``names`` are further ones by which the server is reached; ``plain`` says that there need be no TLS.
    """
    if token and len(token) < _TOKEN_LEAST:
        raise UsageError(
            f"the token is shorter than {_TOKEN_LEAST} characters", hint="`openssl rand -hex 32` makes one"
        )
    if not is_loopback(address):
        if not token:
            raise UsageError(
                f"{address} can be reached from elsewhere, which needs a token",
                hint="--token-file FILE, or VEXLAB_SERVE_TOKEN; or bind to 127.0.0.1 and use `ssh -L`",
            )
        if not (tls or plain):
            raise UsageError(
                f"{address} can be reached from elsewhere, which needs TLS: the token would be readable on the way",
                hint="--tls-cert and --tls-key; --no-tls only where another program adds TLS",
            )
    hosts = {name.lower().strip("[]") for name in (*names, *_LOOPBACK_NAMES)}
    try:
        if not ipaddress.ip_address(address).is_unspecified:
            hosts.add(address)
    except ValueError:
        hosts.add(address.lower())
    return Access(hosts=frozenset(hosts), token=token, tls=tls)


class Guard:
    """The outermost layer: refuses what does not come from our own pages, and sets every answer's headers."""

    def __init__(self, app: ASGIApp, allowed: Access) -> None:
        self._app = app
        self._access = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if self._access.tls:
                    headers.setdefault("strict-transport-security", "max-age=31536000")
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, secured)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers, path = Headers(scope=scope), scope["path"]
        if not self._access.knows(headers.get("host", "")):
            return PlainTextResponse("this server is not reached under that name\n", 421)
        posts = scope["method"] == "POST" and path == LOGIN
        if scope["method"] not in _METHODS and not posts:
            return PlainTextResponse("nothing can be changed here\n", 405, {"allow": "GET, HEAD"})
        if posts and not self._same_origin(headers):
            return PlainTextResponse("a form of another site\n", 403)
        if path.startswith(_OPEN) or self._access.admits(headers):
            return None
        if "text/html" in headers.get("accept", ""):
            return RedirectResponse(LOGIN, 303)
        return PlainTextResponse("a token is needed\n", 401, {"www-authenticate": "Bearer"})

    def _same_origin(self, headers: Headers) -> bool:
        site = headers.get("sec-fetch-site", "same-origin")
        origin = headers.get("origin")
        ours = origin is None or (urlsplit(origin).netloc.lower() == headers.get("host", "").lower())
        return site in ("same-origin", "none") and ours

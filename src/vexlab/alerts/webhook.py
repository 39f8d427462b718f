"""Payloads, and how they get to a webhook: signed, again and again where that is of use, without a word of secrets."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from vexlab.alerts.conditions import Alert
from vexlab.errors import InfraError, UsageError
from vexlab.report.content import one_line

log = logging.getLogger(__name__)
SIGNATURE = "X-Vexlab-Signature"
_WAITS_S = (1.0, 4.0, 16.0)
_TIMEOUT_S = 10.0
_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_COLOURS: Mapping[str, str] = {"critical": "#b3261e", "warning": "#d29922"}


def generic(alert: Alert, at: float) -> dict[str, Any]:
    """Return an alert as fields of its own."""
    return {
        "version": 1,
        "status": "firing" if alert.firing else "resolved",
        "name": alert.rule.name,
        "severity": alert.rule.severity,
        "condition": alert.rule.condition,
        "value": alert.value,
        "run": alert.run,
        "target": one_line(alert.target),
        "at": round(at, 3),
    }


def slack(alert: Alert, at: float) -> dict[str, Any]:
    """Return an alert as Slack's incoming webhooks take it; ``&``, ``<`` and ``>`` are escaped as Slack asks for."""
    word = "firing" if alert.firing else "resolved"
    text = f"[{word}] {alert.rule.name}: {alert.target}, run {alert.run}"
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(character, entity)
    colour = _COLOURS.get(alert.rule.severity, "#57606a") if alert.firing else "#116329"
    fields = [
        {"title": "severity", "value": alert.rule.severity, "short": True},
        {"title": "value", "value": f"{alert.value:g}", "short": True},
    ]
    return {"text": one_line(text), "attachments": [{"color": colour, "ts": int(at), "fields": fields}]}


FORMATS: Mapping[str, Callable[[Alert, float], dict[str, Any]]] = {"generic": generic, "slack": slack}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object, **_more: object) -> None:
        """Go nowhere else: what is sent is meant for the address that was given."""


class Webhook:
    """A receiver of alerts; ``secret`` signs each body: HMAC-SHA256 over the time, a point, and the body."""

    def __init__(
        self, url: str, payload: str = "generic", secret: str = "", *, wait: Callable[[float], None] = time.sleep
    ) -> None:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise UsageError("[alerts] webhook_url is no address of a webhook", hint="https://…")
        if payload not in FORMATS:
            raise UsageError(f"[alerts] format: `{payload}`", hint=f"known: {', '.join(FORMATS)}")
        self._url = url
        self._payload = FORMATS[payload]
        self._secret = secret
        self._wait = wait
        self._opener = urllib.request.build_opener(_NoRedirect())

    @property
    def host(self) -> str:
        """The receiver's host: all that may be said of the address, whose path is often a secret."""
        return urlsplit(self._url).hostname or ""

    def send(self, alert: Alert) -> None:
        """Deliver an alert; raise ``InfraError`` where the receiver does not take it."""
        at = time.time()
        body = msgspec.json.encode(self._payload(alert, at))
        why = ""
        for wait in (*_WAITS_S, None):
            why, again = self._once(body, at)
            if not why:
                return
            if not again or wait is None:
                break
            self._wait(wait)
        raise InfraError(f"the alert `{alert.rule.name}` did not reach {self.host}: {why}")

    def _once(self, body: bytes, at: float) -> tuple[str, bool]:
        """Return why it failed, empty where it did not, and whether another attempt is of use."""
        headers = {"Content-Type": "application/json", "User-Agent": "vexlab"}
        if self._secret:
            headers[SIGNATURE] = sign(self._secret, at, body)
        request = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 - http and https only
        try:
            with self._opener.open(request, timeout=_TIMEOUT_S):
                return "", False
        except urllib.error.HTTPError as error:
            return f"status {error.code}", error.code in _AGAIN
        except urllib.error.URLError as error:
            return type(error.reason).__name__ if isinstance(error.reason, Exception) else "no connection", True
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__, True


def sign(secret: str, at: float, body: bytes) -> str:
    """Return the signature's header: ``t=1764340000,v1=…``; a receiver refuses times that are long past."""
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"

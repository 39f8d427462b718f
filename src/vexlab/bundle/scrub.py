"""What must not stand in a bug report: secrets, the user's and the host's names, paths of homes. Pure.

It removes what it can know of. The list of what is inside is printed first, since no filter knows every secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

REMOVED = "[removed]"
_NAME_LEAST = 3  # characters; a shorter name stands in too many words
_COMMON = frozenset(("root", "user", "admin", "debian", "ubuntu", "localhost", "test", "build", "nobody", "daemon"))
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    # -----BEGIN OPENSSH PRIVATE KEY----- … -----END OPENSSH PRIVATE KEY-----
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL), REMOVED),
    # Authorization: Bearer abc    authorization: Basic abc
    (re.compile(r"(?i)(authorization\"?\s*[:=]\s*\"?(?:bearer|basic)\s+)[^\s\"',;]+"), rf"\1{REMOVED}"),
    # https://user:secret@host/path    postgresql+psycopg://user:secret@host
    (re.compile(r"(\w[\w+.-]*://)[^/\s@\"']+@"), rf"\1{REMOVED}@"),
    # webhook_url = "https://hooks.slack.com/services/T/B/x"    VEXLAB_ALERTS_WEBHOOK=https://x
    (re.compile(r"(?i)(\w*webhook\w*\"?\s*[:=]\s*\"?)[^\s\"',;]+"), rf"\1{REMOVED}"),
    (re.compile(r"https://hooks\.[^\s\"']+"), REMOVED),
    # token = "abc"    API_KEY: abc    "password": "abc"    --token=abc    secret_file = "x"
    (
        re.compile(
            r"(?i)([\w-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|credential)[\w-]*"
            r"[\"']?\s*[:=]\s*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s,;&\"']+)"
        ),
        rf"\1{REMOVED}",
    ),
    # ghp_0123456789abcdef0123456789abcdef0123    glpat-0123456789abcdef0123    xoxb-1-2-abc    AKIA0123456789ABCDEF
    (
        re.compile(
            r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|xox[abprs]-[\w-]{8,}"
            r"|AKIA[0-9A-Z]{16}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
        ),
        REMOVED,
    ),
    # someone@example.org, not root@(none) of a guest's prompt
    (re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b"), REMOVED),
    # /home/someone/x    /Users/someone    /var/home/someone
    (re.compile(r"((?:/var)?/home/|/Users/)[^/\s\"':,;)]+"), r"\1USER"),
)


class Scrubber:
    """Replaces what identifies somebody; ``home`` is the user's home, ``names`` are those of user and host."""

    def __init__(self, home: str, names: Iterable[str]) -> None:
        self._home = home.rstrip("/") if home.count("/") > 1 or home == "/root" else ""
        known = sorted({name for name in names if len(name) >= _NAME_LEAST and name.lower() not in _COMMON})
        words = "|".join(re.escape(name) for name in known)
        self._names = re.compile(rf"(?i)(?<![a-z0-9])(?:{words})(?![a-z0-9])") if words else None

    def clean(self, text: str) -> str:
        """Return ``text`` without what must not be told."""
        if self._home:
            text = re.sub(rf"{re.escape(self._home)}(?=[/\s\"':,;)]|$)", "~", text, flags=re.MULTILINE)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return self._names.sub("NAME", text) if self._names else text

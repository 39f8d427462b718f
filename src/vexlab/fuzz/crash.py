"""What fuzzing has found, as values, and when two of them are the same. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from vexlab.model.report import Severity
from vexlab.model.verdict import Finding, Source

_SLUG_MOST = 60
_TYPE = "FUZZ"  # of what no kernel report tells


class Mode(StrEnum):
    """What is tried: ioctls, sequences of calls by several threads, images; or what a syzkaller of the user's tries."""

    IOCTL = "ioctl"
    CALLS = "calls"
    IMAGE = "image"
    SYZKALLER = "syzkaller"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """How often a reproducer was tried in a fresh machine, and how often the same came of it."""

    hits: int = 0
    tries: int = 0

    def __str__(self) -> str:
        return f"{self.hits} of {self.tries}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """A finding with what led to it.

    ``seconds`` and ``programs`` are the campaign's when it was found first; ``count`` is how often it was met.
    ``times`` is how often its reproducer is repeated in one machine: a race needs more than one try.
    """

    title: str
    type: str
    frame: str
    fingerprint: str
    mode: Mode
    seconds: float
    programs: int
    count: int = 1
    seed: int = 0
    times: int = 1
    verified: Verified = Verified()
    parts: int = 0  # operations, or changed bytes, of the reproducer
    parts_before: int = 0
    late: bool = False  # it was seen when the filesystem was unmounted, checked or unloaded
    settled: bool = False  # it was minimised and verified, or that failed

    @property
    def slug(self) -> str:
        """A name for files: words of the title, and a digest of it."""
        words = re.sub(r"[^a-z0-9]+", "_", self.title.lower()).strip("_")[:_SLUG_MOST].rstrip("_")
        return f"{words}_{hashlib.sha256(self.title.encode()).hexdigest()[:6]}"


def wrong_finding(words: str) -> Finding:
    """Return a finding of what a call did to a program, which the kernel does not report."""
    return Finding(title=words, type=_TYPE, severity=Severity.CRASH, text=words, source=Source.AGENT)


def worst(findings: Sequence[Finding]) -> Finding | None:
    """Return the finding that a crash is named after: the gravest, of those the first."""
    rank = (Severity.FATAL, Severity.CRASH, Severity.WARNING)
    return min(findings, key=lambda finding: rank.index(finding.severity), default=None)


def same(crash: Crash, finding: Finding) -> bool:
    """Whether ``finding`` is the crash again: the same title or fingerprint, or the same function is to blame."""
    return (
        crash.title == finding.title
        or bool(crash.fingerprint and crash.fingerprint == finding.fingerprint)
        or bool(crash.frame and crash.frame == finding.frame)
    )

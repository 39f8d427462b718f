"""How fast kernel logs are read, in CPU time, so that other load on the machine counts little."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from pathlib import Path

from bench.row import Row
from vexlab.classify import classify

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "classify"
SIZE = 8_000_000  # characters
ROUNDS = 3
# [   12.345678] ...    (every piece gets seconds of its own, so that none is taken for a copy)
_SECOND = re.compile(r"^\[ *(\d+)\.", re.M)
_CALM = (
    "usb 1-1: new high-speed USB device number 2 using xhci_hcd",
    "demofs (loop0): mounted filesystem 0f4a0a54-4b4d-4d6e-8d4e-ff2c1b2f3d10 r/w with ordered data mode",
    "workqueue: demofs_commit [demofs] hogged CPU for >10000us 4 times, consider switching to WQ_UNBOUND",
    'audit: type=1400 audit(1700000000.123:45): apparmor="STATUS" operation="profile_load" name="x" pid=77',
    "perf: interrupt took too long (2512 > 2500), lowering kernel.perf_event_max_sample_rate to 79500",
    "demofs: INFO: mounted with 3 orphans, replaying",
    "systemd[1]: Started x.service - a service that says WARNING: nothing of note.",
    "loop0: detected capacity change from 0 to 204800",
)


def kernel_logs() -> list[Row]:
    """A clean log, and one of which 15 % are reports."""
    clean, mixed = _speed(_log(0.0)), _speed(_log(0.15))
    return [
        Row("clean kernel log read, CPU time", f"{clean:.0f} MB/s", "≥ 30 MB/s", clean >= 30),
        Row("kernel log of 15 % reports read, CPU time", f"{mixed:.1f} MB/s", "≥ 10 MB/s", mixed >= 10),
    ]


def _speed(text: str) -> float:
    """Megabytes in a second, the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time()
        classify(text, target_modules=["demofs"])
        best = min(best, time.process_time() - begin)
    return len(text) / 1e6 / best


def _log(share: float) -> str:
    """A log with this share of reports among calm lines."""
    reports = itertools.cycle(_reports())
    parts: list[str] = []
    size = reported = 0
    for second in itertools.count(1):
        if reported < share * size:
            piece = next(reports)
            reported += len(piece)
        else:
            piece = _calm()
        parts.append(_later(piece, second * 1000))
        size += len(piece)
        if size >= SIZE:
            return "".join(parts)
    raise AssertionError("unreachable")


def _later(piece: str, seconds: int) -> str:
    return _SECOND.sub(lambda match: f"[{seconds + int(match[1]):6}.", piece)


def _calm() -> str:
    return "".join(f"[    0.{number:06}] {_CALM[number % len(_CALM)]}\n" for number in range(60))


def _reports() -> Iterator[str]:
    for path in sorted(GOLDEN.glob("*/*.log")):
        log = path.read_text().partition("---\n")[2]
        if log.startswith("["):
            yield log

"""What is allowed, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits for ratios of the target to the reference unless said otherwise."""

    cached_rate: float = 0.5
    names_rate: float = 0.2
    synced_rate: float = 0.33
    tail: float = 10.0
    exponent: float = 0.5
    gain: float = 0.4
    memory_per_file: float = 3.0
    left_per_file_bytes: float = 16.0
    mount: float = 20.0
    search: float = 30.0
    vector_kept_bytes: float = 64.0
    requests: float = 1.5
    requests_slack: Mapping[str, int] = field(
        default_factory=lambda: {"reads": 128, "read_sectors": 512, "writes": 32, "write_sectors": 512, "flushes": 8}
    )

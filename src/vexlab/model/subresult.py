"""What a case of many checks says of each of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SubVerdict(StrEnum):
    """What one check means for the target."""

    PASSED = "passed"
    FAILED = "failed"
    REFUSED = "refused"  # the target declares that it does not support it, and says so
    SKIPPED = "skipped"
    BLOCKED = "blocked"  # what it needs is broken, so it could not be made


@dataclass(frozen=True, slots=True, kw_only=True)
class SubResult:
    """One check of a case; ``name`` is unique in the case. ``words`` are one sentence: why it is not simply passed."""

    name: str
    verdict: SubVerdict
    words: str = ""
    duration_s: float = 0.0

"""What runs before one say, as far as a report of that run draws it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A run of the same target. ``started`` is ISO 8601 in UTC.

    ``passed`` of ``decided`` cases (passed, failed or crashed) passed. ``values`` are the metrics of passed cases, by
    the case's id and the metric's name, where the case has the same code as in the run that is reported.
    """

    run: str
    started: str
    passed: int
    decided: int
    revision: str = ""
    values: Mapping[tuple[str, str], float] = field(default_factory=dict)

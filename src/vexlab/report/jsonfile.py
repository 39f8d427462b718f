"""A run as JSON."""

from __future__ import annotations

import msgspec

from vexlab.model.case import RunResult


def render(result: RunResult) -> bytes:
    """Return the run as indented JSON: ``{"run": …, "summary": …, "cases": […]}``."""
    return msgspec.json.format(msgspec.json.encode(result)) + b"\n"

"""What a measurement says: a line of the table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table; ``goal`` is what the project promises, ``reached`` whether this run kept it."""

    name: str
    value: str
    goal: str = ""
    reached: bool | None = None

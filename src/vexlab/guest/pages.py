"""What programs print that time the first pages of a list and its last. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Nanoseconds of the first pages of a list, and of as many last ones."""

    first_ns: int
    last_ns: int


def parse_pages(text: str) -> tuple[Pages, ...]:
    """Return the times of each round; raise ``ValueError`` where a line has others than two numbers."""
    rounds = []
    for line in text.splitlines():
        # 1203344 1184312
        first, last = map(int, line.split())
        rounds.append(Pages(first_ns=first, last_ns=last))
    return tuple(rounds)

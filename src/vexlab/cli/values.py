"""Values that an option takes in a form of its own; each function is the type of such an option."""

from __future__ import annotations

import re

import click

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 100 * 365 * 86400  # seconds: what lies further back than a century has no date in Python's calendar


def levels(words: str) -> tuple[int, ...]:
    """Return the levels, ascending, of one level, a list or a range: ``2``, ``1,3``, ``1-2``."""
    found: set[int] = set()
    for part in words.split(","):
        # 1-2
        match = re.fullmatch(r"([1-3])(?:-([1-3]))?", part.strip())
        chosen = range(int(match[1]), int(match[2] or match[1]) + 1) if match else range(0)
        if not chosen:
            raise click.BadParameter(f"{words!r} names no levels: there are 1, 2 and 3, as in `1`, `1,3` or `1-2`")
        found |= set(chosen)
    return tuple(sorted(found))


def duration(words: str) -> float:
    """Return the seconds of a time with its unit: ``90s``, ``10m``, ``1.5h``, ``30d``."""
    # 1.5h
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", words.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not seconds:
        raise click.BadParameter(f"{words!r} is no time: a number and its unit, as in `90s`, `10m` or `1.5h`")
    if seconds > _LONGEST:
        raise click.BadParameter(f"{words!r} is longer than a century (36500d)")
    return seconds

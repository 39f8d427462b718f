"""A number that a case measured, with its unit and the direction in which it gets better."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Better = Literal["lower", "higher", "none"]


class Direction(StrEnum):
    """Which of two values is the better one; of what only describes, such as a count of cycles, neither is."""

    LOWER = "lower"
    HIGHER = "higher"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """How names of metrics end that are in the unit ``word``."""

    suffix: str
    word: str
    direction: Direction


# The first suffix that fits decides, so a longer one stands before the one that it ends in.
UNITS = (
    Unit(suffix="_bytes_per_s", word="bytes/s", direction=Direction.HIGHER),
    Unit(suffix="_mib_per_s", word="MiB/s", direction=Direction.HIGHER),
    Unit(suffix="_per_s", word="/s", direction=Direction.HIGHER),
    Unit(suffix="_per_minute", word="/min", direction=Direction.HIGHER),
    Unit(suffix="_bytes_per_cycle", word="bytes/cycle", direction=Direction.LOWER),
    Unit(suffix="_s", word="s", direction=Direction.LOWER),
    Unit(suffix="_ms", word="ms", direction=Direction.LOWER),
    Unit(suffix="_us", word="us", direction=Direction.LOWER),
    Unit(suffix="_ns", word="ns", direction=Direction.LOWER),
    Unit(suffix="_bytes", word="bytes", direction=Direction.LOWER),
    Unit(suffix="_kib", word="KiB", direction=Direction.LOWER),
    Unit(suffix="_mib", word="MiB", direction=Direction.LOWER),
    Unit(suffix="_percent", word="%", direction=Direction.NONE),
    Unit(suffix="_ratio", word="", direction=Direction.NONE),
    Unit(suffix="_count", word="", direction=Direction.NONE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """``name`` ends in its unit (``load_s``); ``unit`` is that unit as people write it, empty for a plain number."""

    name: str
    value: float
    unit: str = ""
    direction: Direction = Direction.NONE

    def __str__(self) -> str:
        """Return the metric for people: ``load 0.25 s``."""
        ends = next((unit.suffix for unit in UNITS if self.unit == unit.word and self.name.endswith(unit.suffix)), "")
        return f"{self.name.removesuffix(ends)} {self.value:g} {self.unit}".rstrip()


def measured(name: str, value: float, better: Better | None = None) -> Metric:
    """Return the metric ``name``, its unit by the end of the name; ``better`` overrides the unit's direction.

    >>> measured("load_s", 0.25)
    Metric(name='load_s', value=0.25, unit='s', direction=<Direction.LOWER: 'lower'>)
    """
    unit = next((unit for unit in UNITS if name.endswith(unit.suffix)), None)
    direction = Direction(better) if better else unit.direction if unit else Direction.NONE
    return Metric(name=name, value=value, unit=unit.word if unit else "", direction=direction)

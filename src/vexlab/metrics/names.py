"""Which metrics there are, with what they say, and how many values a label may have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# Seconds: a fresh machine takes a fifth of one, a case of level 3 an hour.
CASE_BUCKETS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
MACHINE_BUCKETS = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0)
SHORT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

LABEL_MOST = 64  # characters of a label's value
OTHER = "other"
# How many values a label may have; those that come later are `other`. The product of all is a bound on series.
VALUES_MOST: Mapping[str, int] = {
    "target": 20,
    "domain": 30,
    "level": 4,
    "kernel": 20,
    "flavour": 10,
    "verdict": 8,
    "type": 60,
    "benchmark": 60,
}
_ODD = re.compile(r"[^\x20-\x7e]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A metric that cases record, and the histogram of seconds that it goes into; ``pattern`` is of its name.

    ``rate`` tells that the case records how many there are in a second.
    """

    pattern: re.Pattern[str]
    name: str
    about: str
    rate: bool = False

    def seconds(self, value: float) -> float:
        """Return what was recorded as seconds for one."""
        return 1 / value if self.rate and value > 0 else value


# The first row whose pattern is the whole name decides: "load_s", "load_median_s", "search_100_per_s"
MEASURED = (
    Measured(
        pattern=re.compile(r"load_s|load_median_s"),
        name="vexlab_module_load_seconds",
        about="Time that loading the module took.",
    ),
    Measured(
        pattern=re.compile(r"mount_s|mount_median_s"),
        name="vexlab_mount_seconds",
        about="Time that mounting the filesystem took.",
    ),
    Measured(
        pattern=re.compile(r"\w*search\w*(?<!_low)(?<!_high)_per_s"),
        name="vexlab_vector_search_seconds",
        about="Latency of a search for vectors, the median of a case.",
        rate=True,
    ),
)
# "create_low_ratio" and "create_high_ratio" are ends of an interval, "create_ratio" is what was measured
RATIO = re.compile(r"(\w+?)(?<!_low)(?<!_high)_ratio")


class Labels:
    """Keeps the number of values of each label bounded: series that nobody can count would stop Prometheus."""

    def __init__(self, most: Mapping[str, int] = VALUES_MOST) -> None:
        self._most = most
        self._seen: dict[str, set[str]] = {}

    def value(self, label: str, value: str) -> str:
        """Return ``value`` as a label may have it, or ``other`` once there are too many."""
        plain = _ODD.sub("?", value)[:LABEL_MOST]
        seen = self._seen.setdefault(label, set())
        if plain in seen:
            return plain
        if len(seen) >= self._most.get(label, 20):
            return OTHER
        seen.add(plain)
        return plain

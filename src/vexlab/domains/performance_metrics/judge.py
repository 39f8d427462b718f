"""What is measured against what is allowed: a case fails where a whole confidence interval lies beyond its limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vexlab.errors import TargetFailure
from vexlab.guest.fsperf import REFERENCE, TARGET, Sample
from vexlab.model.metric import Better
from vexlab.plugin.fixtures import Metrics
from vexlab.stats import Interval, median_interval


def in_pairs(samples: Sequence[Sample], phase: str, threads: int = 1) -> list[tuple[Sample, Sample]]:
    """Return the samples of a phase, target and reference side by side, in the order they were taken."""
    sides = [
        [each for each in samples if (each.side, each.phase, each.threads) == (side, phase, threads)]
        for side in (TARGET, REFERENCE)
    ]
    return list(zip(*sides, strict=True))


def ratios(pairs: Sequence[tuple[Sample, Sample]], figure: Callable[[Sample], float]) -> list[float]:
    """Return the target's ``figure`` over the reference's, for each pair."""
    return [figure(target) / figure(reference) for target, reference in pairs]


def speed(sample: Sample) -> float:
    """Return operations per second."""
    return sample.per_second


class Judge:
    """Records intervals as metrics, and keeps what is beyond its limit until ``done``, so that all of it is told."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._wrong: list[str] = []

    def compare(
        self, name: str, values: Sequence[float], *, least: float | None = None, most: float | None = None
    ) -> Interval:
        """Judge ratios of target to reference by their median: not surely under ``least``, nor over ``most``."""
        return self.interval(f"{name}_ratio", median_interval(values), least=least, most=most)

    def interval(
        self, name: str, found: Interval, *, least: float | None = None, most: float | None = None
    ) -> Interval:
        """Judge an interval; ``name`` ends in its unit."""
        stem, _, unit = name.rpartition("_")
        better: Better | None = "higher" if least is not None else "lower" if most is not None else None
        self._metrics.record(name, found.middle, better=better)
        self._metrics.record(f"{stem}_low_{unit}", found.low, better=better)
        self._metrics.record(f"{stem}_high_{unit}", found.high, better=better)
        words = f"{name} is {found.middle:.3g} ({found.low:.3g} to {found.high:.3g}, {found.confidence:.1%})"
        if least is not None and found.high < least:
            self._wrong.append(f"{words}, less than {least:g}")
        if most is not None and found.low > most:
            self._wrong.append(f"{words}, more than {most:g}")
        return found

    def count(self, name: str, value: float, reference: float, *, most: float) -> None:
        """Judge something counted, which no noise makes greater: it must not be over ``most``."""
        if value or reference:
            self._metrics.record(f"{name}_count", value, better="lower")
            self._metrics.record(f"{name}_reference_count", reference)
        if value > most:
            self._wrong.append(f"{name} is {value:g}, the reference's {reference:g}, allowed are {most:g}")

    def wrong(self, words: str) -> None:
        """Note something that is wrong in itself."""
        self._wrong.append(words)

    def done(self) -> None:
        """Raise ``TargetFailure`` where something was beyond its limit."""
        if self._wrong:
            raise TargetFailure("; ".join(self._wrong))

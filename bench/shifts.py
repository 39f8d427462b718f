"""The errors of both kinds of ``vexlab.model.shift``, counted in histories that are noise alone, or hold a change."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.row import Row
from vexlab.model.shift import judge, run_value

HISTORIES, RUNS, BEFORE = 1000, 100, 150
SEED = 20261128
NOISE = 0.05  # standard deviation of a run

Noise = Callable[[random.Random], float]


def normal(draw: random.Random) -> float:
    return draw.gauss(0, NOISE)


def heavy(draw: random.Random) -> float:
    """Student's t with three degrees of freedom, of the same standard deviation."""
    chi = sum(draw.gauss(0, 1) ** 2 for _ in range(3))
    return NOISE / math.sqrt(3) * draw.gauss(0, 1) / math.sqrt(chi / 3)


def skewed(draw: random.Random) -> float:
    """Times on a shared host: now and then a run is slower, never faster."""
    return NOISE * (draw.expovariate(1) - 1)


def spiked(draw: random.Random) -> float:
    """Of twenty runs one takes twice as long."""
    return normal(draw) + (math.log(2) if draw.random() < 0.05 else 0)


@dataclass(frozen=True)
class Scenario:
    """How a history is made: its noise, the shift of its level after ``BEFORE`` runs, and what disturbs it.

    ``repeated`` values a run; ``paired`` with a reference that drifts along; ``missing`` is the part of runs left out.
    """

    name: str
    noise: Noise = normal
    shift: float = 0.0
    repeated: int = 1
    paired: bool = False
    missing: float = 0.0

    def history(self, draw: random.Random, runs: int, before: int) -> list[float]:
        """Return the figures of the runs that were not left out."""
        drift = 0.0
        figures = []
        for at in range(runs):
            drift += draw.gauss(0, 0.03) if self.paired else 0.0
            level = drift + (math.log1p(self.shift) if at >= before else 0.0)
            values = [math.exp(level + self.noise(draw)) for _ in range(self.repeated)]
            reference = [math.exp(drift + self.noise(draw)) for _ in range(self.repeated)] if self.paired else []
            if draw.random() >= self.missing:
                figures.append(run_value(values, reference))
        return figures


QUIET = (
    Scenario("normal noise"),
    Scenario("heavy tails (t, 3 degrees)", heavy),
    Scenario("skewed noise", skewed),
    Scenario("one spike in 20 runs", spiked),
    Scenario("a drifting host, paired ratios", paired=True),
    Scenario("every fifth run missing", missing=0.2),
)
# Four repetitions halve the noise of a run; those of a pair are in the ratio twice, so that eight are as good as that.
MOVED = (
    (Scenario("a 10 % shift", shift=0.1), 10),
    (Scenario("a 10 % shift, heavy tails", heavy, shift=0.1), 10),
    (Scenario("a 20 % shift, one spike in 20 runs", spiked, shift=0.2), 10),
    (Scenario("a 5 % shift", shift=0.05), 40),
    (Scenario("a 5 % shift, four repetitions", shift=0.05, repeated=4), 10),
    (Scenario("a 5 % shift, pairs on a drifting host", shift=0.05, repeated=8, paired=True), 10),
)


def alarms(scenario: Scenario, histories: int, runs: int = RUNS, seed: int = SEED) -> float:
    """Return in which part of ``histories`` without a change one is told."""
    draw = random.Random(seed)
    return sum(bool(judge(scenario.history(draw, runs, runs)).shifts) for _ in range(histories)) / histories


def found(scenario: Scenario, within: int, histories: int, before: int = BEFORE, seed: int = SEED) -> float:
    """Return in which part of ``histories`` the change is told by the time of ``within`` runs after it.

    What is told before it happened is no finding.
    """
    draw = random.Random(seed)
    told = (_told(scenario.history(draw, before + within, before), before) for _ in range(histories))
    return sum(told) / histories


def _told(figures: Sequence[float], before: int) -> bool:
    return any(each.seen >= before for each in judge(figures).shifts)


def statistics(histories: int = HISTORIES) -> list[Row]:
    """Count alarms where nothing changed, and changes that are found in time."""
    rows = []
    for scenario in QUIET:
        part = alarms(scenario, histories)
        name = f"{scenario.name}: histories of {RUNS} runs with an alarm"
        rows.append(Row(name, f"{100 * part:.2f} % of {histories}", "≤ 1 %", part <= 0.01))
    for scenario, within in MOVED:
        part = found(scenario, within, histories)
        name = f"{scenario.name}, after {BEFORE} runs: told within {within}"
        rows.append(Row(name, f"{100 * part:.1f} % of {histories}", "≥ 95 %", part >= 0.95))
    return rows
